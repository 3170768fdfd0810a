// SPDX-License-Identifier: Apache-2.0
// What is above the tables.
#include <fmt/format.h>

#include <algorithm>

#include "render/loss_text.h"
#include "render/text_bars.h"
#include "render/timestamp.h"
#include "screen/layout_parts.h"
#include "screen/text_fit.h"

namespace tcpdwell::screen {
namespace {

using tcp::State;

constexpr std::size_t kLabelWidth = 11;
constexpr std::size_t kNumberWidth = 6;
constexpr std::size_t kLeastForThree = 72;
constexpr std::size_t kLeastForTitle = 60;
constexpr std::size_t kLeastForName = 4;
/// After this time without a change a finding is of the past.
constexpr Nanoseconds kPast = std::chrono::minutes(1);

std::string clock_text(WallTime wall) {
    std::string text;
    render::append_time_of_day(text, wall);
    return text.substr(0, 8); // to the second
}

std::string minutes_text(Nanoseconds time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
    if (seconds < 3600) return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
    return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string playback_text(const SourceState& source) {
    std::string text;
    if (source.position) text += "at " + minutes_text(*source.position);
    if (source.length) text += " of " + minutes_text(*source.length);
    if (source.has_ended) return text + ", end";
    if (source.is_seeking) return text + ", seeking";
    if (source.is_paused) return text + ", paused";
    return text + (source.speed > 0 ? fmt::format(", {:g}x", source.speed) : ", full speed");
}

struct Meter {
    std::string_view label;
    double now = 0;
    std::vector<std::uint64_t> history;
    bool is_bad = false; ///< if above 0
};

Meter rate_meter(const ScreenData& data, std::string_view label,
                 std::uint64_t analysis::PulseStep::*count, bool is_bad) {
    Meter meter{label, 0, {}, is_bad};
    for (const analysis::PulseStep& step : data.steps) meter.history.push_back(step.*count);
    if (!data.steps.empty() && data.step > Nanoseconds(0))
        meter.now = static_cast<double>(meter.history.back()) /
                    std::chrono::duration<double>(data.step).count();
    return meter;
}

Meter state_meter(const ScreenData& data, State state) {
    Meter meter{name(state), static_cast<double>(data.present.sockets[state]), {}, false};
    for (const analysis::PulseStep& step : data.steps) meter.history.push_back(step.sockets[state]);
    return meter;
}

/// Label, number, and where there is room how it went, the latest on the right.
void append_meter(ScreenLine& line, Meter meter, std::size_t width, bool unicode) {
    const bool is_alarming = meter.is_bad && meter.now > 0;
    line.push_back(
        {fitted_text(meter.label, kLabelWidth, report::Align::left, unicode), Tone::dim});
    line.push_back(
        {fitted_text(short_number(meter.now), kNumberWidth, report::Align::right, unicode),
         is_alarming ? Tone::warning : Tone::plain});
    if (width <= kLabelWidth + kNumberWidth) return;
    const std::size_t room = width - kLabelWidth - kNumberWidth;
    const std::size_t steps = room - std::min<std::size_t>(room, 2); // a space on either side
    if (meter.history.size() > steps)
        meter.history.erase(meter.history.begin(),
                            meter.history.end() - static_cast<std::ptrdiff_t>(steps));
    else
        meter.history.insert(meter.history.begin(), steps - meter.history.size(), 0);
    std::string spark = " " + render::sparkline(meter.history, steps, unicode);
    line.push_back({fitted_text(spark, room, report::Align::left, unicode), Tone::info});
}

std::string_view severity_word(report::Severity severity) {
    switch (severity) {
    case report::Severity::critical: return "CRIT";
    case report::Severity::warning: return "warn";
    case report::Severity::info: return "info";
    }
    return {};
}

Tone tone_of(report::Severity severity) {
    switch (severity) {
    case report::Severity::critical: return Tone::critical;
    case report::Severity::warning: return Tone::warning;
    case report::Severity::info: return Tone::info;
    }
    return Tone::plain;
}

} // namespace

Lines source_lines(const ScreenData& data, const ViewState& view, const ScreenStyle& style) {
    const SourceState& source = data.source;
    const std::size_t width = style.size.width;
    std::string state = clock_text(data.wall);
    if (!source.is_live) state += "  " + playback_text(source);
    if (view.is_frozen) state += source.is_live ? "  FROZEN" : "";
    const std::string title = width < kLeastForTitle ? "top" : "tcpdwell top";
    ScreenLine first{{title, Tone::title}, {"  "}};
    // The time counts more than the name, and of that the last part.
    const std::size_t used = title.size() + state.size() + 4;
    const std::size_t room = width - std::min(width, used);
    std::string_view name = source.name;
    if (name.size() > room) name.remove_prefix(name.rfind('/') + 1); // npos + 1 is 0
    if (room >= kLeastForName) {
        first.push_back(piece_of(name, room, style));
        first.push_back({"  "});
    }
    first.push_back(piece_of(state, width - columns_of(first), style,
                             view.is_frozen ? Tone::warning : Tone::plain));
    const bool is_whole = data.lost == 0 && data.holes == 0 && data.unseen == 0;
    ScreenLine second{piece_of(render::loss_text(data.lost, data.holes, data.unseen), width, style,
                               is_whole ? Tone::good : Tone::critical)};
    std::string rest = fmt::format("; counts of the last {}", duration_text(data.now - data.begin));
    if (!source.filter.empty()) rest += "; filter " + source.filter;
    second.push_back(piece_of(rest, width - columns_of(second), style));
    return {std::move(first), std::move(second)};
}

Lines meter_lines(const ScreenData& data, const ScreenStyle& style) {
    using Step = analysis::PulseStep;
    Meter rates[kMeterLines] = {rate_meter(data, "opens/s", &Step::opened, false),
                                rate_meter(data, "closes/s", &Step::closed, false),
                                rate_meter(data, "resets/s", &Step::reset, true),
                                rate_meter(data, "failed/s", &Step::failed, true),
                                rate_meter(data, "retrans/s", &Step::retransmitted, true)};
    rates[kMeterLines - 1].now = data.retransmitted_per_second;
    static constexpr State kFirst[kMeterLines] = {
        State::ESTABLISHED, State::TIME_WAIT, State::CLOSE_WAIT, State::SYN_SENT, State::SYN_RECV};
    static constexpr State kSecond[kMeterLines] = {State::FIN_WAIT1, State::FIN_WAIT2,
                                                   State::LAST_ACK, State::CLOSING, State::LISTEN};
    const std::size_t columns = style.size.width >= kLeastForThree ? 3 : 2;
    const std::size_t width = style.size.width / columns;
    Lines lines;
    for (std::size_t i = 0; i < kMeterLines; ++i) {
        ScreenLine& line = lines.emplace_back();
        append_meter(line, rates[i], width, style.unicode);
        append_meter(line, state_meter(data, kFirst[i]), width, style.unicode);
        if (columns == 3) append_meter(line, state_meter(data, kSecond[i]), width, style.unicode);
    }
    return lines;
}

Lines finding_lines(const ScreenData& data, std::size_t most, const ScreenStyle& style) {
    const std::size_t width = style.size.width;
    const std::size_t all = data.findings.size();
    Lines lines;
    const std::string heading =
        all == 0 ? "No findings so far"
                 : fmt::format("{} finding{} (f: in full)", all, all == 1 ? "" : "s");
    lines.push_back(
        {{fitted_text(heading, width, report::Align::left, style.unicode), Tone::heading}});
    for (std::size_t i = 0; i < all && i < most; ++i) {
        const FindingRow& row = data.findings[i];
        const bool is_past = row.unchanged >= kPast;
        ScreenLine& line = lines.emplace_back();
        line.push_back({std::string(severity_word(row.finding->severity)) + " ",
                        tone_of(row.finding->severity)});
        const std::string since =
            is_past ? fmt::format(" (last {} ago)", duration_text(row.unchanged)) : "";
        const std::string text = fmt::format("{}{}: {}", row.finding->id, since, row.finding->what);
        line.push_back(piece_of(text, width - 5, style, is_past ? Tone::dim : Tone::plain));
    }
    return lines;
}

ScreenLine last_line(const ScreenData& data, const ViewState& view, const ScreenStyle& style) {
    const std::size_t width = style.size.width;
    if (view.is_typing) {
        ScreenLine line{{"Filter: ", Tone::title}};
        line.push_back(piece_of(view.filter + "_", width - 8, style));
        line.push_back(piece_of("  Enter keeps it, Esc clears it", width - columns_of(line), style,
                                Tone::dim));
        return line;
    }
    std::vector<std::pair<std::string_view, std::string_view>> keys = {
        {"q", "quit"}, {"?", "help"}, {"space", data.source.is_live ? "freeze" : "pause"}};
    if (view.page == ViewState::Page::table) {
        keys.insert(keys.end(), {{"Tab", "table"}, {"/", "filter"}});
        keys.insert(keys.end(), {{"<>", "sort"}, {"r", "reverse"}, {"Enter", "open"}});
        keys.push_back({"f", "findings"});
    } else {
        keys.push_back({"Esc", "back"});
    }
    if (!data.source.is_live) keys.insert(keys.end(), {{"<- ->", "10s"}, {"+-", "speed"}});
    keys.push_back({"z", "restart counts"});
    ScreenLine line;
    for (const auto& [key, what] : keys) {
        if (columns_of(line) + key.size() + what.size() + 3 > width + 2) break;
        line.push_back({std::string(key), Tone::title});
        line.push_back({fmt::format(" {}  ", what)});
    }
    if (columns_of(line) > width) line.back().text.resize(line.back().text.size() - 2);
    return line;
}

} // namespace tcpdwell::screen
