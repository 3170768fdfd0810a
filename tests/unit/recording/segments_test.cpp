// SPDX-License-Identifier: Apache-2.0
// Several files as one stream: what is reported twice is read once, and what is missing is said.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "event/decode.h"
#include "event/record.h"
#include "file.h"
#include "recording/preamble.h"
#include "recording/recording_source.h"

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

MonoTime at(Nanoseconds offset) { return synth::kTestClock.mono + offset; }

Bytes record_of(std::uint8_t kind, Nanoseconds when, std::uint64_t body = 0) {
    struct {
        td_header h;
        std::uint64_t body;
    } r{};
    r.h = event::header_of<decltype(r)>(
        kind, static_cast<std::uint64_t>(at(when).time_since_epoch().count()), 0);
    r.body = body;
    const auto bytes = event::bytes_of(r);
    return {bytes.begin(), bytes.end()};
}

Bytes repeated(Bytes record) {
    record[3] = static_cast<std::byte>(TD_REPEATED);
    return record;
}

class SegmentsTest : public testing::Test {
protected:
    SegmentsTest() : folder_(fs::temp_directory_path() / ("parts-" + std::to_string(::getpid()))) {
        fs::create_directories(folder_);
    }
    ~SegmentsTest() override { fs::remove_all(folder_); }

    /// A file of these blocks; returns the number of the block after it.
    std::uint64_t segment(const std::string& name, std::uint64_t run, std::uint64_t first,
                          const std::vector<std::vector<Bytes>>& blocks, Nanoseconds begin) {
        recording::Head head;
        head.boot_id = "boot";
        head.sequence = first;
        head.clock = {at(begin), WallTime(7s)};
        head.filter = "--comm cafe";
        std::string json = to_json(head);
        if (heads_have_no_end_of_filter_) json.replace(json.find("e\",\"probes"), 2, "");
        const std::string path = folder_ / name;
        Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        auto writer = recording::RecordingWriter::begin(std::move(fd), path, json, run, first, {});
        EXPECT_TRUE(writer);
        for (const auto& block : blocks) {
            for (const Bytes& record : block) EXPECT_TRUE((*writer)->write(record));
            EXPECT_TRUE((*writer)->flush());
        }
        EXPECT_TRUE((*writer)->end());
        paths_.push_back(path);
        return (*writer)->next_sequence();
    }

    struct Read {
        std::vector<Bytes> records; ///< without gaps
        std::vector<std::pair<std::size_t, event::Gap>>
            gaps; ///< and before which record they stood
        std::string error;
    };
    static Read read(const std::vector<std::string>& paths) {
        Read result;
        auto source = recording::RecordingSource::open(paths);
        EXPECT_TRUE(source);
        event::Decoder decoder;
        while (source) {
            const auto status = (*source)->poll([&](std::span<const std::byte> record) {
                if (record[2] != static_cast<std::byte>(TD_GAP)) {
                    result.records.emplace_back(record.begin(), record.end());
                    return;
                }
                const auto event = decoder.decode(record);
                ASSERT_TRUE(event);
                result.gaps.emplace_back(result.records.size(), std::get<event::Gap>(*event));
            });
            if (!status) result.error = status.error().message;
            if (!status || *status == event::EventSource::Status::finished) break;
        }
        return result;
    }

    const Bytes a_ = record_of(99, 1s, 1), b_ = record_of(99, 2s, 2), c_ = record_of(99, 3s, 3),
                d_ = record_of(99, 4s, 4);
    const Bytes again_ = repeated(record_of(98, 3s));
    fs::path folder_;
    std::vector<std::string> paths_;
    bool heads_have_no_end_of_filter_ = false; ///< as 0.1.0 wrote them for a byte that isn't UTF-8
};

TEST_F(SegmentsTest, of_heads_that_are_no_json_are_one_intact_recording) {
    heads_have_no_end_of_filter_ = true;
    const auto next =
        segment("a", 7, 0, {{record_of(TD_STATE, 1s)}, {record_of(TD_STATE, 2s)}}, 0s);
    segment("b", 7, next, {{record_of(TD_STATE, 3s)}}, 3s);
    const auto hosts = recording::RecordingSource::open_by_host(paths_);
    ASSERT_TRUE(hosts);
    EXPECT_EQ(hosts->size(), 1U);
    EXPECT_EQ(hosts->front()->head().filter, "--comm caf");
    const Read all = read(paths_);
    EXPECT_EQ(all.records.size(), 3U);
    // Alone, the second one begins with its own number.
    const auto alone = recording::RecordingSource::open({paths_.back()});
    ASSERT_TRUE(alone);
    EXPECT_EQ((*alone)->head().sequence, next);
}

TEST_F(SegmentsTest, in_a_row_are_one_stream_without_what_is_repeated) {
    std::uint64_t next = segment("1", 7, 0, {{a_}, {b_}}, 0s);
    next = segment("2", 7, next, {{again_, c_}}, 3s);
    segment("3", 7, next, {{again_}, {again_, d_}}, 4s);
    std::reverse(paths_.begin(), paths_.end()); // their order on the command line doesn't matter
    const Read all = read(paths_);
    EXPECT_EQ(all.records, (std::vector<Bytes>{a_, b_, c_, d_}));
    EXPECT_TRUE(all.gaps.empty());
    EXPECT_EQ(all.error, "");
}

TEST_F(SegmentsTest, given_twice_they_are_read_once) {
    const std::uint64_t next = segment("1", 7, 0, {{a_}, {b_}}, 0s);
    segment("2", 7, next, {{again_, c_}, {d_}}, 3s);
    const Read all = read({paths_[0], paths_[1], paths_[0], paths_[1]});
    EXPECT_EQ(all.records, (std::vector<Bytes>{a_, b_, c_, d_}));
    EXPECT_TRUE(all.gaps.empty());
}

TEST_F(SegmentsTest, one_alone_begins_with_what_it_repeats) {
    const std::uint64_t next = segment("1", 7, 0, {{a_}, {b_}}, 0s);
    segment("2", 7, next, {{again_, c_}}, 3s);
    const Read second = read({paths_[1]});
    EXPECT_EQ(second.records, (std::vector<Bytes>{again_, c_}));
    EXPECT_TRUE(second.gaps.empty()) << "that there were segments before is no hole";
}

TEST_F(SegmentsTest, a_missing_one_is_a_hole_after_which_what_is_repeated_counts) {
    std::uint64_t next = segment("1", 7, 0, {{a_}}, 0s);
    next = segment("2", 7, next, {{again_, b_}}, 2s);
    segment("3", 7, next, {{again_, c_}, {d_}}, 3s);
    const Read rest = read({paths_[0], paths_[2]});
    EXPECT_EQ(rest.records, (std::vector<Bytes>{a_, again_, c_, d_}));
    ASSERT_EQ(rest.gaps.size(), 1U);
    const auto& [place, gap] = rest.gaps[0];
    EXPECT_EQ(place, 1U);
    EXPECT_EQ(gap.at, at(1s));
    EXPECT_EQ(gap.until, at(3s));
    EXPECT_FALSE(gap.new_run);
}

TEST_F(SegmentsTest, a_missing_block_is_a_hole) {
    segment("1", 7, 0, {{a_}, {b_}, {c_}}, 0s);
    std::string text;
    {
        std::ifstream file(paths_[0]);
        text.assign(std::istreambuf_iterator<char>(file), {});
    }
    std::string magic;
    recording::put_u32(magic, recording::kBlockFrame);
    const std::size_t second = text.find(magic, text.find(magic) + 1);
    const std::size_t third = text.find(magic, second + 1);
    std::ofstream(paths_[0]) << text.substr(0, second) + text.substr(third);
    const Read rest = read(paths_);
    EXPECT_EQ(rest.records, (std::vector<Bytes>{a_, c_}));
    ASSERT_EQ(rest.gaps.size(), 1U);
    EXPECT_EQ(rest.gaps[0].first, 1U);
    EXPECT_EQ(rest.gaps[0].second.until, at(3s));
}

TEST_F(SegmentsTest, a_missing_first_block_is_a_hole) {
    segment("1", 7, 0, {{a_}, {b_}}, 0s);
    std::string text;
    {
        std::ifstream file(paths_[0]);
        text.assign(std::istreambuf_iterator<char>(file), {});
    }
    const std::string_view magic("\x51\x2a\x4d\x18", 4);
    const std::size_t first = text.find(magic);
    std::ofstream(paths_[0]) << text.substr(0, first) + text.substr(text.find(magic, first + 1));
    const Read rest = read(paths_);
    ASSERT_EQ(rest.records.size(), 2U) << "the clock of the file's head comes first";
    EXPECT_EQ(rest.records[1], b_);
    ASSERT_EQ(rest.gaps.size(), 1U);
    EXPECT_EQ(rest.gaps[0].first, 1U);
}

TEST_F(SegmentsTest, a_missing_last_block_is_a_hole) {
    segment("1", 7, 0, {{a_}, {b_}}, 0s);
    std::string text;
    {
        std::ifstream file(paths_[0]);
        text.assign(std::istreambuf_iterator<char>(file), {});
    }
    std::string block, end;
    recording::put_u32(block, recording::kBlockFrame);
    recording::put_u32(end, recording::kEndFrame);
    const std::size_t second = text.find(block, text.find(block) + 1);
    std::ofstream(paths_[0]) << text.substr(0, second) + text.substr(text.find(end));
    const Read rest = read(paths_);
    EXPECT_EQ(rest.records, std::vector<Bytes>{a_});
    ASSERT_EQ(rest.gaps.size(), 1U);
    EXPECT_EQ(rest.gaps[0].first, 1U);
}

TEST_F(SegmentsTest, between_two_runs_is_a_hole_and_totals_begin_anew) {
    segment("1", 7, 0, {{a_, b_}}, 0s);
    segment("2", 8, 0, {{c_, d_}}, 3s);
    const Read both = read(paths_);
    EXPECT_EQ(both.records, (std::vector<Bytes>{a_, b_, c_, d_}));
    ASSERT_EQ(both.gaps.size(), 1U);
    EXPECT_EQ(both.gaps[0].first, 2U);
    EXPECT_TRUE(both.gaps[0].second.new_run);
}

/// Nothing in the file says more of the run's begin than its head.
TEST_F(SegmentsTest, without_the_first_block_the_head_gives_clock_and_loss) {
    segment("1", 7, 0, {{a_}, {b_}}, 500ms);
    std::string text;
    {
        std::ifstream file(paths_[0], std::ios::binary);
        text.assign(std::istreambuf_iterator<char>(file), {});
    }
    const std::string_view magic("\x51\x2a\x4d\x18", 4);
    const std::size_t first = text.find(magic);
    const std::size_t second = text.find(magic, first + 1);
    ASSERT_NE(second, std::string::npos);
    std::string spoilt = text;
    spoilt[first + recording::kBlockHeadSize + 10] ^= 1;
    std::string all_spoilt = spoilt;
    all_spoilt[second + recording::kBlockHeadSize + 10] ^= 1;
    for (const std::string& damaged :
         {spoilt, text.substr(0, first) + text.substr(second), all_spoilt}) {
        const Fd fd = memory_file(damaged);
        const Read got = read({"/proc/self/fd/" + std::to_string(fd.get())});
        ASSERT_FALSE(got.records.empty());
        event::Decoder decoder;
        const auto clock = decoder.decode(got.records[0]);
        ASSERT_TRUE(clock);
        const auto* const reading = std::get_if<event::ClockReading>(&*clock);
        ASSERT_TRUE(reading);
        EXPECT_EQ(reading->anchor.mono, at(500ms));
        EXPECT_EQ(reading->anchor.wall, WallTime(7s));
        EXPECT_EQ(reading->anchor.hz, 0U);
        ASSERT_EQ(got.gaps.size(), 1U);
        EXPECT_EQ(got.gaps[0].second.at, at(500ms));
        EXPECT_EQ(got.records.back() == b_, damaged != all_spoilt);
    }
}

TEST_F(SegmentsTest, two_runs_at_the_same_time_are_refused) {
    segment("1", 7, 0, {{a_, c_}}, 0s);
    segment("2", 8, 0, {{b_, d_}}, 1s);
    EXPECT_NE(read(paths_).error.find("at the same time"), std::string::npos);
    segment("3", 9, 0, {{c_, d_}}, 3s); // which begins as the first ends
    EXPECT_EQ(read({paths_[0], paths_[2]}).records, (std::vector<Bytes>{a_, c_, c_, d_}));
}

/// Whatever a record claims, no moment is concluded from it, and it is counted once as malformed
/// and once as damage.
class MisdatedTest : public testing::Test {
protected:
    static Bytes record_at(std::uint64_t time_ns) {
        Bytes record = record_of(99, 0s);
        std::memcpy(&record[offsetof(td_header, time_ns)], &time_ns, sizeof(time_ns));
        return record;
    }
    /// The file `text` as a source, which is read to its end.
    void read(const std::string& text) {
        const Fd fd = memory_file(text);
        auto source =
            recording::RecordingSource::open({"/proc/self/fd/" + std::to_string(fd.get())});
        ASSERT_TRUE(source);
        end = (*source)->end();
        while (true) {
            const auto status =
                (*source)->poll([&](std::span<const std::byte> record) { decoder.decode(record); });
            ASSERT_TRUE(status);
            if (*status == event::EventSource::Status::finished) break;
        }
        now = (*source)->now();
        damage = (*source)->damage();
    }

    event::Decoder decoder;
    std::optional<MonoTime> end;
    MonoTime now;
    recording::Damage damage;
};

TEST_F(MisdatedTest, at_the_end_of_time) {
    for (const std::uint64_t when : {std::uint64_t{INT64_MAX}, UINT64_MAX, std::uint64_t{1} << 63,
                                     event::wire_ns(MonoTime(kLatest)) + 1}) {
        decoder = {};
        read(recording_of(std::vector<Bytes>{record_of(99, 1s), record_at(when), record_of(99, 2s)},
                          1000));
        EXPECT_EQ(now, at(2s)) << when;
        EXPECT_EQ(decoder.quality().malformed, 1U) << when;
        EXPECT_EQ(decoder.quality().unknown, 2U) << when;
        EXPECT_EQ(damage.misdated_records, 1U) << when;
        EXPECT_TRUE(damage.any());
        EXPECT_TRUE(!end || *end <= at(2s)) << when;
    }
}

TEST_F(MisdatedTest, a_mark_too) {
    Bytes mark = record_at(INT64_MAX);
    mark[2] = static_cast<std::byte>(TD_NOW);
    read(recording_of(std::vector<Bytes>{record_of(99, 1s), mark}, 1000));
    EXPECT_EQ(now, at(1s));
    EXPECT_EQ(damage.misdated_records, 1U);
}

TEST_F(MisdatedTest, outside_of_what_the_head_of_its_block_says) {
    std::string text =
        recording_of(std::vector<Bytes>{record_of(99, 1s), record_of(99, 1500ms)}, 1000);
    const std::size_t place = text.find(std::string_view("\x51\x2a\x4d\x18", 4));
    ASSERT_NE(place, std::string::npos);
    std::uint32_t frame = 0;
    auto head = recording::decode_head(
        std::string_view(text).substr(place, recording::kBlockHeadSize), frame);
    ASSERT_TRUE(head);
    head->last = at(1200ms);
    const recording::BlockHeadBytes bytes = encode(recording::kBlockFrame, *head);
    text.replace(place, bytes.size(), bytes.data(), bytes.size());
    read(text);
    EXPECT_EQ(now, at(1s));
    EXPECT_EQ(decoder.quality().malformed, 1U);
    EXPECT_EQ(decoder.quality().unknown, 1U);
    EXPECT_EQ(damage.misdated_records, 1U);
    EXPECT_NE(describe(damage).find("1 record with an impossible time"), std::string::npos);
}

TEST(Head, a_clock_that_cannot_be_is_none) {
    const auto mono = [](const std::string& ns) {
        return recording::head_from_json("{\"mono_ns\":" + ns + ",\"wall_ns\":5}").clock.mono;
    };
    EXPECT_EQ(mono("7"), MonoTime(7ns));
    EXPECT_EQ(mono("-7"), MonoTime{});
    EXPECT_EQ(mono("9223372036854775807"), MonoTime{});
}

TEST(Preamble, repeats_the_latest_of_each_at_the_time_of_the_clock) {
    recording::Preamble preamble;
    td_clock clock{};
    const auto feed_clock = [&](std::uint64_t time) {
        clock.h = event::header_of<td_clock>(TD_CLOCK, time, 0);
        preamble.note(event::bytes_of(clock));
    };
    feed_clock(10);
    for (const char* value : {"1", "2"}) preamble.note(event::fact_record(5, 0, "net.x", value));
    preamble.note(event::fact_record(5, 7, "net.x", "3"));
    preamble.note(event::cgroup_record(6, 1, "/a"));
    preamble.note(event::cgroup_record(7, 2, "/b"));
    preamble.note(event::cgroup_record(8, 1, "/renamed"));
    preamble.note(record_of(TD_STATE, 1s)); // no business of its
    td_lost lost{};
    lost.h = event::header_of<td_lost>(TD_LOST, 9, 0);
    lost.total[0] = 12;
    preamble.note(event::bytes_of(lost));
    feed_clock(20);

    event::Decoder decoder;
    std::vector<std::string> reported;
    preamble.for_each([&](std::span<const std::byte> record) {
        td_header header;
        std::memcpy(&header, record.data(), sizeof(header));
        EXPECT_EQ(header.flags, TD_REPEATED);
        EXPECT_EQ(header.time_ns, 20U);
        const auto event = decoder.decode(record);
        ASSERT_TRUE(event);
        if (std::holds_alternative<event::ClockReading>(*event)) reported.emplace_back("clock");
        if (const auto* f = std::get_if<event::Fact>(&*event))
            reported.push_back(std::to_string(f->netns) + f->key + f->value);
        if (const auto* c = std::get_if<event::CgroupPath>(&*event))
            reported.push_back(std::to_string(c->id) + c->path);
        if (const auto* l = std::get_if<event::LostTotals>(&*event))
            reported.emplace_back(l->before && l->total[0] == 12 ? "lost" : "?");
    });
    ASSERT_FALSE(reported.empty());
    EXPECT_EQ(reported.front(), "clock");
    std::sort(reported.begin(), reported.end());
    EXPECT_EQ(reported, (std::vector<std::string>{"0net.x2", "1/renamed", "2/b", "7net.x3", "clock",
                                                  "lost"}));
}

} // namespace
} // namespace tcpdwell::test
