// SPDX-License-Identifier: Apache-2.0
#include "analysis/hang_ups.h"

#include <algorithm>

#include "analysis/end_cause.h"

namespace tcpdwell::analysis {
namespace {

using namespace std::chrono_literals;

/// Until a process has noticed it, and closed.
constexpr Nanoseconds kNoticedWithin = 20ms;
/// Between the last answer to a client, or its opening, and the request to the next server.
constexpr Nanoseconds kAskedWithin = 50ms;
/// Whoever waits for less may have closed for any reason.
constexpr Nanoseconds kWait = 100ms;

/// When the peer's FIN came.
MonoTime was_closed_there_at(const track::ConnectionLine& line) {
    MonoTime at = line.closed.value_or(MonoTime{});
    for (const track::PathStep& step : line.states)
        if (step.state == tcp::State::CLOSE_WAIT || step.state == tcp::State::LAST_ACK)
            at -= step.dwell.value_or(step.at_least);
    return at;
}

} // namespace

void HangUps::note(const track::ConnectionLine& line) {
    if (line.who->role != tcp::Role::server || line.closed_first != tcp::ClosedFirst::remote ||
        !line.closed || !line.who->process || line.who->process->pid == 0 ||
        line.numbers == nullptr || !line.numbers->since_sent_ms)
        return;
    const std::uint32_t pid = line.who->process->pid;
    if (by_pid_.size() >= kMostProcesses && !by_pid_.contains(pid)) return;
    const MonoTime at = was_closed_there_at(line);
    const MonoTime last_sent = line.numbers_at.value_or(*line.closed) -
                               std::chrono::milliseconds(*line.numbers->since_sent_ms);
    if (at - last_sent < kWait) return;
    std::vector<HangUp>& last = by_pid_[pid];
    if (last.size() >= kMostOfOne) last.erase(last.begin());
    last.push_back({at, at - last_sent});
}

bool HangUps::take_reason_of(const track::ConnectionLine& line) {
    if (line.who->role != tcp::Role::client || line.closed_first != tcp::ClosedFirst::local ||
        !line.closed || !line.who->process)
        return false;
    const auto found = by_pid_.find(line.who->process->pid);
    const auto waited = idle_before_close(line);
    if (found == by_pid_.end() || !waited) return false;
    const MonoTime at = closing_began(line);
    std::vector<HangUp>& last = found->second;
    const auto reason = std::ranges::find_if(last, [&](const HangUp& each) {
        const Nanoseconds more = each.waited - *waited;
        return each.at <= at && at - each.at <= kNoticedWithin && more <= kAskedWithin &&
               -more <= kAskedWithin;
    });
    if (reason == last.end()) return false;
    last.erase(reason);
    return true;
}

} // namespace tcpdwell::analysis
