// SPDX-License-Identifier: Apache-2.0
#include "analysis/hang_ups.h"

#include <algorithm>

#include "analysis/end_cause.h"
#include "track/connection_table.h"

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

/// Each namespace has loopback addresses of its own; others are taken for the same host.
std::uint64_t key_of_ends(std::uint32_t netns, const tcp::FourTuple& ends) {
    return track::hash_of(ends.remote.address.is_loopback() ? netns : 0, ends);
}

/// Whoever closed it, where that is known: a server's child has it from who accepted it.
std::uint32_t pid_of(const track::ConnectionIdentity& who) {
    const std::optional<event::Process>& process = who.closed_by ? who.closed_by : who.process;
    return process ? process->pid : 0;
}

/// When there was nothing left of it but a TIME_WAIT, or nothing at all.
std::optional<MonoTime> was_over_at(const track::ConnectionLine& line) {
    if (!line.closed || line.states.empty()) return std::nullopt;
    const track::PathStep& last = line.states.back();
    if (last.state != tcp::State::TIME_WAIT) return line.closed;
    return *line.closed - last.dwell.value_or(last.at_least);
}

} // namespace

bool was_half_closed(const track::ConnectionLine& line) {
    // The numbers are read as the full socket goes: at the server's FIN, or at close() before that.
    constexpr Nanoseconds kSameMoment = 20us;
    const auto over = was_over_at(line);
    return line.closed_how == tcp::ClosedHow::shutdown &&
           line.closed_first == tcp::ClosedFirst::local && over && line.numbers_at &&
           *line.numbers_at + kSameMoment >= *over;
}

std::optional<Nanoseconds> kept_half_closed(const track::ConnectionLine& line) {
    if (line.who->role != tcp::Role::client || line.closed_how != tcp::ClosedHow::shutdown ||
        line.closed_first != tcp::ClosedFirst::local || !line.numbers_at || !line.closed ||
        *line.numbers_at >= *line.closed)
        return std::nullopt;
    return std::max(*line.numbers_at - closing_began(line), Nanoseconds(0));
}

void HangUps::note(const track::ConnectionLine& line) {
    if (line.who->role != tcp::Role::server || line.closed_first != tcp::ClosedFirst::remote ||
        !line.closed || pid_of(*line.who) == 0 || line.numbers == nullptr ||
        !line.numbers->since_sent_ms)
        return;
    const std::uint32_t pid = pid_of(*line.who);
    if (by_pid_.size() >= kMostProcesses && !by_pid_.contains(pid)) return;
    const MonoTime at = was_closed_there_at(line);
    const MonoTime last_sent = line.numbers_at.value_or(*line.closed) -
                               std::chrono::milliseconds(*line.numbers->since_sent_ms);
    if (at - last_sent < kWait) return;
    std::vector<HangUp>& last = by_pid_[pid];
    if (last.size() >= kMostOfOne) last.erase(last.begin());
    const tcp::FourTuple& own = line.who->tuple;
    const tcp::FourTuple client{own.remote, own.local, own.family};
    last.push_back({at, at - last_sent, key_of_ends(line.who->netns, client)});
}

bool HangUps::take_reason_of(const track::ConnectionLine& line, CauseFacts& facts) {
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
    if (reasons_.size() < kMostReasons) reasons_[reason->client] = &facts;
    last.erase(reason);
    return true;
}

CauseFacts* HangUps::explained_by(const track::ConnectionIdentity& client) const {
    if (client.role != tcp::Role::client || reasons_.empty()) return nullptr;
    const auto found = reasons_.find(key_of_ends(client.netns, client.tuple));
    return found == reasons_.end() ? nullptr : found->second;
}

void HangUps::forget_reason(const track::ConnectionIdentity& client) {
    reasons_.erase(key_of_ends(client.netns, client.tuple));
}

} // namespace tcpdwell::analysis
