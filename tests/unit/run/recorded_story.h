// SPDX-License-Identifier: Apache-2.0
// Generated traffic as a recording that has marks as a live one has, and what views make of it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "../recording/file.h"
#include "event/record.h"
#include "recording/head.h"
#include "recording/recording_source.h"
#include "run/pipeline.h"
#include "synth/synthetic_source.h"

namespace tcpdwell::test {

inline std::string path_of(const Fd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

/// Records in the order given, headed by a clock and the other `facts`; a mark each 20 ms.
inline Fd record_all(const std::vector<synth::WireRecord>& records,
                     const std::vector<std::vector<std::byte>>& facts = {}) {
    using namespace std::chrono_literals;
    Fd fd = memory_file();
    recording::Head head;
    head.clock = synth::kTestClock;
    head.hz = synth::kTestClock.hz;
    head.host = "story";
    head.boot_id = "a boot";
    auto writer = recording::RecordingWriter::begin(Fd(::dup(fd.get())), "test",
                                                    recording::to_json(head), 77, 0, {});
    EXPECT_TRUE(writer);
    EXPECT_TRUE(
        (*writer)->write(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock)));
    for (const auto& fact : facts) EXPECT_TRUE((*writer)->write(fact));
    MonoTime now = synth::kTestClock.mono;
    EXPECT_TRUE((*writer)->mark(now));
    for (const synth::WireRecord& record : records) {
        for (; now + 20ms < record.at; now += 20ms) EXPECT_TRUE((*writer)->mark(now + 20ms));
        EXPECT_TRUE((*writer)->write(record.bytes));
    }
    EXPECT_TRUE((*writer)->mark(std::max(now, records.back().at) + 100ms));
    EXPECT_TRUE((*writer)->end());
    return fd;
}

inline std::unique_ptr<recording::RecordingSource>
replay(const Fd& fd, const recording::ReplayOptions& options = {}) {
    auto source = recording::RecordingSource::open({path_of(fd)});
    EXPECT_TRUE(source) << source.error().message;
    (*source)->set_options(options);
    return std::move(*source);
}

} // namespace tcpdwell::test
