// SPDX-License-Identifier: Apache-2.0
// Records to record: a generated host's, and any bytes with a header.
#pragma once

#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "event/encode.h"
#include "synth/traffic.h"
#include "tcpdwell/wire.h"

namespace tcpdwell::test {

using Bytes = std::vector<std::byte>;

/// The records of random traffic, headed by a clock.
inline std::vector<Bytes> traffic_records(std::uint64_t seed, std::size_t stories) {
    synth::TrafficOptions options;
    options.seed = seed;
    options.stories = stories;
    std::vector<Bytes> records{encode(event::ClockReading{synth::kTestClock}, synth::kTestClock)};
    for (synth::WireRecord& record : make_traffic(options).records)
        records.push_back(std::move(record.bytes));
    return records;
}

/// Bytes of any kind and size; only the size in the header is true.
inline Bytes any_record(std::mt19937_64& random) {
    static constexpr std::size_t kSizes[] = {16, 24, 80, 112, 136, 256, 264, 1000, 17, 99, 65'528};
    Bytes record(kSizes[random() % (random() % 50 == 0 ? 11 : 8)]);
    for (std::byte& b : record)
        b = static_cast<std::byte>(random() % 4 == 0 ? random() : random() % 3);
    const auto size = static_cast<std::uint16_t>(record.size());
    std::memcpy(record.data(), &size, sizeof(size));
    record[2] = static_cast<std::byte>(random() % 20);
    return record;
}

inline Bytes joined(std::span<const Bytes> records) {
    Bytes all;
    for (const Bytes& record : records) all.insert(all.end(), record.begin(), record.end());
    return all;
}

} // namespace tcpdwell::test
