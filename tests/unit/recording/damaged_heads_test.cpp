// SPDX-License-Identifier: Apache-2.0
// Heads of blocks that are spoilt, torn, or say what isn't so: what is checked of them, where the
// next one is looked for, and what is concluded from them.
#include <zlib.h>
#include <zstd.h>

#include "file.h"

namespace tcpdwell::test {
namespace {

using recording::BlockHead;
using recording::kBlockHeadSize;

std::string text_of(const recording::BlockHeadBytes& bytes) { return {bytes.data(), bytes.size()}; }

/// The same with a checksum that is right.
std::string sealed(std::string head) {
    const uLong crc = ::crc32(0, reinterpret_cast<const Bytef*>(head.data()), kBlockHeadSize - 4);
    std::string end;
    recording::put_u32(end, static_cast<std::uint32_t>(crc));
    return head.replace(kBlockHeadSize - 4, 4, end);
}

bool is_head(std::string_view bytes) {
    std::uint32_t frame = 0;
    return recording::decode_head(bytes, frame).has_value();
}

BlockHead any_head() {
    using namespace std::chrono_literals;
    return {77, 3, MonoTime(1s), MonoTime(2s), 4, 500, 600};
}

TEST(BlockHead, comes_back_as_it_was) {
    for (const std::uint32_t kind : {recording::kBlockFrame, recording::kEndFrame}) {
        std::uint32_t frame = 0;
        EXPECT_EQ(recording::decode_head(text_of(encode(kind, any_head())), frame), any_head());
        EXPECT_EQ(frame, kind);
    }
}

TEST(BlockHead, is_none_if_anything_of_it_is_wrong) {
    const std::string good = text_of(encode(recording::kBlockFrame, any_head()));
    EXPECT_EQ(sealed(good), good);
    EXPECT_TRUE(is_head(good + "more"));
    EXPECT_FALSE(is_head(std::string_view(good).substr(0, kBlockHeadSize - 1)));
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::string spoilt = good;
        spoilt[i] = static_cast<char>(spoilt[i] ^ 1);
        EXPECT_FALSE(is_head(spoilt)) << i;
    }
    EXPECT_FALSE(is_head(text_of(encode(recording::kHeadFrame, any_head()))));
    for (const int difference : {-1, 1}) {
        std::string other_size = good;
        other_size[4] = static_cast<char>(other_size[4] + difference);
        EXPECT_FALSE(is_head(sealed(other_size)));
    }
}

TEST(BlockHead, claims_no_more_than_a_block_may_have) {
    BlockHead head = any_head();
    head.raw_bytes = recording::kMostRaw;
    head.packed_bytes = recording::kMostPacked;
    EXPECT_TRUE(is_head(text_of(encode(recording::kBlockFrame, head))));
    ++head.raw_bytes;
    EXPECT_FALSE(is_head(text_of(encode(recording::kBlockFrame, head))));
    head.raw_bytes = 0;
    ++head.packed_bytes;
    EXPECT_FALSE(is_head(text_of(encode(recording::kBlockFrame, head))));
}

/// A recording of several small blocks, with their places.
class DamagedHeads : public testing::Test {
protected:
    std::vector<Bytes> records = traffic_records(1, 6);
    std::string text = recording_of(records, 2 << 10);
    std::vector<std::size_t> places; ///< of the blocks, and of the end
    std::vector<BlockHead> heads;

    void SetUp() override {
        std::size_t at =
            recording::kFrameHead + recording::get_u32(std::string_view(text).substr(4));
        while (at < text.size()) {
            std::uint32_t frame = 0;
            const auto head = recording::decode_head(std::string_view(text).substr(at), frame);
            ASSERT_TRUE(head);
            places.push_back(at);
            heads.push_back(*head);
            at += kBlockHeadSize + head->packed_bytes;
        }
        ASSERT_GT(places.size(), 4U);
    }
    [[nodiscard]] std::string from(std::size_t i, std::size_t until) const {
        return text.substr(places[i], places[until] - places[i]);
    }
    [[nodiscard]] std::string with(std::size_t i, const BlockHead& head) const {
        return std::string(text).replace(places[i], kBlockHeadSize,
                                         text_of(encode(recording::kBlockFrame, head)));
    }
    /// All of it is read, and so many bytes aren't of it.
    void expect_all(const std::string& contents, std::size_t skipped) const {
        for (const bool as_pipe : {false, true}) {
            const ReadBack back = read_back(contents, as_pipe);
            EXPECT_EQ(back.records, joined(records));
            EXPECT_EQ(back.damage.skipped_bytes, skipped);
            EXPECT_EQ(back.damage.bad_blocks, 0U);
        }
    }
};

TEST_F(DamagedHeads, a_torn_one_hides_nothing_of_what_follows) {
    for (std::size_t size = 1; size < kBlockHeadSize; ++size) {
        SCOPED_TRACE(size);
        expect_all(std::string(text).insert(places[2], text.substr(places[1], size)), size);
    }
}

/// Bytes are looked at in stretches: a head may begin in one and end in the next.
TEST_F(DamagedHeads, behind_rubbish_of_any_length_the_next_is_found) {
    for (const std::size_t stretch : {std::size_t{8} << 10, std::size_t{64} << 10})
        for (std::size_t size = stretch - kBlockHeadSize - 8; size < stretch + 8; ++size) {
            SCOPED_TRACE(size);
            expect_all(std::string(text).insert(places[2], std::string(size, 'x')), size);
        }
}

TEST_F(DamagedHeads, rubbish_that_looks_like_the_beginning_of_one) {
    for (const std::string_view rubbish :
         {std::string_view("\x2a\x4d\x18", 3), std::string_view("\x51\x2a\x4d\x18", 4),
          std::string_view("\x51\x2a\x4d\x18\x51\x2a\x4d\x18\x51", 9), std::string_view("\x51", 1),
          std::string_view("\x51\x2a", 2), std::string_view("\x51\x51\x51\x51\x2a", 5)})
        expect_all(std::string(text).insert(places[2], rubbish), rubbish.size());
}

TEST_F(DamagedHeads, what_is_cut_off_within_one_is_skipped) {
    for (std::size_t size = 1; size < kBlockHeadSize; ++size)
        for (const bool as_pipe : {false, true}) {
            const ReadBack back = read_back(text.substr(0, places[3] + size), as_pipe);
            EXPECT_EQ(back.blocks, 3U);
            EXPECT_EQ(back.damage.skipped_bytes, size);
            EXPECT_TRUE(back.damage.cut_off);
        }
}

TEST_F(DamagedHeads, a_missing_first_block_is_counted) {
    const std::string rest = text.substr(0, places[0]) + text.substr(places[1]);
    for (const bool as_pipe : {false, true}) {
        const ReadBack back = read_back(rest, as_pipe);
        EXPECT_EQ(back.blocks, places.size() - 2);
        EXPECT_EQ(back.damage.missing_blocks, 1U);
    }
}

TEST_F(DamagedHeads, a_body_is_one_frame_and_nothing_else) {
    std::string more; // a frame that every decoder of zstd skips
    recording::put_u32(more, 0x184D2A5F);
    recording::put_u32(more, 4);
    more += "more";
    BlockHead head = heads[1];
    head.packed_bytes += static_cast<std::uint32_t>(more.size());
    const std::string longer = with(1, head).insert(places[2], more);
    for (const bool as_pipe : {false, true}) {
        const ReadBack back = read_back(longer, as_pipe);
        EXPECT_EQ(back.damage.bad_blocks, 1U);
        EXPECT_EQ(back.blocks, places.size() - 2);
    }
}

TEST_F(DamagedHeads, a_body_is_as_long_as_its_head_says) {
    for (const int difference : {-1, 1}) {
        BlockHead head = heads[1];
        head.raw_bytes = static_cast<std::uint32_t>(static_cast<int>(head.raw_bytes) + difference);
        for (const bool as_pipe : {false, true}) {
            const ReadBack back = read_back(with(1, head), as_pipe);
            EXPECT_EQ(back.damage.bad_blocks, 1U);
            EXPECT_EQ(back.blocks, places.size() - 2);
        }
    }
}

/// The latest of all blocks, wherever it is; of this recording, and possible.
TEST_F(DamagedHeads, the_latest_time_is_that_of_the_heads_that_are_right) {
    const auto last_time = [](const std::string& contents) {
        const auto reader = recording::RecordingReader::begin(memory_file(contents), "test");
        return reader ? (*reader)->last_time() : std::nullopt;
    };
    MonoTime latest = heads[0].last;
    for (std::size_t i = 0; i + 1 < heads.size(); ++i) latest = std::max(latest, heads[i].last);
    EXPECT_EQ(last_time(text), latest);
    BlockHead head = heads[0];
    head.last = latest + Nanoseconds(5);
    EXPECT_EQ(last_time(with(0, head)), head.last);
    EXPECT_EQ(last_time(with(1, head)), head.last);
    head.last = MonoTime(Nanoseconds::max());
    EXPECT_EQ(last_time(with(1, head)), latest);
    head.last = MonoTime(kLatest) + Nanoseconds(1);
    EXPECT_EQ(last_time(with(1, head)), latest);
    head.last = latest + Nanoseconds(5);
    ++head.run;
    EXPECT_EQ(last_time(with(1, head)), latest);
    EXPECT_EQ(last_time(text.substr(0, places[0])), std::nullopt);
}

} // namespace
} // namespace tcpdwell::test
