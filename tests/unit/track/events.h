// SPDX-License-Identifier: Apache-2.0
// Single events for tests of what no whole story shows: sockets that existed before, losses, odd
// orders.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include <gtest/gtest.h>

#include "event/event.h"
#include "outcome_collector.h"
#include "synth/setting.h"

namespace tcpdwell::test {

using namespace std::chrono_literals;
using enum tcp::State;

inline constexpr std::uint32_t kNetns = 4026531840;

/// A moment, counted from the clock record.
inline MonoTime at(Nanoseconds offset) { return synth::kTestClock.mono + offset; }

inline event::Process process(std::uint32_t pid, std::string_view comm) {
    event::Process p{pid, {}};
    std::copy(comm.begin(), comm.end(), p.comm_bytes.begin());
    return p;
}

inline const event::Process kApp = process(10, "app");

inline tcp::FourTuple v4_tuple(tcp::Port local_port, tcp::Port remote_port = 50000) {
    return {{*tcp::IpAddress::parse("10.0.0.1"), local_port},
            {*tcp::IpAddress::parse("10.0.0.2"), remote_port},
            tcp::Family::ipv4};
}

/// A socket of any sort, and the events that it can show.
struct TestSocket {
    std::uint64_t address = 0xffff888000001000;
    std::uint64_t cookie = 7;
    tcp::FourTuple tuple = v4_tuple(80);
    std::uint32_t netns = kNetns;
    bool listed_by_address =
        true; ///< false: as sock_diag does it, which gives every socket a cookie

    [[nodiscard]] event::StateChange change(Nanoseconds when, tcp::State from, tcp::State to,
                                            std::uint8_t error = 0, std::uint16_t flags = 0,
                                            std::optional<event::Process> by = {}) const {
        event::StateChange e{at(when), netns, address, cookie, tuple,       from,
                             to,       error, 0,       flags,  std::nullopt};
        if (by) {
            e.flags |= TD_STATE_OWNED;
            e.owner = event::Owner{by, 1000, 42};
        }
        return e;
    }
    [[nodiscard]] event::Reset reset_received(Nanoseconds when) const {
        return {at(when), address, cookie, TD_RESET_RECEIVED, TD_REASON_UNKNOWN, false, 0};
    }
    /// `expires` and `entered` count from the clock record too.
    [[nodiscard]] event::TimewaitTimer timer(Nanoseconds when, td_timer_op op, tcp::State substate,
                                             Nanoseconds expires,
                                             std::optional<Nanoseconds> entered = {},
                                             unsigned stack = 0) const {
        event::TimewaitTimer e{
            at(when), netns,    address,     cookie,       tuple,
            op,       substate, at(expires), std::nullopt, static_cast<std::uint16_t>(stack)};
        if (entered) e.entered = at(*entered);
        return e;
    }
    [[nodiscard]] event::RequestTimer request(Nanoseconds when, td_timer_op op,
                                              std::uint64_t listener = 0) const {
        return {at(when), netns, address, listener, tuple, op, 0};
    }
    [[nodiscard]] event::SocketListed listed(Nanoseconds when, tcp::State state) const {
        return as_listed({at(when),
                          netns,
                          address,
                          cookie,
                          tuple,
                          state,
                          false,
                          false,
                          false,
                          {},
                          {},
                          0,
                          event::Owner{{}, 1000, 42}});
    }
    [[nodiscard]] event::SocketListed listed_mini(Nanoseconds when, tcp::State substate,
                                                  Nanoseconds expires) const {
        return as_listed({at(when),
                          netns,
                          address,
                          cookie,
                          tuple,
                          substate,
                          true,
                          false,
                          false,
                          at(expires),
                          {},
                          0,
                          event::Owner{}});
    }
    [[nodiscard]] event::SocketListed listed_request(Nanoseconds when,
                                                     std::uint64_t listener) const {
        return as_listed({at(when),
                          netns,
                          address,
                          cookie,
                          tuple,
                          SYN_RECV,
                          false,
                          true,
                          false,
                          {},
                          {},
                          listener,
                          event::Owner{}});
    }

private:
    [[nodiscard]] event::SocketListed as_listed(event::SocketListed e) const {
        if (listed_by_address) return e;
        e.sock = e.listener = 0;
        if (e.cookie == 0) e.cookie = address;
        return e;
    }
};

inline event::Snapshot snapshot(Nanoseconds when, td_snapshot_op op, bool complete = true,
                                std::uint32_t netns = kNetns) {
    return {at(when), netns, op, complete};
}

inline event::LostTotals lost(Nanoseconds when, std::uint64_t state_changes,
                              std::uint64_t timers = 0) {
    return {at(when), {state_changes, timers, 0, 0, 0, 0}};
}

/// A tracker run that takes events at their own time.
class EventRun : public TrackerRun {
public:
    using TrackerRun::TrackerRun;

    template <class E>
    EventRun& operator<<(const E& event) {
        feed(event::Event(event), event.at);
        return *this;
    }
    /// Ends the run; everything that was reported.
    std::vector<synth::Outcome> outcomes() {
        finish();
        for (const std::string& complaint : collector.complaints) ADD_FAILURE() << complaint;
        return collector.outcomes();
    }
    /// Ends the run, of which just one connection is expected.
    synth::Outcome only_outcome() {
        const std::vector<synth::Outcome> all = outcomes();
        EXPECT_EQ(all.size(), 1u);
        return all.empty() || !all[0].line
                   ? synth::Outcome{{}, {}, {}, {}, {}, {}, {}, {}, {}, synth::OutcomeLine{}}
                   : all[0];
    }
};

/// How long the connection stayed in a state; nullopt if that isn't known.
inline std::optional<Nanoseconds> stay(const synth::Outcome& outcome, tcp::State state) {
    for (const synth::OutcomeLine::Stay& s : outcome.line->states)
        if (s.state == state) return s.dwell;
    ADD_FAILURE() << "never in " << name(state) << ": " << describe(outcome);
    return std::nullopt;
}

inline bool has_transition(const synth::Outcome& outcome, tcp::State from, tcp::State to) {
    return std::any_of(outcome.transitions.begin(), outcome.transitions.end(),
                       [&](const auto& t) { return t.from == from && t.to == to; });
}

} // namespace tcpdwell::test
