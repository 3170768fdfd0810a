// SPDX-License-Identifier: Apache-2.0
// An ended connection made by hand, for what ended it.
#pragma once

#include <vector>

#include "analysis/end_cause.h"
#include "lines.h"

namespace tcpdwell::test {

using analysis::EndCause;
using tcp::ClosedFirst;
using tcp::Ending;
using tcp::EndingDetail;

/// An ended connection, to be changed before it is looked at.
struct EndedLine {
    track::ConnectionIdentity who;
    event::SocketNumbers numbers;
    std::vector<track::PathStep> states;
    track::ConnectionLine line;

    EndedLine(tcp::Role role, ClosedFirst first, Ending ending,
              EndingDetail detail = EndingDetail::none) {
        who.id = 1;
        who.slot = 1;
        who.netns = kNetns;
        who.role = role;
        who.process = process(100, "app");
        who.tuple = role == tcp::Role::server ? tuple("10.0.0.1", 80, "10.0.0.2", 50'000)
                                              : tuple("10.0.0.2", 50'000, "10.0.0.1", 80);
        line.closed_first = first;
        line.ending = ending;
        line.detail = detail;
        line.opened = at(1s);
        line.closed = at(2s);
        numbers.bytes_sent = numbers.bytes_received = 0;
        numbers.unsent = numbers.unacked = numbers.unread = 0;
        stays(role == tcp::Role::server ? SYN_RECV : SYN_SENT, 1ms).stays(ESTABLISHED, 100ms);
    }
    EndedLine& stays(tcp::State state, Nanoseconds dwell) {
        states.push_back({state, dwell});
        return *this;
    }
    EndedLine& established(Nanoseconds dwell) {
        states.at(1).dwell = dwell;
        return *this;
    }
    EndedLine& carried(std::uint64_t sent, std::uint64_t received, std::uint32_t unread = 0) {
        numbers.bytes_sent = sent;
        numbers.bytes_received = received;
        numbers.unread = unread;
        return *this;
    }
    EndedLine& idle(std::uint32_t since_sent_ms, std::uint32_t since_received_ms) {
        numbers.since_sent_ms = since_sent_ms;
        numbers.since_received_ms = since_received_ms;
        return *this;
    }
    EndedLine& accepted(bool yes = true) {
        line.accept = track::Accept{std::nullopt, yes};
        return *this;
    }
    EndedLine& closed_how(tcp::ClosedHow how, std::uint8_t signal = 0) {
        line.closed_how = how;
        line.closing_signal = signal;
        who.closed_by = who.process;
        return *this;
    }
    const track::ConnectionLine& get() {
        line.who = &who;
        line.states = states;
        line.numbers = &numbers;
        return line;
    }
    EndCause cause() { return analysis::end_cause(get()); }
};

inline EndedLine served_end(ClosedFirst first, Ending ending,
                            EndingDetail detail = EndingDetail::none) {
    return {tcp::Role::server, first, ending, detail};
}
inline EndedLine client_end(ClosedFirst first, Ending ending,
                            EndingDetail detail = EndingDetail::none) {
    return {tcp::Role::client, first, ending, detail};
}

} // namespace tcpdwell::test
