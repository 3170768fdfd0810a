// SPDX-License-Identifier: Apache-2.0
#include "cli/interval_lines.h"

#include <utility>

#include "render/timestamp.h"

namespace tcpdwell::cli {
namespace {

constexpr report::Column number_column(std::string_view id, std::string_view title,
                                       std::string_view help) {
    return {.id = id, .title = title, .help = help, .width = 9, .align = report::Align::right};
}

constexpr report::Column kIntervalColumns[] = {
    {.id = "time", .title = "TIME", .help = "End of the interval.", .width = 8, .least = 8},
    number_column("opened", "OPENED", "Handshakes completed."),
    number_column("closed", "CLOSED", "Connections that left ESTABLISHED."),
    number_column("reset", "RESET", "Connections ended by an RST."),
    number_column("failed", "FAILED", "Connects and handshakes that failed."),
    number_column(
        "retransmitted", "RETRANS",
        "Segments sent again by the whole host, since the kernel's counters were last read; they "
        "are read every 10 s."),
    number_column("TIME_WAIT", "TIME_WAIT", "Sockets in TIME_WAIT at the end."),
    {.id = "CLOSE_WAIT",
     .title = "CLOSE_WAIT",
     .help = "Sockets in CLOSE_WAIT at the end.",
     .width = 10,
     .align = report::Align::right},
    {.id = "findings",
     .title = "FINDINGS",
     .help = "Ids of findings that the interval before didn't have.",
     .width = 20,
     .least = 1},
};
constexpr report::Schema kIntervals = {"interval", kIntervalColumns};

/// One step that never ends: the lines are differences of sums.
constexpr Nanoseconds kForEver = std::chrono::hours(24 * 365 * 100);

report::Value difference(std::uint64_t now, std::uint64_t before) {
    return report::count_value(now - before);
}

std::string time_in_seconds(WallTime time) {
    constexpr std::size_t kSize = std::string_view("12:34:56").size();
    std::string text;
    render::append_time_of_day(text, time);
    return text.substr(0, kSize);
}

} // namespace

IntervalLines::IntervalLines(run::Consumer& next, const run::Context& context, std::uint64_t sample,
                             std::size_t screenful, std::unique_ptr<render::Renderer> renderer)
    : ForwardingConsumer(next), context_(context), sample_(sample), screenful_(screenful),
      renderer_(std::move(renderer)) {}

void IntervalLines::begin(const run::Context& context) {
    now_ = context.clock().mono;
    pulse_.emplace(now_, kForEver, sample_);
    ForwardingConsumer::begin(context);
}

Result<bool> IntervalLines::flush(const run::RunState& state) {
    now_ = state.now;
    return ForwardingConsumer::flush(state);
}

void IntervalLines::settled(const run::RunState& state) {
    now_ = state.now;
    ForwardingConsumer::settled(state);
    is_settled_ = true; // what comes now is still open, and has been counted
}

void IntervalLines::on_move(const track::StateMove& move) {
    if (!is_settled_) pulse_->on_move(move);
    ForwardingConsumer::on_move(move);
}

void IntervalLines::on_transition(const track::TransitionLine& line) {
    if (!is_settled_) pulse_->on_transition(line);
    ForwardingConsumer::on_transition(line);
}

void IntervalLines::on_connection(const track::ConnectionLine& line) {
    if (!is_settled_) pulse_->on_connection(line);
    ForwardingConsumer::on_connection(line);
}

void IntervalLines::on_counters(const track::CountersLine& line) {
    if (!is_settled_) pulse_->on_counters(line);
    has_reading_ |= !read_.insert(line.netns).second; // the first one says nothing of before
    ForwardingConsumer::on_counters(line);
}

std::string IntervalLines::new_findings(const report::Report& report) {
    std::set<std::string, std::less<>> present;
    std::string text;
    for (const report::Section& section : report.sections) {
        const auto* findings = std::get_if<report::Findings>(&section.body);
        if (findings == nullptr) continue;
        for (const report::Finding& finding : findings->list) {
            const bool is_first = present.emplace(finding.id).second;
            if (is_first && !findings_.contains(finding.id))
                text.append(text.empty() ? "" : ",").append(finding.id);
        }
    }
    findings_ = std::move(present);
    return text;
}

void IntervalLines::print(const report::Report& report) {
    if (lines_++ % screenful_ == 0) renderer_->begin(kIntervals);
    const analysis::PulseStep& sum = pulse_->present();
    const std::string findings = new_findings(report);
    const std::string time = time_in_seconds(context_.clock().to_wall(now_));
    const report::Value row[] = {
        std::string_view(time),
        difference(sum.opened, before_.opened),
        difference(sum.closed, before_.closed),
        difference(sum.reset, before_.reset),
        difference(sum.failed, before_.failed),
        has_reading_ ? difference(sum.retransmitted, before_.retransmitted) : report::Value(),
        report::count_value(sum.sockets[tcp::State::TIME_WAIT]),
        report::count_value(sum.sockets[tcp::State::CLOSE_WAIT]),
        std::string_view(findings),
    };
    renderer_->row(kIntervals, row);
    before_ = sum;
    has_reading_ = false;
}

} // namespace tcpdwell::cli
