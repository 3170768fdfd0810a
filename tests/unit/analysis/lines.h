// SPDX-License-Identifier: Apache-2.0
// Lines as the tracker reports them, made by hand: for what no story shows.
#pragma once

#include <algorithm>
#include <chrono>
#include <list>
#include <string_view>
#include <vector>

#include "analysis/analysis.h"
#include "connection_mix.h"
#include "synth/setting.h"

namespace tcpdwell::test {

using namespace std::chrono_literals;
using enum tcp::State;

inline constexpr std::uint32_t kNetns = 4026531840;

/// A moment, counted from where reports begin.
inline MonoTime at(Nanoseconds offset) { return synth::kTestClock.mono + offset; }

inline event::Process process(std::uint32_t pid, std::string_view comm) {
    event::Process p{pid, {}};
    std::copy(comm.begin(), comm.end(), p.comm_bytes.begin());
    return p;
}

inline event::Fact host_fact(const char* key, const char* value) {
    return event::Fact{0, key, value};
}

/// Connections of a small world. Identities stay where they are, as in the tracker.
class ProcessNames {
public:
    track::ConnectionIdentity& add(tcp::Role role, const tcp::FourTuple& tuple,
                                   std::optional<event::Process> who = process(100, "app")) {
        track::ConnectionIdentity& c = list_.emplace_back();
        c.id = 0xabc000 + list_.size();
        c.slot = static_cast<track::Slot>(list_.size());
        c.netns = kNetns;
        c.tuple = tuple;
        c.role = role;
        c.process = who;
        return c;
    }
    track::ConnectionIdentity& client(tcp::Port port, std::string_view remote = "10.0.0.2",
                                      tcp::Port remote_port = 80) {
        return add(tcp::Role::client, tuple("10.0.0.1", port, remote, remote_port));
    }
    track::ConnectionIdentity& server(tcp::Port port, tcp::Port remote_port = 50'000) {
        return add(tcp::Role::server, tuple("10.0.0.1", port, "10.0.0.2", remote_port));
    }
    track::ConnectionIdentity& listener(std::string_view local, tcp::Port port, tcp::Family family,
                                        std::optional<event::Process> who = process(100, "app")) {
        tcp::FourTuple where{{address(local), port}, tcp::Endpoint{}, family};
        return add(tcp::Role::server, where, who);
    }

private:
    std::list<track::ConnectionIdentity> list_;
};

/// What happens to them, reported to one analysis.
class LineFeeder {
public:
    explicit LineFeeder(analysis::Analysis& analysis) : analysis_(analysis) {}

    void born(const track::ConnectionIdentity& who, Nanoseconds when, tcp::State to) {
        analysis_.on_move({at(when), &who, std::nullopt, to, true}, 1);
    }
    /// It was there before.
    void found(const track::ConnectionIdentity& who, Nanoseconds when, tcp::State to) {
        analysis_.on_move({at(when), &who, std::nullopt, to}, 1);
    }
    void moves(const track::ConnectionIdentity& who, Nanoseconds when, tcp::State from,
               tcp::State to) {
        analysis_.on_move({at(when), &who, from, to == CLOSE ? std::nullopt : std::optional(to)},
                          1);
    }
    /// moves(), and the line of it.
    void goes(const track::ConnectionIdentity& who, Nanoseconds when, tcp::State from,
              tcp::State to, std::optional<Nanoseconds> dwell) {
        moves(who, when, from, to);
        analysis_.on_transition({at(when), &who, from, to, dwell}, 1);
    }
    void ends(const track::ConnectionIdentity& who, tcp::ClosedFirst first, tcp::Ending ending,
              tcp::EndingDetail detail = tcp::EndingDetail::none,
              std::optional<tcp::TimeWaitEnd> time_wait = {}) {
        track::ConnectionLine line{};
        line.who = &who;
        line.closed_first = first;
        line.ending = ending;
        line.detail = detail;
        if (time_wait) line.time_wait = track::ConnectionLine::TimeWait{60s, *time_wait, 0};
        analysis_.on_connection(line, 1);
    }
    /// From birth to its line, as a client that closes first and skips TIME_WAIT.
    void whole_client(const track::ConnectionIdentity& who, Nanoseconds when) {
        born(who, when, SYN_SENT);
        moves(who, when, SYN_SENT, ESTABLISHED);
        moves(who, when, ESTABLISHED, CLOSE);
        ends(who, tcp::ClosedFirst::local, tcp::Ending::reset_sent);
    }

private:
    analysis::Analysis& analysis_;
};

inline track::LiveSocket live(const track::ConnectionIdentity& who, tcp::State state,
                              std::optional<MonoTime> since, MonoTime known_since = at(0s),
                              tcp::ClosedFirst first = tcp::ClosedFirst::none) {
    return track::LiveSocket{who,
                             state,
                             since,
                             known_since,
                             tcp::Seen::whole,
                             first,
                             state == TIME_WAIT ? tcp::Ending::fin : tcp::Ending::open};
}

/// The context of a report, with only what a single analysis needs.
struct ContextAt {
    analysis::HostFacts host;
    analysis::ReportContext value;

    explicit ContextAt(Nanoseconds now, Nanoseconds begin = 0s)
        : value{at(begin), at(now), synth::kTestClock, host} {}
};

/// The sections that an analysis adds.
inline report::Report report_of(analysis::Analysis& analysis, Nanoseconds now,
                                Nanoseconds begin = 0s) {
    report::Report report;
    const ContextAt moment(now, begin);
    analysis.add_to(report, moment.value);
    return report;
}

} // namespace tcpdwell::test
