// SPDX-License-Identifier: Apache-2.0
// Files made to hurt: whatever they claim, a reader ends, within its bounds of memory, and in a
// time that goes by the length of the file.
#include "bounded_run.h"
#include "file.h"
#include "recording/block_codec.h"
#include "recording/head.h"
#include "recording/recording_source.h"

namespace tcpdwell::test {
namespace {

constexpr std::uint64_t kRun = 77;
constexpr std::size_t kAsLargeAsItGets = 17 << 20;

std::string u32(std::uint32_t value) {
    std::string text;
    recording::put_u32(text, value);
    return text;
}

/// The head of a file.
std::string beginning(std::string_view json = "{}") {
    return u32(recording::kHeadFrame) +
           u32(static_cast<std::uint32_t>(recording::kMagicLine.size() + json.size() + 1)) +
           std::string(recording::kMagicLine) + std::string(json) + "\n";
}

/// The head of a block, with the right checksum whatever it claims.
std::string head(std::uint64_t sequence, std::size_t packed, std::size_t raw = 100) {
    recording::BlockHead head;
    head.run = kRun;
    head.sequence = sequence;
    head.records = 1;
    head.raw_bytes = static_cast<std::uint32_t>(raw);
    head.packed_bytes = static_cast<std::uint32_t>(packed);
    const recording::BlockHeadBytes bytes = encode(recording::kBlockFrame, head);
    return {bytes.data(), bytes.size()};
}

std::string block(std::uint64_t sequence, const std::string& body, std::size_t raw = 100) {
    return head(sequence, body.size(), raw) + body;
}

// Parts of a zstd frame (RFC 8878, section 3.1.1).
const std::string kZstd = u32(0xFD2FB528);
std::string zstd_start_of(std::uint32_t content) {
    return kZstd + '\xa0' + u32(content);
} // single segment, no checksum
std::string zstd_start_without_size() {
    return kZstd + std::string("\x00\x58", 2);
} // a window of 2 MiB
std::string zstd_block(unsigned type, std::size_t size, bool is_last) {
    return u32(static_cast<std::uint32_t>(size << 3 | type << 1 | (is_last ? 1 : 0))).substr(0, 3);
}
constexpr unsigned kRaw = 0;
constexpr unsigned kRepeat = 1;

/// Blocks of 128 KiB each, that take four bytes.
std::string zstd_bulk(std::size_t blocks, char byte = '\0') {
    std::string text;
    for (std::size_t i = 0; i < blocks; ++i)
        text += zstd_block(kRepeat, 128 << 10, i + 1 == blocks) + byte;
    return text;
}

/// A frame that holds `text` as it is.
std::string zstd_of(const std::string& text) {
    return zstd_start_of(static_cast<std::uint32_t>(text.size())) +
           zstd_block(kRaw, text.size(), true) + text;
}

/// What an encoder would write, claiming anything.
std::string block_text(std::uint32_t records, std::uint32_t raw, std::uint32_t shapes,
                       std::uint32_t stream_size, const std::string& rest = "") {
    std::string text = u32(records) + u32(raw) + u32(shapes);
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(shapes, 255); ++i)
        text += u32(TD_STATE << 16 | 80);
    for (int i = 0; i < 38; ++i) text += u32(stream_size);
    return text + rest;
}

/// Like a good reader's, but nothing is kept.
struct Counted {
    std::size_t blocks = 0;
    std::size_t bytes = 0;
    recording::Damage damage;
};

Counted count(Fd fd) {
    Counted counted;
    auto reader = recording::RecordingReader::begin(std::move(fd), "test");
    if (!reader) return counted;
    while (true) {
        const auto next = (*reader)->next();
        if (!next || !*next) break;
        ++counted.blocks;
        counted.bytes += (*next)->size();
    }
    counted.damage = (*reader)->damage();
    return counted;
}

/// The reading end of a pipe that another process fills.
Fd as_pipe(const std::string& contents) {
    int ends[2];
    if (::pipe(ends) != 0) return {};
    if (::fork() == 0) {
        ::close(ends[0]);
        for (std::string_view rest = contents; !rest.empty();) {
            const ssize_t n = ::write(ends[1], rest.data(), rest.size());
            if (n <= 0) break;
            rest.remove_prefix(static_cast<std::size_t>(n));
        }
        ::_exit(0);
    }
    ::close(ends[1]);
    return Fd(ends[0]);
}

/// Reads it as a file and from a pipe, with little memory.
void read_both_ways(const std::string& contents,
                    const std::function<bool(const Counted&)>& is_right) {
    EXPECT_EQ(bounded_run([&] { return is_right(count(memory_file(contents))); }), "") << "file";
    EXPECT_EQ(bounded_run([&] { return is_right(count(as_pipe(contents))); }), "") << "pipe";
}

bool nothing_but_one_bad_block(const Counted& counted) {
    return counted.blocks == 0 && counted.damage.bad_blocks == 1;
}

TEST(Hostile, a_limit_of_memory_is_one) {
    if (!kMemoryCanBeLimited) GTEST_SKIP() << "memory can't be limited under AddressSanitizer";
    EXPECT_EQ(bounded_run([] { return std::string(2 * kMostMemory, 'x').size() > kMostMemory; }),
              "wanted more memory");
    EXPECT_EQ(bounded_run([] { return std::string(kMostMemory / 2, 'x').size() < kMostMemory; }),
              "");
}

TEST(Hostile, head_that_claims_gigabytes) {
    for (const char* size : {"\xff\xff\xff\xff", "\xff\xff\xff\x7f", "\x01\x00\x10\x00"}) {
        std::string contents = beginning();
        contents.replace(4, 4, size, 4);
        read_both_ways(contents, [](const Counted& counted) { return counted.blocks == 0; });
        const auto reader = recording::RecordingReader::begin(memory_file(contents), "x.tdw");
        ASSERT_FALSE(reader);
        EXPECT_EQ(reader.error().message,
                  "x.tdw is no recording of tcpdwell: its head has an impossible size");
    }
}

TEST(Hostile, json_nested_without_end) {
    for (const std::string& open : {std::string("["), std::string("{\"a\":")}) {
        std::string json = "{\"host\":\"h\",\"deep\":";
        for (int i = 0; i < 100'000; ++i) json += open;
        const std::string contents = beginning(json);
        EXPECT_EQ(bounded_run([&] {
                      const auto reader =
                          recording::RecordingReader::begin(memory_file(contents), "test");
                      return reader &&
                             recording::head_from_json((*reader)->head_json()).host.empty();
                  }),
                  "");
    }
    std::string closed =
        "{\"host\":\"h\",\"deep\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
    EXPECT_EQ(bounded_run([&] { return recording::head_from_json(closed).host == "h"; }), "");
}

TEST(Hostile, frame_that_claims_an_exabyte) {
    const std::string frame =
        kZstd + '\xe0' + std::string(7, '\0') + '\x10' + zstd_block(kRaw, 0, true);
    read_both_ways(beginning() + block(0, frame), nothing_but_one_bad_block);
}

TEST(Hostile, frame_that_expands_beyond_all_bounds) {
    const std::string bulk = zstd_bulk(1 << 19); // 64 GiB
    read_both_ways(beginning() + block(0, zstd_start_without_size() + bulk),
                   nothing_but_one_bad_block);
    read_both_ways(beginning() + block(0, zstd_start_of(100) + bulk), nothing_but_one_bad_block);
    read_both_ways(beginning() + block(0, zstd_start_of(kAsLargeAsItGets) + bulk),
                   nothing_but_one_bad_block);
}

TEST(Hostile, frames_as_large_as_they_may_be) {
    std::string contents = beginning();
    for (std::uint64_t i = 0; i < 20; ++i)
        contents += block(
            i, zstd_start_of(kAsLargeAsItGets) + zstd_bulk(17 * 8, i % 2 == 0 ? '\0' : '\xff'),
            recording::kMostRaw);
    read_both_ways(contents,
                   [](const Counted& counted) { return counted.damage.bad_blocks == 20; });
}

/// A block of as many records as fit: marks at the same time, of which each takes three bytes.
TEST(Hostile, block_that_holds_as_much_as_it_may) {
    constexpr std::uint32_t records = recording::kMostRaw / 16;
    std::string text = u32(records) + u32(recording::kMostRaw) + u32(1) + u32(TD_NOW << 16 | 16);
    for (int i = 0; i < 38; ++i) text += u32(i < 2 || i == 4 ? records : 0);
    std::string body = zstd_start_of(static_cast<std::uint32_t>(text.size()) + 3 * records) +
                       zstd_block(kRaw, text.size(), false) + text + zstd_bulk(3 * records >> 17);
    read_both_ways(beginning() + block(0, body, recording::kMostRaw), [](const Counted& counted) {
        return counted.blocks == 1 && counted.bytes == recording::kMostRaw && !counted.damage.any();
    });
}

TEST(Hostile, block_texts_that_claim_anything) {
    const std::string overlong(200, '\xff');
    std::string zeros(3800,
                      '\0'); // each byte of it says nothing, but that the first object is a new one
    zeros[200] = '\xff';
    const std::string texts[] = {
        "",
        block_text(0xffffffff, 100, 1, 0),
        block_text(0xffffffff, 0xffffffff, 1, 4, overlong),
        block_text(1, 80, 0xffffffff, 0),
        block_text(1, 80, 255, 0xffffffff, overlong),
        block_text(1, 80, 1, 0x80000000, overlong),
        block_text(1, recording::kMostRaw, 1, 1, overlong),
        block_text(100, 8000, 1, 100, zeros),
        block_text(2, 160, 1, 12, overlong + overlong + overlong),
        block_text(1, 80, 1, 12,
                   std::string(12, '\0') + std::string(444, '\xff')), // LEB128 of more than 64 bits
    };
    for (const std::string& text : texts) {
        Bytes out(3);
        const bool is_right = recording::decode_block(text, recording::kMostRaw, out);
        EXPECT_EQ(out.size(), is_right ? 8003U : 3U) << (&text - texts);
        EXPECT_EQ(is_right, &text == &texts[7]) << (&text - texts);
        if (!is_right)
            read_both_ways(beginning() + block(0, zstd_of(text), recording::kMostRaw),
                           nothing_but_one_bad_block);
    }
}

TEST(Hostile, heads_that_claim_what_isnt_there) {
    std::string contents = beginning();
    for (std::uint64_t i = 0; i < 200'000; ++i) contents += head(i, recording::kMostPacked);
    read_both_ways(contents, [](const Counted& counted) {
        return counted.blocks == 0 && counted.damage.bad_blocks > 0;
    });
}

/// All claim the same end, where an intact block follows: believed, each hides all behind it.
TEST(Hostile, heads_that_claim_each_other) {
    constexpr std::size_t heads = recording::kMostPacked / recording::kBlockHeadSize;
    std::string contents = beginning();
    for (std::size_t i = 0; i < heads; ++i)
        contents += head(i, (heads - 1 - i) * recording::kBlockHeadSize);
    const auto records = traffic_records(1, 60);
    const std::string good =
        recording_of(records, 8 << 10).substr(beginning("{\"host\":\"h\"}").size());
    read_both_ways(contents + good,
                   [&](const Counted& counted) { return counted.bytes == joined(records).size(); });
}

/// Each head is followed by a frame that is right up to the end of all of them.
TEST(Hostile, frames_that_share_their_rest) {
    const std::string start = zstd_start_without_size();
    const std::size_t unit = recording::kBlockHeadSize + start.size() + 3;
    const std::size_t units = recording::kMostPacked / unit;
    std::string contents = beginning();
    for (std::size_t i = 0; i < units; ++i) {
        const bool is_last = i + 1 == units;
        contents += head(i, start.size() + 3 + (units - 1 - i) * unit) + start +
                    zstd_block(kRaw, is_last ? 0 : unit - 3, is_last);
    }
    contents += std::string(100, 'x');
    read_both_ways(contents, [](const Counted& counted) {
        return counted.blocks == 0 && counted.damage.bad_blocks > 0;
    });
}

TEST(Hostile, what_a_few_lying_heads_hide_is_found) {
    const auto records = traffic_records(1, 60);
    const std::string good =
        recording_of(records, 8 << 10).substr(beginning("{\"host\":\"h\"}").size());
    std::string contents = beginning();
    for (std::uint64_t i = 0; i < 20; ++i) contents += head(1000 + i, good.size() / 2);
    contents += good;
    read_both_ways(contents,
                   [&](const Counted& counted) { return counted.bytes == joined(records).size(); });
}

TEST(Hostile, rubbish_that_looks_like_heads_everywhere) {
    std::string contents = beginning();
    while (contents.size() < 16 << 20) contents += "\x2a\x4d\x18";
    read_both_ways(contents,
                   [](const Counted& counted) { return counted.damage.skipped_bytes > 15 << 20; });
    contents = beginning();
    const std::string torn =
        head(0, recording::kMostPacked).substr(0, recording::kBlockHeadSize - 1);
    while (contents.size() < 16 << 20) contents += torn;
    read_both_ways(contents,
                   [](const Counted& counted) { return counted.damage.skipped_bytes > 15 << 20; });
}

TEST(Hostile, millions_of_empty_blocks) {
    std::string contents = beginning();
    for (std::uint64_t i = 0; i < 1'200'000; ++i)
        contents += head(i, 0); // more than a survey remembers
    read_both_ways(contents, [](const Counted& counted) {
        return counted.blocks == 0 && counted.damage.bad_blocks == 1'200'000;
    });
}

/// Backwards, so that the file is read from place to place.
TEST(Hostile, very_many_small_blocks_in_the_wrong_order) {
    Bytes mark(16);
    mark[0] = std::byte{16};
    mark[2] = std::byte{TD_NOW};
    recording::BlockEncoder encoder;
    encoder.add(mark);
    const std::string body = zstd_of(encoder.take());
    constexpr std::uint64_t blocks = 50'000;
    std::string contents = beginning();
    for (std::uint64_t i = 0; i < blocks; ++i) contents += block(blocks - i, body, 16);
    EXPECT_EQ(bounded_run([&] { return count(memory_file(contents)).blocks == blocks; }), "");
    EXPECT_EQ(
        bounded_run([&] { return count(as_pipe(contents)).damage.repeated_blocks == blocks - 1; }),
        "");
}

TEST(Hostile, numbers_at_the_end_of_what_there_is) {
    const std::string body = zstd_of(block_text(0, 0, 0, 0));
    std::string contents = beginning();
    for (const std::uint64_t sequence :
         {std::uint64_t{1}, UINT64_MAX, std::uint64_t{0}, UINT64_MAX - 1})
        contents += block(sequence, body, 0);
    read_both_ways(contents,
                   [](const Counted& counted) { return counted.damage.missing_blocks > 0; });
}

TEST(Hostile, a_block_without_records_is_passed_over) {
    const std::string nothing = zstd_of(block_text(0, 0, 0, 0));
    const Fd fd = memory_file(beginning() + block(0, nothing, 0) + block(1, nothing, 0));
    EXPECT_EQ(bounded_run([&] {
                  auto source = recording::RecordingSource::open(
                      {"/proc/self/fd/" + std::to_string(fd.get())});
                  std::size_t records = 0;
                  while (source) {
                      const auto status =
                          (*source)->poll([&](std::span<const std::byte>) { ++records; });
                      if (!status || *status == event::EventSource::Status::finished) break;
                  }
                  return source && records == 0;
              }),
              "");
}

} // namespace
} // namespace tcpdwell::test
