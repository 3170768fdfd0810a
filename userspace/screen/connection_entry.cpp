// SPDX-License-Identifier: Apache-2.0
#include "screen/connection_entry.h"

namespace tcpdwell::screen {
namespace {

ConnectionEntry entry_of_identity(const track::ConnectionIdentity& who,
                                  const analysis::Flows& flows) {
    ConnectionEntry entry;
    entry.id = who.id;
    entry.tuple = who.tuple;
    entry.service = flows.service_key(who);
    entry.netns = who.netns;
    entry.role = who.role;
    entry.process = who.process;
    return entry;
}

void set_path(ConnectionEntry& entry, std::span<const track::PathStep> steps) {
    for (const track::PathStep& step : steps)
        if (step.dwell) entry.dwell[step.state] = step.dwell;
}

void set_numbers(ConnectionEntry& entry, const event::SocketNumbers* numbers) {
    if (numbers == nullptr) return;
    entry.sent = numbers->bytes_sent;
    entry.received = numbers->bytes_received;
    entry.unread = numbers->unread;
    entry.retransmitted = numbers->segments_retransmitted;
}

} // namespace

ConnectionEntry entry_of(const track::LiveSocket& socket, const analysis::Flows& flows) {
    ConnectionEntry entry = entry_of_identity(socket.who, flows);
    entry.state = socket.state;
    entry.is_joined = socket.seen == tcp::Seen::joined;
    entry.since = socket.since.value_or(socket.known_since);
    entry.ending = socket.ending;
    entry.closed_first = socket.closed_first;
    // Its birth was seen if all dwells are known, up to the present state.
    std::optional<MonoTime> opened = socket.since;
    for (const track::PathStep& step : socket.left)
        opened = opened && step.dwell ? std::optional(*opened - *step.dwell) : std::nullopt;
    if (socket.seen == tcp::Seen::whole) entry.opened = opened;
    set_path(entry, socket.left);
    set_numbers(entry, socket.numbers);
    if (socket.accept) entry.accept_delay = socket.accept->delay;
    if (socket.holders != nullptr) entry.holders = socket.holders->processes;
    return entry;
}

ConnectionEntry entry_of(const track::ConnectionLine& line, const analysis::Flows& flows,
                         MonoTime now) {
    ConnectionEntry entry = entry_of_identity(*line.who, flows);
    entry.since = line.closed.value_or(now);
    entry.opened = line.opened;
    entry.is_joined = line.seen == tcp::Seen::joined;
    entry.ending = line.ending;
    entry.detail = line.detail;
    entry.closed_first = line.closed_first;
    set_path(entry, line.states);
    set_numbers(entry, line.numbers);
    if (line.accept) entry.accept_delay = line.accept->delay;
    return entry;
}

} // namespace tcpdwell::screen
