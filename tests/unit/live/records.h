// SPDX-License-Identifier: Apache-2.0
// Wire records as the kernel side and the sampler write them, and a sink that keeps them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "event/record.h"
#include "event/source.h"
#include "tcp/state.h"

namespace tcpdwell::test {

constexpr std::uint64_t kMs = 1'000'000; ///< in ns

inline constexpr std::uint32_t kNetns = 4026531840;

/// A four-tuple of which only the local port differs.
inline td_tuple tuple_of(std::uint16_t local_port) {
    td_tuple tuple{};
    tuple.local_port = local_port;
    tuple.remote_port = 80;
    return tuple;
}

inline td_timewait timer_record(td_timer_op op, tcp::State substate, std::uint16_t port,
                                std::uint64_t time_ns = 0, std::uint32_t netns = kNetns) {
    td_timewait r{};
    r.h = event::header_of<td_timewait>(TD_TIMEWAIT, time_ns, netns);
    r.tuple = tuple_of(port);
    r.op = static_cast<__u8>(op);
    r.substate = static_cast<__u8>(substate);
    return r;
}

/// `flags`: enum td_socket_flags.
inline td_socket socket_record(tcp::State state, unsigned flags, std::uint16_t port,
                               std::uint64_t time_ns = 0, std::uint32_t netns = kNetns) {
    td_socket r{};
    r.h = event::header_of<td_socket>(TD_SOCKET, time_ns, netns);
    r.tuple = tuple_of(port);
    r.state = static_cast<__u8>(state);
    r.flags = static_cast<__u8>(flags);
    return r;
}

/// Copies of all records that came.
class KeptRecords {
public:
    [[nodiscard]] event::RecordSink sink() {
        return [this](std::span<const std::byte> record) {
            records_.emplace_back(record.begin(), record.end());
        };
    }
    [[nodiscard]] const std::vector<std::vector<std::byte>>& all() const { return records_; }
    [[nodiscard]] std::vector<unsigned> kinds() const {
        std::vector<unsigned> list;
        for (const auto& record : records_) list.push_back(event::read_header(record).kind);
        return list;
    }
    [[nodiscard]] std::vector<std::uint64_t> times() const {
        std::vector<std::uint64_t> list;
        for (const auto& record : records_) list.push_back(event::read_header(record).time_ns);
        return list;
    }

private:
    std::vector<std::vector<std::byte>> records_;
};

} // namespace tcpdwell::test
