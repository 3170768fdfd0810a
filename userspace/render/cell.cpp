// SPDX-License-Identifier: Apache-2.0
// Human forms of the values.
#include "render/cell.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "render/duration.h"
#include "render/timestamp.h"

namespace tcpdwell::render {
namespace {

constexpr std::string_view kRed = "31";

std::string_view colour_of(tcp::State state) {
    switch (state) {
    case tcp::State::SYN_SENT:
    case tcp::State::SYN_RECV: return "36";    // cyan
    case tcp::State::ESTABLISHED: return "32"; // green
    case tcp::State::FIN_WAIT1:
    case tcp::State::FIN_WAIT2:
    case tcp::State::CLOSE_WAIT:
    case tcp::State::LAST_ACK:
    case tcp::State::CLOSING: return "33";   // yellow
    case tcp::State::TIME_WAIT: return "35"; // magenta
    case tcp::State::CLOSE: return "2";      // dim
    case tcp::State::LISTEN: return "34";    // blue
    }
    return {};
}

/// An ending that deserves attention.
bool is_bad_ending(std::string_view word) {
    const auto ending = from_word<tcp::Ending>(word);
    if (!ending) return false;
    using enum tcp::Ending;
    switch (*ending) {
    case fin:
    case open:
    case unknown: return false;
    case reset_sent:
    case reset_received:
    case timed_out:
    case refused:
    case connect_failed:
    case handshake_failed:
    case fin_wait2_expired:
    case dropped_silently: break;
    }
    return true;
}

} // namespace

void CellText::clear() {
    text_.clear();
    width_ = 0;
}

void CellText::append(const report::Column& column, const report::Value& value) {
    const auto* text = std::get_if<std::string_view>(&value);
    if (text != nullptr && column.id == "ending" && is_bad_ending(*text)) {
        append(*text, kRed);
    } else {
        std::visit([this](const auto& cell) { write(cell); }, value);
    }
}

void CellText::append(std::string_view text, std::string_view sgr) {
    const bool coloured = colour_ && !sgr.empty();
    if (coloured) text_.append("\x1b[").append(sgr) += 'm';
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t blank =
            blanks_ == Blanks::none ? text.find(' ', begin) : std::string_view::npos;
        const std::size_t end = std::min(blank, text.size());
        width_ += append_printable(text_, text.substr(begin, end - begin));
        if (end < text.size()) width_ += append_printable(text_, "\\x20");
        begin = end + 1;
    }
    if (coloured) text_ += "\x1b[0m";
}

void CellText::cut(std::size_t width, report::Keep keep, std::string_view mark) {
    if (width_ <= width) return;
    // Which characters stay, by their number; colours stay all.
    const std::size_t shown = mark.empty() ? width : width - 1;
    const bool is_front = keep == report::Keep::front;
    const std::size_t first = is_front ? 0 : width_ - shown;
    const std::size_t last = first + shown;
    std::string kept(is_front ? "" : mark);
    std::size_t number = 0;
    for (std::size_t i = 0; i < text_.size();) {
        std::size_t size = 1;
        const bool is_colour = text_[i] == '\x1b';
        if (is_colour)
            size = text_.find('m', i) + 1 - i;
        else
            while (i + size < text_.size() && (text_[i + size] & 0xc0) == 0x80) ++size;
        if (!is_colour && number == last && is_front) kept += mark;
        if (is_colour || (number >= first && number < last)) kept.append(text_, i, size);
        if (!is_colour) ++number;
        i += size;
    }
    text_ = std::move(kept);
    width_ = width;
}

void CellText::write(std::monostate) { append("-"); }

void CellText::write(std::int64_t number) { append(fmt::format_int(number).c_str()); }

void CellText::write(std::string_view text) { append(text.empty() ? "-" : text); }

void CellText::write(WallTime time) {
    const std::size_t before = text_.size();
    append_time_of_day(text_, time);
    width_ += text_.size() - before;
}

void CellText::write(Nanoseconds duration) {
    const std::size_t before = text_.size();
    append_duration(text_, duration);
    if (blanks_ == Blanks::none)
        text_.erase(
            std::remove(text_.begin() + static_cast<std::ptrdiff_t>(before), text_.end(), ' '),
            text_.end());
    width_ += text_.size() - before;
}

void CellText::write(const report::HexId& id) {
    append(fmt::format("{:0{}x}", id.value, id.digits));
}

void CellText::write(const report::EndpointValue& value) {
    const tcp::Endpoint& endpoint = value.endpoint;
    if (endpoint.port == 0 && endpoint.address.is_unspecified()) {
        append(value.always_object ? "(connects)" : "*:*");
        return;
    }
    const bool brackets = value.family == tcp::Family::ipv6;
    append(fmt::format("{}{}{}:", brackets ? "[" : "", endpoint.address.text(value.family),
                       brackets ? "]" : ""));
    append(endpoint.port == 0 ? "*" : fmt::format_int(endpoint.port).c_str());
}

void CellText::write(const report::ProcessValue& process) {
    if (process.pid == 0) return append(process.comm.empty() ? "-" : process.comm);
    append(fmt::format_int(process.pid).c_str());
    if (process.comm.empty()) return;
    append("/");
    append(process.comm);
}

void CellText::write(tcp::State state) { append(name(state), colour_of(state)); }

void CellText::write(std::span<const report::StateSpan> states) {
    if (states.empty()) append("-");
    for (const report::StateSpan& span : states) {
        if (&span != states.data()) append(blanks_ == Blanks::none ? ">" : " > ");
        write(span.state);
        append(blanks_ == Blanks::none ? ":" : " ");
        if (!span.dwell && span.at_least > Nanoseconds(0)) append(">=");
        if (span.dwell || span.at_least > Nanoseconds(0))
            write(span.dwell.value_or(span.at_least));
        else
            write(std::monostate{});
    }
}

void CellText::write(const report::HolderList& holders) {
    if (holders.processes.empty()) append("nobody");
    for (const report::ProcessValue& process : holders.processes) {
        if (&process != holders.processes.data()) append(separator());
        write(process);
    }
    if (holders.count > holders.processes.size())
        append(fmt::format("{}+{}", separator(), holders.count - holders.processes.size()));
}

void CellText::write(const report::TimeWaitValue& value) {
    value.dwell ? write(*value.dwell) : write(std::monostate{});
    append(separator());
    append(name(value.end));
    if (value.restarts == 0) return;
    if (blanks_ == Blanks::none)
        append(fmt::format(",restarts={}", value.restarts));
    else
        append(fmt::format(", {} restart{}", value.restarts, value.restarts == 1 ? "" : "s"));
}

/// Three significant digits: enough for seconds of sockets.
void CellText::write(double number) {
    append(number < 1000 ? fmt::format("{:.3g}", number) : fmt::format("{:.0f}", number));
}

void CellText::write(bool value) { append(value ? "yes" : "no"); }

void CellText::write(std::span<const report::TextPart> parts) {
    if (parts.empty()) append("-");
    for (const report::TextPart& part : parts) {
        if (&part != parts.data()) append(separator());
        append(part.name);
        append("=");
        append(part.text);
    }
}

void CellText::write(std::span<const report::ObjectPart> parts) {
    bool first = true;
    for (const report::ObjectPart& part : parts) {
        if (std::holds_alternative<std::monostate>(part.value)) continue;
        if (!std::exchange(first, false)) append(separator());
        append(part.name);
        append("=");
        std::visit([this](auto value) { write(value); }, part.value);
    }
    if (first) append("-");
}

void CellText::write(std::span<const report::NumberPart> parts) {
    if (parts.empty()) append("-");
    for (const report::NumberPart& part : parts) {
        if (&part != parts.data()) append(separator());
        append(part.name);
        append("=");
        std::visit([this](auto value) { write(value); }, part.number);
    }
}

} // namespace tcpdwell::render
