// SPDX-License-Identifier: Apache-2.0
// What each kind of record has to mean.
#include "event/decode.h"

#include <gtest/gtest.h>

#include <cstring>

#include "wire_bytes.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

TEST(Decode, state_change_without_a_task) {
    auto r = of_kind<td_state>(TD_STATE);
    r.sock = 0xffff888012345678;
    r.cookie = 0x1001;
    r.tuple = v4_tuple();
    r.from = 1;
    r.to = 7;
    r.error = 104;
    r.shutdown = 3;
    r.flags = TD_STATE_ORPHAN | TD_STATE_LINGER_ZERO;
    event::Decoder decoder;
    const auto e = decoded<event::StateChange>(decoder, padded_bytes(r));
    EXPECT_EQ(e.at, MonoTime(5s));
    EXPECT_EQ(e.netns, 4026531840u);
    EXPECT_EQ(e.sock, 0xffff888012345678u);
    EXPECT_EQ(e.cookie, 0x1001u);
    EXPECT_EQ(e.tuple, expected_v4_tuple());
    EXPECT_EQ(e.from, tcp::State::ESTABLISHED);
    EXPECT_EQ(e.to, tcp::State::CLOSE);
    EXPECT_EQ(e.error, 104);
    EXPECT_EQ(e.shutdown, 3);
    EXPECT_TRUE(e.has(TD_STATE_ORPHAN));
    EXPECT_TRUE(e.has(TD_STATE_LINGER_ZERO));
    EXPECT_FALSE(e.has(TD_STATE_OWNED));
    EXPECT_FALSE(e.owner);
    EXPECT_EQ(decoder.quality().records, 1u);
}

TEST(Decode, state_change_by_a_task) {
    event::Decoder decoder;
    const auto e = decoded<event::StateChange>(decoder, padded_bytes(state_by_task()));
    ASSERT_TRUE(e.owner && e.owner->process);
    EXPECT_EQ(e.owner->process->pid, 77u);
    EXPECT_EQ(e.owner->process->comm(), "sixteen-letters!");
    EXPECT_EQ(e.owner->uid, 1000u);
    EXPECT_EQ(e.owner->cgroup, 42u);
}

TEST(Decode, unknown_owner_is_not_root) {
    td_state_by_task r = state_by_task();
    r.task = td_task{};
    r.task.uid = TD_NO_UID;
    event::Decoder decoder;
    const auto e = decoded<event::StateChange>(decoder, padded_bytes(r));
    ASSERT_TRUE(e.owner);
    EXPECT_FALSE(e.owner->process);
    EXPECT_FALSE(e.owner->uid);
}

TEST(Decode, kernel_states_beyond_the_rfc) {
    auto r = of_kind<td_state>(TD_STATE);
    r.from = 12; // TCP_NEW_SYN_RECV
    r.to = 1;
    event::Decoder decoder;
    EXPECT_EQ(decoded<event::StateChange>(decoder, padded_bytes(r)).from, tcp::State::SYN_RECV);
}

TEST(Decode, ipv6_and_v4_mapped_keep_the_family_of_the_socket) {
    auto r = of_kind<td_port>(TD_PORT);
    r.tuple = v4_tuple();
    r.tuple.family = 10;
    event::Decoder decoder;
    const auto mapped = decoded<event::PortKnown>(decoder, padded_bytes(r)).tuple;
    EXPECT_EQ(mapped.family, tcp::Family::ipv6);
    EXPECT_TRUE(mapped.local.address.is_v4());
    const auto local = *tcp::IpAddress::parse("fd00::1");
    std::memcpy(r.tuple.local_addr, local.bytes.data(), 16);
    EXPECT_EQ(decoded<event::PortKnown>(decoder, padded_bytes(r)).tuple.local.address, local);
}

TEST(Decode, no_peer_has_one_form_only) {
    auto r = of_kind<td_state>(TD_STATE);
    r.from = 7;
    r.to = 10;
    r.tuple = v4_tuple();
    std::memset(r.tuple.remote_addr + 12, 0, 4); // ::ffff:0.0.0.0
    r.tuple.remote_port = 0;
    event::Decoder decoder;
    EXPECT_TRUE(decoded<event::StateChange>(decoder, padded_bytes(r)).tuple.remote.empty());
    std::memset(r.tuple.remote_addr, 0, 16);
    EXPECT_TRUE(decoded<event::StateChange>(decoder, padded_bytes(r)).tuple.remote.empty());
}

TEST(Decode, jiffies_go_by_the_newest_clock) {
    td_timewait r = timewait();
    r.expires = 4'294'900'000 + 250 * 60; // a minute after the clock reading
    event::Decoder decoder;
    EXPECT_FALSE(decoded<event::TimewaitTimer>(decoder, padded_bytes(r)).expires);
    const auto reading = decoded<event::ClockReading>(decoder, padded_bytes(clock_at_5s()));
    EXPECT_EQ(reading.anchor.wall, WallTime(1'767'225'600s));
    EXPECT_EQ(decoder.clock().hz, 250u);
    EXPECT_EQ(decoded<event::TimewaitTimer>(decoder, padded_bytes(r)).expires, MonoTime(65s));
    td_clock later = clock_at_5s();
    later.h.time_ns += 1'000'000;
    decoder.decode(padded_bytes(later));
    EXPECT_EQ(decoded<event::TimewaitTimer>(decoder, padded_bytes(r)).expires, MonoTime(65s + 1ms));
    r.expires = 0;
    EXPECT_FALSE(decoded<event::TimewaitTimer>(decoder, padded_bytes(r)).expires);
    td_clock unknown = clock_at_5s();
    unknown.hz = 0;
    r.expires = 4'294'900'250;
    decoder.decode(padded_bytes(unknown));
    EXPECT_FALSE(decoded<event::TimewaitTimer>(decoder, padded_bytes(r)).expires);
}

TEST(Decode, timer_of_a_mini_socket) {
    event::Decoder decoder;
    const auto e = decoded<event::TimewaitTimer>(decoder, padded_bytes(timewait()));
    EXPECT_EQ(e.mini, 0xffff888000000000u);
    EXPECT_EQ(e.cookie, 0x99u);
    EXPECT_EQ(e.tuple, expected_v4_tuple());
    EXPECT_EQ(e.op, TD_TIMER_CANCEL);
    EXPECT_EQ(e.substate, tcp::State::TIME_WAIT);
    EXPECT_EQ(e.stack, TD_STACK_TAKEN | TD_STACK_ABORT);
    EXPECT_FALSE(e.entered);
}

TEST(Decode, entry_stamp_is_the_newest_such_moment_not_in_the_future) {
    event::Decoder decoder;
    td_timewait r = timewait();
    r.entry_stamp = 4'000;
    EXPECT_EQ(decoded<event::TimewaitTimer>(decoder, padded_bytes(r)).entered, MonoTime(4s));
    // 60 days after boot the 32 bits of milliseconds have overflowed
    const std::uint64_t now_ms = 60ull * 24 * 3600 * 1000;
    ASSERT_GT(now_ms, 0xffffffffull);
    r.h.time_ns = now_ms * 1'000'000;
    r.entry_stamp = static_cast<std::uint32_t>(now_ms - 2'500);
    EXPECT_EQ(decoded<event::TimewaitTimer>(decoder, padded_bytes(r)).entered,
              MonoTime(Nanoseconds(r.h.time_ns) - 2500ms));
    // just after the overflow, from just before it
    r.h.time_ns = ((1ull << 32) + 1'000) * 1'000'000;
    r.entry_stamp = 0xffffffff;
    EXPECT_EQ(decoded<event::TimewaitTimer>(decoder, padded_bytes(r)).entered,
              MonoTime(Nanoseconds(r.h.time_ns) - 1001ms));
}

TEST(Decode, request) {
    auto r = of_kind<td_request>(TD_REQUEST);
    r.request = 1;
    r.listener = 2;
    r.tuple = v4_tuple();
    r.op = TD_TIMER_EXPIRE;
    r.timeouts = 3;
    event::Decoder decoder;
    const auto e = decoded<event::RequestTimer>(decoder, padded_bytes(r));
    EXPECT_EQ(e.request, 1u);
    EXPECT_EQ(e.listener, 2u);
    EXPECT_EQ(e.tuple, expected_v4_tuple());
    EXPECT_EQ(e.op, TD_TIMER_EXPIRE);
    EXPECT_EQ(e.timeouts, 3);
}

TEST(Decode, reset) {
    auto r = of_kind<td_reset>(TD_RESET);
    r.sock = 1;
    r.cookie = 2;
    r.direction = TD_RESET_SENT;
    r.reason = TD_REASON_KEEPALIVE;
    r.reply = 1;
    r.state = 7;
    event::Decoder decoder;
    const auto e = decoded<event::Reset>(decoder, padded_bytes(r));
    EXPECT_EQ(e.sock, 1u);
    EXPECT_EQ(e.cookie, 2u);
    EXPECT_EQ(e.direction, TD_RESET_SENT);
    EXPECT_EQ(e.reason, TD_REASON_KEEPALIVE);
    EXPECT_TRUE(e.reply);
    EXPECT_EQ(e.state, 7);
}

TEST(Decode, owner) {
    auto r = of_kind<td_owner>(TD_OWNER);
    r.sock = 1;
    r.cookie = 2;
    r.task = task();
    r.how = TD_OWNER_HOLDS;
    event::Decoder decoder;
    const auto e = decoded<event::OwnerFound>(decoder, padded_bytes(r));
    EXPECT_EQ(e.sock, 1u);
    EXPECT_EQ(e.cookie, 2u);
    EXPECT_EQ(e.how, TD_OWNER_HOLDS);
    ASSERT_TRUE(e.owner.process);
    EXPECT_EQ(e.owner.process->pid, 77u);
}

TEST(Decode, listed_socket) {
    event::Decoder decoder;
    decoder.decode(padded_bytes(clock_at_5s()));
    td_socket r = listed();
    const auto full = decoded<event::SocketListed>(decoder, padded_bytes(r));
    EXPECT_EQ(full.sock, 0x1234u);
    EXPECT_EQ(full.cookie, 0x99u);
    EXPECT_EQ(full.listener, 0x5678u);
    EXPECT_EQ(full.tuple, expected_v4_tuple());
    EXPECT_EQ(full.state, tcp::State::ESTABLISHED);
    EXPECT_EQ(full.owner.uid, 1000u);
    ASSERT_TRUE(full.owner.process); // of another pid namespace: it has a name
    EXPECT_EQ(full.owner.process->pid, 0u);
    EXPECT_EQ(full.owner.process->comm(), "sixteen-letters!");
    std::memset(r.task.comm, 0, sizeof(r.task.comm));
    EXPECT_FALSE(decoded<event::SocketListed>(decoder, padded_bytes(r)).owner.process);
    EXPECT_FALSE(full.mini || full.request || full.sweep);
    EXPECT_FALSE(full.expires || full.entered);
    r.state = 6;
    r.flags = TD_SOCKET_MINI | TD_SOCKET_SWEEP;
    r.expires = 4'294'900'000 + 250;
    r.entry_stamp = 3'000;
    const auto mini = decoded<event::SocketListed>(decoder, padded_bytes(r));
    EXPECT_TRUE(mini.mini && mini.sweep && !mini.request);
    EXPECT_EQ(mini.expires, MonoTime(6s));
    EXPECT_EQ(mini.entered, MonoTime(3s));
}

TEST(Decode, snapshot_and_losses) {
    auto end = of_kind<td_snapshot>(TD_SNAPSHOT);
    end.op = TD_SNAPSHOT_END;
    end.complete = 1;
    event::Decoder decoder;
    const auto e = decoded<event::Snapshot>(decoder, padded_bytes(end));
    EXPECT_EQ(e.op, TD_SNAPSHOT_END);
    EXPECT_TRUE(e.complete);
    EXPECT_EQ(e.netns, 4026531840u);
    auto lost = of_kind<td_lost>(TD_LOST);
    lost.total[TD_PROBE_STATE] = 3;
    lost.total[TD_PROBE_PORT] = 1ull << 40;
    const auto l = decoded<event::LostTotals>(decoder, padded_bytes(lost));
    EXPECT_EQ(l.total[TD_PROBE_STATE], 3u);
    EXPECT_EQ(l.total[TD_PROBE_PORT], 1ull << 40);
}

TEST(Decode, texts) {
    auto cgroup = of_kind<td_cgroup>(TD_CGROUP);
    cgroup.id = 9;
    event::Decoder decoder;
    const auto c =
        decoded<event::CgroupPath>(decoder, padded_bytes(cgroup, "/system.slice/nginx.service"));
    EXPECT_EQ(c.id, 9u);
    EXPECT_EQ(c.path, "/system.slice/nginx.service");
    EXPECT_EQ(decoded<event::CgroupPath>(decoder, padded_bytes(cgroup, "/1234567")).path,
              "/1234567"); // no room for a zero byte
    EXPECT_EQ(decoded<event::CgroupPath>(decoder, padded_bytes(cgroup)).path, "");
    const auto fact = of_kind<td_fact>(TD_FACT);
    const auto f = decoded<event::Fact>(
        decoder, padded_bytes(fact, std::string_view("net.ipv4.tcp_tw_reuse\0002", 23)));
    EXPECT_EQ(f.netns, 4026531840u);
    EXPECT_EQ(f.key, "net.ipv4.tcp_tw_reuse");
    EXPECT_EQ(f.value, "2");
    const auto empty =
        decoded<event::Fact>(decoder, padded_bytes(fact, std::string_view("key\0", 4)));
    EXPECT_EQ(empty.key, "key");
    EXPECT_EQ(empty.value, "");
}

} // namespace
} // namespace tcpdwell::test
