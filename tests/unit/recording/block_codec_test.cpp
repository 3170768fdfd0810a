// SPDX-License-Identifier: Apache-2.0
#include "recording/block_codec.h"

#include <gtest/gtest.h>

#include "event/record.h"
#include "records.h"

namespace tcpdwell::test {
namespace {

constexpr std::size_t kRoom = 64 << 20;

std::string encoded(std::span<const Bytes> records) {
    recording::BlockEncoder encoder;
    for (const Bytes& record : records) EXPECT_TRUE(encoder.add(record));
    EXPECT_EQ(encoder.records(), records.size());
    EXPECT_EQ(encoder.raw_bytes(), joined(records).size());
    return encoder.take();
}

Bytes decoded(const std::string& text) {
    Bytes out;
    EXPECT_TRUE(recording::decode_block(text, kRoom, out));
    return out;
}

TEST(BlockCodec, nothing_comes_back_as_nothing) { EXPECT_TRUE(decoded(encoded({})).empty()); }

TEST(BlockCodec, traffic_comes_back_as_it_was) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const auto records = traffic_records(seed, 50);
        EXPECT_EQ(decoded(encoded(records)), joined(records)) << seed;
    }
}

/// FNV-1a.
std::uint64_t digest(std::string_view text) {
    std::uint64_t sum = 0xcbf29ce484222325ULL;
    for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return sum;
}

TEST(BlockCodec, crowd_is_encoded_as_ever) {
    // More objects than the history has slots: which of them meet in one is part of the format.
    std::mt19937_64 random(1);
    std::vector<std::uint64_t> objects(6000);
    for (std::uint64_t& object : objects) object = random();
    std::vector<Bytes> records;
    for (int round = 0; round < 2; ++round)
        for (const std::uint64_t object : objects) {
            td_state r{};
            r.h = event::header_of<td_state>(TD_STATE, records.size(), 1);
            r.sock = object;
            r.cookie = object >> 7;
            const auto bytes = event::bytes_of(r);
            records.emplace_back(bytes.begin(), bytes.end());
        }
    const std::string text = encoded(records);
    EXPECT_EQ(decoded(text), joined(records));
    EXPECT_EQ(digest(text), 16766172684431560775u); // since 0.1.0
}

TEST(BlockCodec, any_bytes_come_back_as_they_were) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        std::mt19937_64 random(seed);
        std::vector<Bytes> records;
        for (std::size_t i = random() % 100; i > 0; --i) records.push_back(any_record(random));
        EXPECT_EQ(decoded(encoded(records)), joined(records)) << seed;
    }
}

TEST(BlockCodec, an_encoder_can_be_used_again) {
    const auto first = traffic_records(1, 10);
    const auto second = traffic_records(2, 10);
    recording::BlockEncoder encoder;
    for (const Bytes& record : first) encoder.add(record);
    (void)encoder.take();
    for (const Bytes& record : second) encoder.add(record);
    EXPECT_EQ(decoded(encoder.take()), joined(second));
}

TEST(BlockCodec, traffic_gets_much_smaller_before_it_is_compressed) {
    const auto records = traffic_records(3, 2000);
    EXPECT_LT(encoded(records).size() * 3, joined(records).size());
}

TEST(BlockCodec, a_block_holds_so_many_shapes_and_no_more) {
    recording::BlockEncoder encoder;
    for (unsigned kind = 0; kind < 255; ++kind) {
        Bytes record(16);
        record[0] = std::byte{16};
        record[2] = static_cast<std::byte>(kind);
        EXPECT_TRUE(encoder.add(record));
    }
    Bytes other(24);
    other[0] = std::byte{24};
    EXPECT_FALSE(encoder.add(other));
    EXPECT_EQ(encoder.records(), 255U);
}

TEST(BlockCodec, no_more_is_written_than_the_caller_allows) {
    const auto records = traffic_records(4, 20);
    const std::string text = encoded(records);
    Bytes out;
    EXPECT_FALSE(recording::decode_block(text, joined(records).size() - 1, out));
    EXPECT_TRUE(out.empty());
}

TEST(BlockCodec, every_cut_is_noticed_or_harmless) {
    const auto records = traffic_records(5, 5);
    const std::string text = encoded(records);
    for (std::size_t size = 0; size < text.size(); ++size) {
        Bytes out;
        const bool is_whole = recording::decode_block(text.substr(0, size), kRoom, out);
        EXPECT_TRUE(!is_whole || out == joined(records)) << size;
        EXPECT_LE(out.size(), joined(records).size());
    }
}

TEST(BlockCodec, spoilt_bytes_never_write_beyond_what_was_claimed) {
    const auto records = traffic_records(6, 20);
    const std::string text = encoded(records);
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
        std::mt19937_64 random(seed);
        std::string spoilt = text;
        for (std::size_t i = 1 + random() % 4; i > 0; --i)
            spoilt[random() % spoilt.size()] = static_cast<char>(random());
        Bytes out;
        recording::decode_block(spoilt, 1 << 20, out);
        EXPECT_LE(out.size(), std::size_t{1} << 20) << seed;
    }
}

} // namespace
} // namespace tcpdwell::test
