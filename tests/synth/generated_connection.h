// SPDX-License-Identifier: Apache-2.0
// A TCP story: the wire records that the kernel would show, and what is true of it, hence has to be
// printed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "event/event.h"
#include "tcp/address.h"
#include "tcp/close.h"
#include "tcp/state.h"

namespace tcpdwell::synth {

struct WireRecord {
    MonoTime at;
    std::vector<std::byte> bytes;
};

/// What has to be reported of a connection when it is over. A listening socket has transitions, but
/// no such line.
struct OutcomeLine {
    struct Stay {
        tcp::State state;
        std::optional<Nanoseconds> dwell; ///< nullopt: can't be known, or not over
    };
    struct TimeWait {
        std::optional<Nanoseconds> dwell;
        tcp::TimeWaitEnd end;
        std::uint32_t restarts;
    };

    std::optional<MonoTime> opened;
    std::optional<MonoTime>
        closed;               ///< nullopt: its last trace is still there, or its end wasn't seen
    std::vector<Stay> states; ///< the present state last, if it is still open
    tcp::ClosedFirst closed_first = tcp::ClosedFirst::unknown;
    tcp::Ending ending = tcp::Ending::unknown;
    tcp::EndingDetail detail = tcp::EndingDetail::none;
    std::optional<TimeWait> time_wait;
    tcp::Seen seen = tcp::Seen::whole;
};

/// What is true of one connection or listening socket of a story, as far as its records can report.
struct Outcome {
    struct Transition {
        MonoTime at;
        tcp::State from;
        tcp::State to;
        std::optional<Nanoseconds> dwell; ///< in `from`; nullopt: can't be known
    };

    std::uint32_t netns = 0;
    tcp::FourTuple tuple;
    std::uint64_t cookie = 0;
    tcp::Role role = tcp::Role::unknown;
    std::optional<event::Process> process;
    std::optional<event::Process> closed_by;
    std::optional<std::uint32_t> uid;
    std::uint64_t cgroup = 0;
    std::vector<Transition> transitions;
    std::optional<OutcomeLine> line;
};

/// Everything in an outcome as text, one item a line: for comparison, and for a difference that can
/// be read.
std::string describe(const Outcome& outcome);

struct GeneratedConnection {
    std::vector<WireRecord>
        records; ///< ordered by time; without the td_clock that has to precede them
    std::vector<Outcome> outcomes;
};

} // namespace tcpdwell::synth
