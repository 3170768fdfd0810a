// SPDX-License-Identifier: Apache-2.0
// FORMAT.md states the numbers that the code has.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "recording/block_codec.h"
#include "recording/format.h"
#include "recording/writer.h"

namespace tcpdwell::test {
namespace {

using namespace recording;
using testing::HasSubstr;

std::string format_page() {
    std::ifstream in(TCPDWELL_FORMAT_PAGE);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(FormatPage, has_the_sizes_of_the_block_head) {
    EXPECT_THAT(format_page(), HasSubstr(fmt::format("| block head ({} bytes) |", kBlockHeadSize)));
    EXPECT_THAT(format_page(), HasSubstr(fmt::format("| u32 | {}, the size of what follows |",
                                                     kBlockHeadSize - kFrameHead)));
}

/// The rows of the table: "| u64 first, last |" are two numbers of eight bytes.
TEST(FormatPage, lists_fields_that_fill_the_block_head) {
    const std::string page = format_page();
    const std::string table = page.substr(page.find("| block head ("));
    std::istringstream rows(table.substr(0, table.find("\n\n")));
    std::size_t bytes = 0;
    for (std::string row; std::getline(rows, row);) {
        const std::size_t bits = row.starts_with("| u32") ? 32 : row.starts_with("| u64") ? 64 : 0;
        const std::string names = row.substr(0, row.find('|', 1));
        bytes += bits / 8 * static_cast<std::size_t>(1 + std::ranges::count(names, ','));
    }
    EXPECT_EQ(bytes, kBlockHeadSize);
}

TEST(FormatPage, has_the_numbers_of_frames_and_the_first_line) {
    const std::string page = format_page();
    EXPECT_THAT(page,
                HasSubstr(fmt::format("head   := u32 0x{:08X}, u32 size, \"{}\\n\"", kHeadFrame,
                                      kMagicLine.substr(0, kMagicLine.size() - 1))));
    EXPECT_THAT(page, HasSubstr(fmt::format("| u32 | 0x{:08X}; 0x{:08X} for the end |", kBlockFrame,
                                            kEndFrame)));
    EXPECT_THAT(page, HasSubstr(fmt::format("block head with frame number 0x{:08X}", kEndFrame)));
    EXPECT_THAT(page, HasSubstr(fmt::format("# The recording format, version {}\n", kVersion)));
}

TEST(FormatPage, has_the_streams_and_bounds_of_a_block) {
    const std::string page = format_page();
    constexpr std::size_t words = RecordHistory::kWords;
    EXPECT_THAT(page, HasSubstr(fmt::format("{} stream sizes (u32 each)", 6 + words)));
    EXPECT_THAT(page, HasSubstr(fmt::format("or more than {} words", words)));
    EXPECT_THAT(page, HasSubstr(fmt::format("A word in 3 and 6 to {} is", 5 + words)));
    EXPECT_THAT(page, HasSubstr(fmt::format("{} MiB of records, {} MiB packed", kMostRaw >> 20,
                                            kMostPacked >> 20)));
    EXPECT_THAT(page, HasSubstr(fmt::format("A block is complete at {} MiB of records",
                                            WriterOptions().block_bytes >> 20)));
}

} // namespace
} // namespace tcpdwell::test
