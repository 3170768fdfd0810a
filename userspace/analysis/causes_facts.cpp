// SPDX-License-Identifier: Apache-2.0
// What is known of the connections of a party that ended by one cause, one after the other.
#include <algorithm>

#include "analysis/causes.h"

namespace tcpdwell::analysis {
namespace {

/// That its process has no descriptor of any more.
bool is_orphan(const track::ConnectionLine& line) {
    return line.ending == tcp::Ending::timed_out && line.closed_how &&
           line.closed_how != tcp::ClosedHow::shutdown;
}

/// One that was opened before an answer came doesn't show that it is as it was.
void note_failed_try(CauseFacts& facts, EndCause cause, const track::ConnectionLine& line) {
    if (cause != EndCause::refused && cause != EndCause::unanswered) return;
    if (!facts.answered_since || (line.opened && *line.opened < *facts.answered_since)) return;
    facts.was_answered_between = true;
    facts.answered_since.reset();
}

/// Whether a server's process had read something, and had sent nothing at all.
bool has_left_unanswered(const track::ConnectionLine& line) {
    const event::SocketNumbers* n = line.numbers;
    return line.who->role == tcp::Role::server && n != nullptr && n->since_received_ms &&
           n->bytes_sent == OptionalNumber<std::uint64_t>(0) &&
           n->bytes_received.value_or(0) > n->unread.value_or(0);
}

/// `at`: as CauseFacts::first and last have it.
void note_times(CauseFacts& facts, const track::ConnectionLine& line, MonoTime at) {
    const MonoTime closing = closing_began(line);
    if (facts.count == 0) {
        facts.first = at;
        facts.closing_first = closing;
        facts.opened.reset();
    }
    facts.first = std::min(facts.first, at);
    facts.last = std::max(facts.last, at);
    facts.closing_first = std::min(facts.closing_first, closing);
    facts.closing_last = std::max(facts.closing_last, closing);
    if (line.opened) facts.opened = std::min(facts.opened.value_or(*line.opened), *line.opened);
}

void note_host(CauseFacts& facts, const tcp::FourTuple& tuple, Weight weight) {
    const tcp::IpAddress& host = tuple.remote.address;
    if (tuple.local.address == host) facts.to_own_address += weight;
    if (facts.hosts.size() < CauseFacts::kMostHosts)
        facts.hosts.insert(host);
    else
        facts.are_all_hosts = facts.are_all_hosts && facts.hosts.contains(host);
}

void note_pauses(CauseFacts& facts, const track::ConnectionLine& line, Weight weight) {
    if (const auto idle = idle_before_close(line)) facts.idle.record(*idle, weight);
    if (has_sent_until_close(line)) facts.sent_until_close += weight;
    if (const auto kept = kept_half_closed(line)) facts.kept_half_closed.record(*kept, weight);
    if (const auto quiet = quiet_before_reset(line)) facts.quiet.record(*quiet, weight);
}

void note_carried(CauseFacts& facts, const event::SocketNumbers& numbers, Weight weight) {
    const std::uint64_t received = numbers.bytes_received.value_or(0);
    facts.most_unread = std::max(facts.most_unread, numbers.unread.value_or(0));
    facts.most_sent = std::max(facts.most_sent, numbers.bytes_sent.value_or(0));
    facts.least_received = std::min(facts.least_received, received);
    facts.most_received = std::max(facts.most_received, received);
    facts.unsent += numbers.unsent.value_or(0) * weight;
    facts.most_timeouts = std::max<std::uint32_t>(facts.most_timeouts, numbers.timeouts);
    facts.longest_limited = std::max<Nanoseconds>(
        facts.longest_limited, std::chrono::milliseconds(numbers.receiver_limited_ms.value_or(0)));
}

/// Who closed it, and whether as a part of its own end.
void note_closer(CauseFacts& facts, EndCause cause, const track::ConnectionLine& line,
                 Weight weight) {
    constexpr std::size_t kMostClosers = 16;
    const auto& closed_by = line.who->closed_by;
    const auto& who = closed_by ? closed_by : line.who->process;
    facts.closings.note({closing_began(line), who ? who->pid : 0, line.who->id});
    if (line.closed_how == tcp::ClosedHow::signal || line.closed_how == tcp::ClosedHow::exit)
        facts.signals[line.closing_signal] += weight;
    else if (cause == EndCause::process_died)
        facts.stopped += weight;
    if (closed_by && facts.closers.size() < kMostClosers)
        facts.closers.try_emplace(closed_by->pid, *closed_by);
    else if (!closed_by || !facts.closers.contains(closed_by->pid))
        facts.are_all_closers = false;
}

} // namespace

bool Causes::note(PartyEnds& party, EndCause cause, const track::ConnectionLine& line,
                  Weight weight) {
    CauseFacts& facts = party.causes[cause];
    const MonoTime at =
        cause == EndCause::process_died ? closing_began(line) : line.closed.value_or(MonoTime{});
    note_times(facts, line, at);
    note_failed_try(facts, cause, line);
    facts.count += weight;
    const bool is_example = facts.ids.note(line.who->id) || facts.likes.note(line.who->id);
    note_host(facts, line.who->tuple, weight);
    note_pauses(facts, line, weight);
    if (line.numbers) note_carried(facts, *line.numbers, weight);
    if (line.numbers && cause == EndCause::peer_gone)
        facts.silences.add(
            silence_of(*line.who, *line.numbers, line.numbers_at.value_or(at), true));
    facts.details[line.detail] += weight;
    if (line.closed_first == tcp::ClosedFirst::local && is_orphan(line)) facts.orphaned += weight;
    note_closer(facts, cause, line, weight);
    if (cause == EndCause::process_died && has_left_unanswered(line))
        facts.unanswered.record(std::chrono::milliseconds(*line.numbers->since_received_ms),
                                weight);
    return is_example;
}

} // namespace tcpdwell::analysis
