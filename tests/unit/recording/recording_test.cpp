// SPDX-License-Identifier: Apache-2.0
// What is written can be read; what is damaged is reported, and the rest is read all the same.
#include <fcntl.h>

#include <algorithm>

#include "file.h"

namespace tcpdwell::test {
namespace {

/// A recording in pieces: the head, the blocks, the end.
struct Pieces {
    std::string head;
    std::vector<std::string> blocks;
    std::vector<Bytes> contents; ///< of the blocks
    std::string end;

    [[nodiscard]] std::string all(const std::vector<std::size_t>& order) const {
        std::string text = head;
        for (const std::size_t i : order) text += blocks[i];
        return text + end;
    }
    [[nodiscard]] Bytes of(const std::vector<std::size_t>& order) const {
        Bytes bytes;
        for (const std::size_t i : order)
            bytes.insert(bytes.end(), contents[i].begin(), contents[i].end());
        return bytes;
    }
};

Pieces take_apart(const std::string& text) {
    Pieces pieces;
    std::size_t at = recording::kFrameHead + recording::get_u32(std::string_view(text).substr(4));
    pieces.head = text.substr(0, at);
    while (at < text.size()) {
        std::uint32_t frame = 0;
        const auto head = recording::decode_head(std::string_view(text).substr(at), frame);
        EXPECT_TRUE(head);
        const std::size_t size = recording::kBlockHeadSize + head->packed_bytes;
        if (frame == recording::kEndFrame) {
            pieces.end = text.substr(at);
            break;
        }
        pieces.blocks.push_back(text.substr(at, size));
        pieces.contents.push_back(read_back(pieces.head + pieces.blocks.back()).records);
        at += size;
    }
    return pieces;
}

class RecordingTest : public testing::Test {
protected:
    std::vector<Bytes> records = traffic_records(1, 60);
    std::string text = recording_of(records, 8 << 10);
    Pieces pieces = take_apart(text);
    std::vector<std::size_t> order;

    void SetUp() override {
        ASSERT_GT(pieces.blocks.size(), 5U);
        for (std::size_t i = 0; i < pieces.blocks.size(); ++i) order.push_back(i);
    }
};

TEST_F(RecordingTest, comes_back_as_it_was) {
    for (const bool as_pipe : {false, true}) {
        const ReadBack back = read_back(text, as_pipe);
        EXPECT_EQ(back.records, joined(records));
        EXPECT_FALSE(back.damage.any()) << describe(back.damage);
        EXPECT_FALSE(back.damage.cut_off);
    }
}

TEST_F(RecordingTest, empty_one_is_fine) {
    const ReadBack back = read_back(recording_of({}, 1000));
    EXPECT_TRUE(back.records.empty());
    EXPECT_FALSE(back.damage.any() || back.damage.cut_off);
}

TEST_F(RecordingTest, without_its_end_everything_is_read_and_said_to_be_cut_off) {
    const ReadBack back = read_back(text.substr(0, text.size() - pieces.end.size()));
    EXPECT_EQ(back.records, joined(records));
    EXPECT_FALSE(back.damage.any());
    EXPECT_TRUE(back.damage.cut_off);
}

TEST_F(RecordingTest, cut_anywhere_every_whole_block_is_read) {
    for (std::size_t size = pieces.head.size(); size < text.size();
         size += size % 97 == 0 ? 1 : 13) {
        std::size_t whole = 0;
        for (std::size_t at = pieces.head.size(); whole < pieces.blocks.size(); ++whole) {
            at += pieces.blocks[whole].size();
            if (at > size) break;
        }
        for (const bool as_pipe : {false, true}) {
            const ReadBack back = read_back(text.substr(0, size), as_pipe);
            EXPECT_EQ(back.blocks, whole) << size;
            EXPECT_TRUE(back.damage.cut_off) << size;
        }
    }
}

TEST_F(RecordingTest, a_missing_block_is_counted) {
    order.erase(order.begin() + 2);
    for (const bool as_pipe : {false, true}) {
        const ReadBack back = read_back(pieces.all(order), as_pipe);
        EXPECT_EQ(back.records, pieces.of(order));
        EXPECT_EQ(back.damage.missing_blocks, 1U);
    }
}

TEST_F(RecordingTest, a_missing_last_block_is_counted) {
    order.pop_back();
    for (const bool as_pipe : {false, true})
        EXPECT_EQ(read_back(pieces.all(order), as_pipe).damage.missing_blocks, 1U);
}

TEST_F(RecordingTest, a_repeated_block_is_read_once) {
    order.insert(order.begin() + 3, 1);
    for (const bool as_pipe : {false, true}) {
        const ReadBack back = read_back(pieces.all(order), as_pipe);
        EXPECT_EQ(back.records, joined(records));
        EXPECT_EQ(back.damage.repeated_blocks, 1U);
    }
}

TEST_F(RecordingTest, blocks_of_a_file_are_put_in_order) {
    std::swap(order[1], order[4]);
    const ReadBack back = read_back(pieces.all(order));
    EXPECT_EQ(back.records, joined(records));
    EXPECT_EQ(back.damage.misplaced_blocks, 2U) << "those that follow a later one";
    EXPECT_EQ(back.damage.missing_blocks, 0U);
}

TEST_F(RecordingTest, a_block_of_another_recording_is_left_out) {
    const Pieces other = take_apart(recording_of(traffic_records(2, 60), 8 << 10, true, 78));
    std::string mixed = pieces.head + pieces.blocks[0] + other.blocks[1];
    for (std::size_t i = 1; i < pieces.blocks.size(); ++i) mixed += pieces.blocks[i];
    for (const bool as_pipe : {false, true}) {
        const ReadBack back = read_back(mixed + pieces.end, as_pipe);
        EXPECT_EQ(back.records, joined(records));
        EXPECT_EQ(back.damage.foreign_blocks, 1U);
    }
}

TEST_F(RecordingTest, rubbish_between_blocks_is_skipped) {
    const std::string rubbish(1234, '\x2a');
    const std::string mixed = pieces.head + pieces.blocks[0] + rubbish +
                              text.substr(pieces.head.size() + pieces.blocks[0].size());
    for (const bool as_pipe : {false, true}) {
        const ReadBack back = read_back(mixed, as_pipe);
        EXPECT_EQ(back.records, joined(records));
        EXPECT_EQ(back.damage.skipped_bytes, rubbish.size());
    }
}

TEST_F(RecordingTest, a_flipped_bit_costs_one_block_at_most) {
    std::mt19937_64 random(7);
    for (int i = 0; i < 400; ++i) {
        const std::size_t at =
            pieces.head.size() + random() % (text.size() - pieces.head.size() - pieces.end.size());
        std::string spoilt = text;
        spoilt[at] = static_cast<char>(spoilt[at] ^ (1 << (random() % 8)));
        for (const bool as_pipe : {false, true}) {
            const ReadBack back = read_back(spoilt, as_pipe);
            EXPECT_GE(back.blocks + 1, pieces.blocks.size()) << at;
            // A few bits of a zstd frame mean nothing.
            EXPECT_TRUE(back.damage.any() || back.records == joined(records)) << at;
        }
    }
}

TEST_F(RecordingTest, a_head_that_lies_about_its_length_hides_no_other_block) {
    std::uint32_t frame = 0;
    recording::BlockHead lying = *recording::decode_head(pieces.blocks[1], frame);
    lying.packed_bytes += static_cast<std::uint32_t>(pieces.blocks[2].size());
    const recording::BlockHeadBytes bytes = encode(recording::kBlockFrame, lying);
    pieces.blocks[1].replace(0, bytes.size(), bytes.data(), bytes.size());
    const std::string spoilt = pieces.all(order);
    const ReadBack back = read_back(spoilt);
    EXPECT_EQ(back.blocks, pieces.blocks.size() - 1);
    EXPECT_EQ(back.damage.bad_blocks, 1U);
}

TEST(RecordingHead, what_is_no_recording_is_reported_from_one_of_a_later_version) {
    const auto complaint = [](std::string_view contents) {
        const auto reader = recording::RecordingReader::begin(memory_file(contents), "x.tdw");
        return reader ? std::string() : reader.error().message;
    };
    EXPECT_EQ(complaint(""), "x.tdw is no recording of tcpdwell: it is empty");
    EXPECT_EQ(complaint("root:x:0:0:root:/root:/bin/bash\nand so on"),
              "x.tdw is no recording of tcpdwell: it begins differently");
    std::string later;
    recording::put_u32(later, recording::kHeadFrame);
    recording::put_u32(later, 40);
    later += "tcpdwell recording 2\n{}                     ";
    EXPECT_EQ(complaint(later),
              "x.tdw was written by a later version of tcpdwell; read it with that");
    const std::string good = recording_of({}, 1000);
    EXPECT_EQ(complaint(std::string_view(good).substr(0, 35)),
              "x.tdw is no recording of tcpdwell: it ends within its head");
    std::string endless = good;
    endless.replace(4, 4, "\xff\xff\xff\x7f");
    EXPECT_EQ(complaint(endless),
              "x.tdw is no recording of tcpdwell: its head has an impossible size");
}

} // namespace
} // namespace tcpdwell::test
