// SPDX-License-Identifier: Apache-2.0
// How much of a stream's facts and paths is kept for those who begin later.
#include "recording/preamble.h"

#include <gtest/gtest.h>

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

} // namespace
} // namespace tcpdwell::test
