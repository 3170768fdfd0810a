// SPDX-License-Identifier: Apache-2.0
// Lines as the tracker tells them, made by hand: for what no story shows.
#pragma once

#include <algorithm>
#include <chrono>
#include <list>
#include <string_view>
#include <vector>

#include "analysis/analysis.h"
#include "connection_mix.h"
#include "synth/setting.h"

namespace tcpdwell {

using namespace std::chrono_literals;
using enum TcpState;

inline constexpr std::uint32_t kNetns = 4026531840;

/// A moment, counted from where reports begin.
inline MonoTime at(Nanoseconds offset) { return kTestClock.mono + offset; }

inline Process process(std::uint32_t pid, std::string_view comm) {
    Process p{pid, {}};
    std::copy(comm.begin(), comm.end(), p.comm_bytes.begin());
    return p;
}

inline Fact host_fact(const char* key, const char* value) { return Fact{0, key, value}; }

/// Connections of a small world. Identities stay where they are, as in the tracker.
class ProcessNames {
public:
    ConnectionIdentity& add(Role role, const FourTuple& tuple,
                            std::optional<Process> who = process(100, "app")) {
        ConnectionIdentity& c = list_.emplace_back();
        c.id = 0xabc000 + list_.size();
        c.slot = static_cast<Slot>(list_.size());
        c.netns = kNetns;
        c.tuple = tuple;
        c.role = role;
        c.process = who;
        return c;
    }
    ConnectionIdentity& client(Port port, std::string_view remote = "10.0.0.2",
                               Port remote_port = 80) {
        return add(Role::client, tuple("10.0.0.1", port, remote, remote_port));
    }
    ConnectionIdentity& server(Port port, Port remote_port = 50'000) {
        return add(Role::server, tuple("10.0.0.1", port, "10.0.0.2", remote_port));
    }
    ConnectionIdentity& listener(std::string_view local, Port port, Family family,
                                 std::optional<Process> who = process(100, "app")) {
        FourTuple where{{address(local), port}, Endpoint{}, family};
        return add(Role::server, where, who);
    }

private:
    std::list<ConnectionIdentity> list_;
};

/// What happens to them, told to one analysis.
class LineFeeder {
public:
    explicit LineFeeder(Analysis& analysis) : analysis_(analysis) {}

    void born(const ConnectionIdentity& who, Nanoseconds when, TcpState to) {
        analysis_.on_move({at(when), &who, std::nullopt, to, true});
    }
    /// It was there before.
    void found(const ConnectionIdentity& who, Nanoseconds when, TcpState to) {
        analysis_.on_move({at(when), &who, std::nullopt, to});
    }
    void moves(const ConnectionIdentity& who, Nanoseconds when, TcpState from, TcpState to) {
        analysis_.on_move({at(when), &who, from, to == CLOSE ? std::nullopt : std::optional(to)});
    }
    /// moves(), and the line of it.
    void goes(const ConnectionIdentity& who, Nanoseconds when, TcpState from, TcpState to,
              std::optional<Nanoseconds> dwell) {
        moves(who, when, from, to);
        analysis_.on_transition({at(when), &who, from, to, dwell});
    }
    void ends(const ConnectionIdentity& who, ClosedFirst first, Ending ending,
              EndingDetail detail = EndingDetail::none, std::optional<TimeWaitEnd> time_wait = {}) {
        ConnectionLine line{};
        line.who = &who;
        line.closed_first = first;
        line.ending = ending;
        line.detail = detail;
        if (time_wait) line.time_wait = ConnectionLine::TimeWait{60s, *time_wait, 0};
        analysis_.on_connection(line);
    }
    /// From birth to its line, as a client that closes first and skips TIME_WAIT.
    void whole_client(const ConnectionIdentity& who, Nanoseconds when) {
        born(who, when, SYN_SENT);
        moves(who, when, SYN_SENT, ESTABLISHED);
        moves(who, when, ESTABLISHED, CLOSE);
        ends(who, ClosedFirst::local, Ending::reset_sent);
    }

private:
    Analysis& analysis_;
};

inline LiveSocket live(const ConnectionIdentity& who, TcpState state, std::optional<MonoTime> since,
                       MonoTime known_since = at(0s), ClosedFirst first = ClosedFirst::none) {
    return LiveSocket{who,
                      state,
                      since,
                      known_since,
                      Seen::whole,
                      first,
                      state == TIME_WAIT ? Ending::fin : Ending::open};
}

/// A moment without anything that a single analysis doesn't need.
struct Moment {
    HostFacts host;
    ReportContext value;

    explicit Moment(Nanoseconds now, Nanoseconds begin = 0s)
        : value{at(begin), at(now), kTestClock, host, [](std::uint64_t) { return std::nullopt; }} {}
};

/// The sections that an analysis adds.
inline Report report_of(Analysis& analysis, Nanoseconds now, Nanoseconds begin = 0s) {
    Report report;
    const Moment moment(now, begin);
    analysis.add_to(report, moment.value);
    return report;
}

} // namespace tcpdwell
