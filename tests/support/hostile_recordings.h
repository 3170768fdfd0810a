// SPDX-License-Identifier: Apache-2.0
// Small recordings that unpack to a great deal: what each block holds is written once, and blocks
// may be repeated. For targets that link tcpdwell_recording.
#pragma once

#include <zstd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "event/record.h"
#include "recording/block_codec.h"
#include "recording/format.h"

namespace tcpdwell::test {

/// As much as a reader accepts, less one record of any size.
inline constexpr std::size_t kFullBlock = recording::kMostRaw - (64 << 10);
/// The time of all records of a bomb, unless its maker gives them others.
inline constexpr std::uint64_t kBombTime = 1'000'000'000'000;
inline constexpr std::chrono::seconds kBombLasts(100);

/// A recording, block by block.
class HostileRecording {
public:
    HostileRecording() {
        const std::string json =
            R"({"host":"h","mono_ns":1000000000000,"wall_ns":1767225600000000000})";
        recording::put_u32(text_, recording::kHeadFrame);
        recording::put_u32(
            text_, static_cast<std::uint32_t>(recording::kMagicLine.size() + json.size() + 1));
        text_.append(recording::kMagicLine).append(json).push_back('\n');
        head_.run = 77;
        head_.first = event::mono_time(kBombTime);
    }

    /// One more record in the block under way.
    void add(std::span<const std::byte> record) {
        encoder_.add(record);
        head_.last = std::max(head_.last, event::time_of(event::read_header(record)));
    }
    template <class T>
    requires std::is_trivially_copyable_v<T>
    void put(const T& record) { add(event::bytes_of(record)); }
    [[nodiscard]] bool is_full() const { return encoder_.raw_bytes() >= kFullBlock; }

    /// Completes the block under way, and writes it that often.
    void end_block(std::size_t times = 1) {
        head_.records = encoder_.records();
        head_.raw_bytes = static_cast<std::uint32_t>(encoder_.raw_bytes());
        const std::string block = encoder_.take();
        std::string frame(ZSTD_compressBound(block.size()), '\0');
        frame.resize(ZSTD_compress(frame.data(), frame.size(), block.data(), block.size(), 6));
        head_.packed_bytes = static_cast<std::uint32_t>(frame.size());
        for (std::size_t i = 0; i < times; ++i) {
            const recording::BlockHeadBytes bytes = encode(recording::kBlockFrame, head_);
            text_.append(bytes.data(), bytes.size()).append(frame);
            ++head_.sequence;
        }
    }
    /// Blocks of the records that make(i) adds for i from 0 to count - 1.
    void fill(std::uint64_t count, const std::function<void(std::uint64_t i)>& make) {
        for (std::uint64_t i = 0; i < count; ++i) {
            make(i);
            if (is_full()) end_block();
        }
        end_block();
    }

    /// The whole file, which ends with a mark, so that there is a later part to look at.
    std::string take() {
        put(event::mark_record(event::mono_time(kBombTime) + kBombLasts));
        end_block();
        recording::BlockHead end = head_;
        end.records = end.raw_bytes = end.packed_bytes = 0;
        const recording::BlockHeadBytes bytes = encode(recording::kEndFrame, end);
        return text_.append(bytes.data(), bytes.size());
    }

private:
    recording::BlockEncoder encoder_;
    recording::BlockHead head_;
    std::string text_;
};

template <class T>
T bomb_record(td_kind kind, std::uint32_t netns = 0, std::uint64_t at = kBombTime) {
    T record{};
    record.h = event::header_of<T>(kind, at, netns);
    return record;
}

/// A number whose differences from one to the next repeat: easy to compress.
constexpr std::uint64_t gray(std::uint64_t i) { return i ^ (i >> 1); }

/// Facts with different keys about one namespace each, or the host.
inline std::string bomb_of_facts(std::uint64_t count, std::size_t bytes, bool about_host) {
    HostileRecording file;
    const std::string value(bytes, 'x');
    file.fill(count, [&](std::uint64_t i) {
        file.add(event::fact_record(kBombTime, about_host ? 0 : 4000, "net." + std::to_string(i),
                                    value));
    });
    return file.take();
}

inline std::string bomb_of_cgroups(std::uint64_t count, std::size_t bytes) {
    HostileRecording file;
    const std::string path = "/" + std::string(bytes, 'x');
    file.fill(count, [&](std::uint64_t i) {
        file.add(event::cgroup_record(kBombTime, gray(i) + 1, path));
    });
    return file.take();
}

/// A fact about each of many namespaces.
inline std::string bomb_of_namespace_facts(std::uint64_t count) {
    HostileRecording file;
    file.fill(count, [&](std::uint64_t i) {
        auto record = event::fact_record(kBombTime, 0, "net.x", "1");
        td_header header = event::read_header(record);
        header.netns = static_cast<std::uint32_t>(gray(i) + 1);
        event::write_header(record, header);
        file.add(record);
    });
    return file.take();
}

/// The beginning of a listing of each of many namespaces.
inline std::string bomb_of_snapshots(std::uint64_t count) {
    HostileRecording file;
    file.fill(count, [&](std::uint64_t i) {
        auto record = bomb_record<td_snapshot>(TD_SNAPSHOT, static_cast<std::uint32_t>(gray(i)));
        record.op = TD_SNAPSHOT_BEGIN;
        file.put(record);
    });
    return file.take();
}

/// A state change of a full socket, from and to kernel states, over addresses made of `i`.
inline td_state bomb_move(std::uint64_t i, std::uint8_t from, std::uint8_t to,
                          std::uint32_t netns) {
    auto record = bomb_record<td_state>(TD_STATE, netns);
    record.sock = gray(i) * 64 + 64;
    record.tuple.family = 2;
    record.tuple.local_port = 80;
    record.tuple.remote_port = 40'000;
    for (int at : {10, 11}) record.tuple.local_addr[at] = record.tuple.remote_addr[at] = 0xff;
    const auto number = static_cast<std::uint32_t>(gray(i) + 1);
    std::memcpy(&record.tuple.remote_addr[12], &number, sizeof(number));
    record.from = from;
    record.to = to;
    return record;
}

inline constexpr std::uint8_t kKernelEstablished = 1;
inline constexpr std::uint8_t kKernelSynRecv = 3;
inline constexpr std::uint8_t kKernelClose = 7;
inline constexpr std::uint8_t kKernelListen = 10;

/// A connection that ends in each of many namespaces.
inline std::string bomb_of_namespaces(std::uint64_t count) {
    HostileRecording file;
    file.fill(count, [&](std::uint64_t i) {
        auto record =
            bomb_move(0, kKernelEstablished, kKernelClose, static_cast<std::uint32_t>(gray(i) + 1));
        file.put(record);
    });
    return file.take();
}

/// Children of listeners of which nothing else is heard.
inline std::string bomb_of_children(std::uint64_t count) {
    HostileRecording file;
    file.fill(count,
              [&](std::uint64_t i) { file.put(bomb_move(i, kKernelListen, kKernelSynRecv, 1)); });
    return file.take();
}

/// A timer of one mini-socket that is stopped again and again, at one moment.
inline std::string bomb_of_timers(std::size_t blocks) {
    HostileRecording file;
    auto record = bomb_record<td_timewait>(TD_TIMEWAIT, 1);
    record.mini = 64;
    record.tuple.family = 2;
    record.tuple.local_port = 80;
    record.tuple.remote_port = 40'000;
    record.substate = 6;
    for (bool stops = false; !file.is_full(); stops = !stops) {
        record.op = stops ? TD_TIMER_CANCEL : TD_TIMER_START;
        file.put(record);
    }
    file.end_block(blocks);
    return file.take();
}

/// Many open connections of one namespace, and then listings of another one, that has one.
inline std::string bomb_of_listings(std::uint64_t connections, std::uint64_t listings) {
    HostileRecording file;
    file.fill(connections, [&](std::uint64_t i) {
        file.put(bomb_move(i, kKernelSynRecv, kKernelEstablished, 1));
    });
    auto bracket = bomb_record<td_snapshot>(TD_SNAPSHOT, 2, kBombTime + 1'000'000'000);
    auto listed = bomb_record<td_socket>(TD_SOCKET, 2, kBombTime + 1'000'000'000);
    listed.sock = 32;
    listed.tuple = bomb_move(0, 0, 0, 2).tuple;
    listed.state = kKernelEstablished;
    for (std::uint64_t i = 0; i < listings; ++i) {
        bracket.op = TD_SNAPSHOT_BEGIN;
        bracket.complete = 0;
        file.put(bracket);
        file.put(listed);
        bracket.op = TD_SNAPSHOT_END;
        bracket.complete = 1;
        file.put(bracket);
    }
    file.end_block();
    return file.take();
}

/// Records of a kind that nobody knows: as many as fit.
inline std::string bomb_of_unknown_records(std::size_t blocks) {
    HostileRecording file;
    td_header record = event::header_of<td_header>(TD_NOW, kBombTime, 0);
    record.kind = 99;
    while (!file.is_full()) file.add(event::bytes_of(record));
    file.end_block(blocks);
    return file.take();
}

} // namespace tcpdwell::test
