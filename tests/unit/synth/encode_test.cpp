// SPDX-License-Identifier: Apache-2.0
// The layout of encoded records where a decoder of our own could agree with a mistake.
#include "event/encode.h"

#include <gtest/gtest.h>

#include <cstring>

#include "event/decode.h"
#include "synth/setting.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

template <class Record>
Record as(const std::vector<std::byte>& bytes) {
    Record record{};
    EXPECT_GE(bytes.size(), sizeof(Record));
    std::memcpy(&record, bytes.data(), std::min(bytes.size(), sizeof(Record)));
    return record;
}

TEST(Encode, header_and_tuple_are_in_their_place) {
    event::PortKnown e{MonoTime(7s),
                       0x11,
                       0x22,
                       {{*tcp::IpAddress::parse("10.0.0.1"), 80},
                        {*tcp::IpAddress::parse("10.0.0.2"), 999},
                        tcp::Family::ipv4}};
    const auto bytes = encode(e, synth::kTestClock);
    const auto r = as<td_port>(bytes);
    EXPECT_EQ(bytes.size(), sizeof(td_port));
    EXPECT_EQ(r.h.size, sizeof(td_port));
    EXPECT_EQ(r.h.kind, TD_PORT);
    EXPECT_EQ(r.h.time_ns, 7'000'000'000u);
    EXPECT_EQ(r.sock, 0x11u);
    EXPECT_EQ(r.cookie, 0x22u);
    EXPECT_EQ(r.tuple.local_port, 80);
    EXPECT_EQ(r.tuple.remote_port, 999);
    EXPECT_EQ(r.tuple.family, 2);
    EXPECT_EQ(r.tuple.local_addr[15], 1);
    EXPECT_EQ(r.tuple.remote_addr[15], 2);
    EXPECT_EQ(r.tuple.remote_addr[11], 0xff);
}

TEST(Encode, task_follows_only_where_there_is_one) {
    event::StateChange e{};
    e.from = tcp::State::ESTABLISHED;
    e.to = tcp::State::FIN_WAIT1;
    EXPECT_EQ(encode(e, synth::kTestClock).size(), sizeof(td_state));
    e.owner = event::Owner{event::Process{5, {'x'}}, std::nullopt, 6};
    const auto bytes = encode(e, synth::kTestClock);
    EXPECT_EQ(bytes.size(), sizeof(td_state_by_task));
    const auto r = as<td_state_by_task>(bytes);
    EXPECT_EQ(r.state.h.size, sizeof(td_state_by_task));
    EXPECT_EQ(r.state.has_task, 1);
    EXPECT_EQ(r.state.from, 1);
    EXPECT_EQ(r.state.to, 4);
    EXPECT_EQ(r.task.pid, 5u);
    EXPECT_EQ(r.task.uid, TD_NO_UID);
    EXPECT_EQ(r.task.cgroup, 6u);
    EXPECT_STREQ(r.task.comm, "x");
}

TEST(Encode, expiry_in_jiffies_and_entry_in_milliseconds) {
    event::TimewaitTimer e{};
    e.op = TD_TIMER_START;
    e.substate = tcp::State::TIME_WAIT;
    e.expires = synth::kTestClock.mono + 60s;
    e.entered = synth::kTestClock.mono + 2500us;
    auto r = as<td_timewait>(encode(e, synth::kTestClock));
    EXPECT_EQ(r.expires, synth::kTestClock.jiffies + 60 * 250);
    EXPECT_EQ(r.entry_stamp, 1'000'002u);
    EXPECT_EQ(r.substate, 6);
    e.expires.reset();
    e.entered.reset();
    r = as<td_timewait>(encode(e, synth::kTestClock));
    EXPECT_EQ(r.expires, 0u);
    EXPECT_EQ(r.entry_stamp, 0u);
}

TEST(Encode, jiffies_are_the_nearest_before_and_after_the_clock) {
    for (const std::uint32_t hz : {100u, 250u, 300u, 1000u}) {
        ClockAnchor clock = synth::kTestClock;
        clock.hz = hz;
        for (const std::int64_t ticks : {-100'000, -1, 0, 1, 18'000, 1'000'000})
            EXPECT_EQ(
                event::to_jiffies(
                    clock.from_jiffies(clock.jiffies + static_cast<std::uint64_t>(ticks)), clock),
                clock.jiffies + static_cast<std::uint64_t>(ticks))
                << hz << " " << ticks;
    }
}

} // namespace
} // namespace tcpdwell::test
