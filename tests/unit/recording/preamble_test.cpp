// SPDX-License-Identifier: Apache-2.0
// How much of a stream's facts and paths is kept for those who begin later.
#include "recording/preamble.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "event/record.h"

namespace tcpdwell::test {
namespace {

TEST(Preamble, keeps_what_it_has_room_for) {
    recording::Preamble preamble;
    td_clock clock{};
    clock.h = event::header_of<td_clock>(TD_CLOCK, 1, 0);
    preamble.note(event::bytes_of(clock));
    const std::string value(60'000, 'x');
    for (int i = 0; i < 1000; ++i)
        preamble.note(event::fact_record(5, 0, "net." + std::to_string(i), value));
    std::size_t bytes = 0;
    std::uint64_t facts = 0;
    preamble.for_each([&](std::span<const std::byte> record) {
        bytes += record.size();
        if (event::read_header(record).kind == TD_FACT) ++facts;
    });
    EXPECT_LE(bytes, recording::Preamble::kMostBytes);
    EXPECT_GT(bytes, recording::Preamble::kMostBytes * 9 / 10);
    EXPECT_EQ(facts + preamble.dropped(), 1000U);
}

/// Read in whatever order: each process descends from what it descended from in the stream.
TEST(Preamble, keeps_the_descent_of_processes) {
    recording::Preamble preamble;
    td_clock clock{};
    clock.h = event::header_of<td_clock>(TD_CLOCK, 1, 0);
    preamble.note(event::bytes_of(clock));
    const auto fork = [&](std::uint32_t parent, std::uint32_t pid) {
        td_fork record{};
        record.h = event::header_of<td_fork>(TD_FORK, 2, 0);
        record.parent = parent;
        record.pid = pid;
        preamble.note(event::bytes_of(record));
    };
    fork(1000, 900);
    fork(900, 20);
    fork(20, 500);
    fork(5, 900); // the number again, of another process
    fork(5, 6);
    std::vector<td_fork> repeated;
    preamble.for_each([&](std::span<const std::byte> record) {
        if (event::read_header(record).kind != TD_FORK) return;
        EXPECT_NE(event::read_header(record).flags & TD_REPEATED, 0);
        repeated.push_back(*event::as<td_fork>(record));
    });
    EXPECT_EQ(repeated.size(), 4U);
    for (const bool reversed : {false, true}) {
        if (reversed) std::ranges::reverse(repeated);
        event::ProcessTree tree;
        for (const td_fork& each : repeated) tree.fork(each.parent, each.pid);
        EXPECT_TRUE(tree.is_of(20, 1000));
        EXPECT_TRUE(tree.is_of(500, 1000));
        EXPECT_TRUE(tree.is_of(900, 5));
        EXPECT_TRUE(tree.is_of(6, 5));
        EXPECT_FALSE(tree.is_of(6, 1000));
    }
}

} // namespace
} // namespace tcpdwell::test
