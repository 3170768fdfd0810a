// SPDX-License-Identifier: Apache-2.0
// Human forms of the values.
#include "render/cell.h"

#include <fmt/format.h>

#include "render/duration.h"
#include "render/text.h"
#include "render/timestamp.h"

namespace tcpdwell {
namespace {

constexpr std::string_view kRed = "31";

std::string_view colour_of(TcpState state) {
    switch (state) {
    case TcpState::SYN_SENT:
    case TcpState::SYN_RECV: return "36";    // cyan
    case TcpState::ESTABLISHED: return "32"; // green
    case TcpState::FIN_WAIT1:
    case TcpState::FIN_WAIT2:
    case TcpState::CLOSE_WAIT:
    case TcpState::LAST_ACK:
    case TcpState::CLOSING: return "33";   // yellow
    case TcpState::TIME_WAIT: return "35"; // magenta
    case TcpState::CLOSE: return "2";      // dim
    case TcpState::LISTEN: return "34";    // blue
    }
    return {};
}

/// An ending that deserves attention.
bool is_bad_ending(std::string_view ending) {
    return !ending.empty() && ending != name(Ending::fin) && ending != name(Ending::open) &&
           ending != name(Ending::unknown);
}

} // namespace

void CellText::clear() {
    text_.clear();
    width_ = 0;
}

void CellText::append(const Column& column, const Value& value) {
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
    width_ += append_printable(text_, text);
    if (coloured) text_ += "\x1b[0m";
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
    width_ += text_.size() - before;
}

void CellText::write(const HexId& id) { append(fmt::format("{:0{}x}", id.value, id.digits)); }

void CellText::write(const EndpointValue& value) {
    const Endpoint& endpoint = value.endpoint;
    if (endpoint.port == 0 && endpoint.address.is_unspecified()) {
        append(value.always_object ? "(connects)" : "*:*");
        return;
    }
    const bool brackets = value.family == Family::ipv6;
    append(fmt::format("{}{}{}:", brackets ? "[" : "", endpoint.address.text(value.family),
                       brackets ? "]" : ""));
    append(endpoint.port == 0 ? "*" : fmt::format_int(endpoint.port).c_str());
}

void CellText::write(const ProcessValue& process) {
    if (process.pid == 0) return append(process.comm.empty() ? "-" : process.comm);
    append(fmt::format_int(process.pid).c_str());
    if (process.comm.empty()) return;
    append("/");
    append(process.comm);
}

void CellText::write(TcpState state) { append(name(state), colour_of(state)); }

void CellText::write(std::span<const StateSpan> states) {
    if (states.empty()) append("-");
    for (const StateSpan& span : states) {
        if (&span != states.data()) append(" > ");
        write(span.state);
        append(" ");
        span.dwell ? write(*span.dwell) : write(std::monostate{});
    }
}

void CellText::write(const TimeWaitValue& value) {
    value.dwell ? write(*value.dwell) : write(std::monostate{});
    append(" ");
    append(name(value.end));
    if (value.restarts != 0) {
        append(fmt::format(", {} restart{}", value.restarts, value.restarts == 1 ? "" : "s"));
    }
}

/// Three significant digits: enough for seconds of sockets.
void CellText::write(double number) {
    append(number < 1000 ? fmt::format("{:.3g}", number) : fmt::format("{:.0f}", number));
}

void CellText::write(bool value) { append(value ? "yes" : "no"); }

void CellText::write(std::span<const TextPart> parts) {
    if (parts.empty()) append("-");
    for (const TextPart& part : parts) {
        if (&part != parts.data()) append(" ");
        append(part.name);
        append("=");
        append(part.text);
    }
}

void CellText::write(std::span<const NumberPart> parts) {
    if (parts.empty()) append("-");
    for (const NumberPart& part : parts) {
        if (&part != parts.data()) append(" ");
        append(part.name);
        append("=");
        std::visit([this](auto value) { write(value); }, part.number);
    }
}

} // namespace tcpdwell
