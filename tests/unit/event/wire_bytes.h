// SPDX-License-Identifier: Apache-2.0
// Wire records written field by field, as the kernel side and the listing write them.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

#include "event/decode.h"

namespace tcpdwell::test {

using Bytes = std::vector<std::byte>;

template <class Record>
Bytes padded_bytes(const Record& record, std::string_view text = {}) {
    Bytes bytes((sizeof(Record) + text.size() + 7) / 8 * 8);
    std::memcpy(bytes.data(), &record, sizeof(Record));
    if (!text.empty()) std::memcpy(bytes.data() + sizeof(Record), text.data(), text.size());
    const auto size = static_cast<std::uint16_t>(bytes.size());
    std::memcpy(bytes.data() + offsetof(td_header, size), &size, sizeof(size));
    return bytes;
}

template <class Record>
Record of_kind(td_kind kind, std::uint64_t time_ns = 5'000'000'000) {
    Record record{};
    record.h.kind = kind;
    record.h.netns = 4026531840;
    record.h.time_ns = time_ns;
    return record;
}

inline td_tuple v4_tuple() {
    td_tuple t{};
    const std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const std::uint8_t local[4] = {10, 0, 0, 1};
    const std::uint8_t remote[4] = {192, 168, 7, 9};
    std::memcpy(t.local_addr, mapped, 12);
    std::memcpy(t.local_addr + 12, local, 4);
    std::memcpy(t.remote_addr, mapped, 12);
    std::memcpy(t.remote_addr + 12, remote, 4);
    t.local_port = 8080;
    t.remote_port = 55555;
    t.family = 2;
    return t;
}

inline tcp::FourTuple expected_v4_tuple() {
    return {{*tcp::IpAddress::parse("10.0.0.1"), 8080},
            {*tcp::IpAddress::parse("192.168.7.9"), 55555},
            tcp::Family::ipv4};
}

inline td_task task() {
    td_task t{};
    t.cgroup = 42;
    t.uid = 1000;
    t.pid = 77;
    std::memcpy(t.comm, "sixteen-letters!",
                TD_COMM_LEN); // the kernel ends it with a zero byte; a file needn't
    return t;
}

inline td_clock clock_at_5s() {
    td_clock r{};
    r.h.kind = TD_CLOCK;
    r.h.time_ns = 5'000'000'000;
    r.wall_ns = 1'767'225'600'000'000'000;
    r.jiffies = 4'294'900'000;
    r.hz = 250;
    return r;
}

inline td_timewait timewait() {
    auto r = of_kind<td_timewait>(TD_TIMEWAIT);
    r.mini = 0xffff888000000000;
    r.cookie = 0x99;
    r.tuple = v4_tuple();
    r.op = TD_TIMER_CANCEL;
    r.substate = 6;
    r.stack = TD_STACK_TAKEN | TD_STACK_ABORT;
    return r;
}

inline td_socket listed() {
    auto r = of_kind<td_socket>(TD_SOCKET);
    r.sock = 0x1234;
    r.cookie = 0x99;
    r.tuple = v4_tuple();
    r.task = task();
    r.task.pid = 0;
    r.listener = 0x5678;
    r.state = 1;
    return r;
}

inline td_state_by_task state_by_task() {
    td_state_by_task r{};
    r.state = of_kind<td_state>(TD_STATE);
    r.state.from = 7;
    r.state.to = 2;
    r.state.has_task = 1;
    r.task = task();
    return r;
}

/// One valid record of each kind.
inline std::vector<Bytes> one_of_each() {
    auto state = of_kind<td_state>(TD_STATE);
    state.from = 1;
    state.to = 8;
    auto request = of_kind<td_request>(TD_REQUEST);
    request.op = TD_TIMER_START;
    auto reset = of_kind<td_reset>(TD_RESET);
    reset.direction = TD_RESET_RECEIVED;
    auto owner = of_kind<td_owner>(TD_OWNER);
    owner.how = TD_OWNER_ACCEPTED;
    auto snapshot = of_kind<td_snapshot>(TD_SNAPSHOT);
    snapshot.op = TD_SNAPSHOT_BEGIN;
    auto numbers = of_kind<td_numbers>(TD_NUMBERS);
    numbers.state = 1;
    return {padded_bytes(state),
            padded_bytes(state_by_task()),
            padded_bytes(timewait()),
            padded_bytes(request),
            padded_bytes(reset),
            padded_bytes(owner),
            padded_bytes(listed()),
            padded_bytes(snapshot),
            padded_bytes(of_kind<td_lost>(TD_LOST)),
            padded_bytes(clock_at_5s()),
            padded_bytes(of_kind<td_cgroup>(TD_CGROUP)),
            padded_bytes(of_kind<td_fact>(TD_FACT)),
            padded_bytes(of_kind<td_port>(TD_PORT)),
            padded_bytes(numbers),
            padded_bytes(of_kind<td_holders>(TD_HOLDERS)),
            padded_bytes(of_kind<td_stray_reset>(TD_STRAY_RESET)),
            padded_bytes(of_kind<td_counters>(TD_COUNTERS)),
            padded_bytes(of_kind<td_stop>(TD_STOP)),
            padded_bytes(of_kind<td_fork>(TD_FORK)),
            padded_bytes(of_kind<td_container>(TD_CONTAINER))};
}

/// The event of one record, which must be of type E.
template <class E>
E decoded(event::Decoder& decoder, const Bytes& bytes) {
    const auto event = decoder.decode(bytes);
    EXPECT_TRUE(event);
    EXPECT_TRUE(event && std::holds_alternative<E>(*event));
    return event && std::holds_alternative<E>(*event) ? std::get<E>(*event) : E{};
}

} // namespace tcpdwell::test
