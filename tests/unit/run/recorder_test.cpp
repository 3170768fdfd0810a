// SPDX-License-Identifier: Apache-2.0
// A recorder whose segments roll: read together they are what was handed over, and each can be read
// alone.
#include "run/recorder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "event/decode.h"
#include "event/encode.h"
#include "event/record.h"
#include "recording/recording_source.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Bytes = std::vector<std::byte>;

class RollingRecorder : public testing::Test {
protected:
    RollingRecorder()
        : path_(fs::temp_directory_path() / ("rolling-" + std::to_string(::getpid()))) {
        fs::remove_all(path_);
    }
    ~RollingRecorder() override { fs::remove_all(path_); }

    static std::uint64_t ns(MonoTime at) {
        return static_cast<std::uint64_t>(at.time_since_epoch().count());
    }

    void tell(const Bytes& record) {
        told_.push_back(record);
        ASSERT_TRUE(recorder_->write(record));
    }

    /// Records traffic in segments, as the pipeline does; `lists`: the source lists sockets when it
    /// is asked to.
    void record(bool lists) {
        run::RecorderOptions options;
        options.filter = "--port 80";
        options.selection.ports = {80};
        options.roll.keep = 1h; // nothing is removed; a segment takes 450 s
        auto opened = run::Recorder::open(path_, options);
        ASSERT_TRUE(opened) << opened.error().message;
        recorder_ = std::move(*opened);
        tell(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock));
        for (const auto& [key, value] : {std::pair("boot_id", "b"), std::pair("net.ipv4.x", "1")})
            tell(event::fact_record(ns(synth::kTestClock.mono), 0, key, value));
        ASSERT_TRUE(recorder_->begin());
        tell(event::cgroup_record(ns(synth::kTestClock.mono), 42, "/path"));
        td_lost lost{};
        lost.h = event::header_of<td_lost>(TD_LOST, ns(synth::kTestClock.mono), 0);
        lost.total[0] = 5;
        tell({event::bytes_of(lost).begin(), event::bytes_of(lost).end()});

        synth::TrafficOptions traffic;
        traffic.stories = 200;
        traffic.spread = 50min;
        MonoTime next_mark = synth::kTestClock.mono;
        for (const synth::WireRecord& wire : make_traffic(traffic).records) {
            for (; next_mark <= wire.at; next_mark += 10s) {
                ASSERT_TRUE(recorder_->mark(next_mark));
                if (!recorder_->wants_listing() || !lists) continue;
                ++listings_;
                for (const td_snapshot_op op : {TD_SNAPSHOT_BEGIN, TD_SNAPSHOT_END}) {
                    td_snapshot s{};
                    s.h = event::header_of<td_snapshot>(TD_SNAPSHOT, ns(next_mark), 1);
                    s.op = op;
                    tell({event::bytes_of(s).begin(), event::bytes_of(s).end()});
                }
            }
            tell(wire.bytes);
        }
        ASSERT_TRUE(recorder_->end());
    }

    struct Read {
        std::vector<Bytes> records;
        std::vector<MonoTime> marks;
        bool has_gaps = false;
    };
    static Read read(const std::vector<std::string>& files) {
        Read result;
        auto source = recording::RecordingSource::open(files);
        EXPECT_TRUE(source) << source.error().message;
        while (source) {
            const auto status = (*source)->poll([&](std::span<const std::byte> record) {
                result.has_gaps |= record[2] == static_cast<std::byte>(TD_GAP);
                result.records.emplace_back(record.begin(), record.end());
            });
            EXPECT_TRUE(status);
            result.marks.push_back((*source)->now());
            if (!status || *status == event::EventSource::Status::finished) break;
        }
        EXPECT_FALSE((*source)->damage().any());
        return result;
    }

    fs::path path_;
    std::unique_ptr<run::Recorder> recorder_;
    std::vector<Bytes> told_;
    int listings_ = 0;
};

TEST_F(RollingRecorder, all_segments_together_are_what_was_handed_over) {
    record(true);
    const auto files = recording::recordings_in(path_);
    ASSERT_TRUE(files);
    ASSERT_GE(files->recordings.size(), 5U);
    EXPECT_EQ(files->recordings.size(), static_cast<std::size_t>(listings_) + 1);
    const Read all = read(files->recordings);
    EXPECT_EQ(all.records.size(), told_.size());
    EXPECT_TRUE(all.records == told_);
    EXPECT_FALSE(all.has_gaps);
    EXPECT_TRUE(std::is_sorted(all.marks.begin(), all.marks.end()));
}

TEST_F(RollingRecorder, each_segment_begins_with_what_its_reader_has_to_know) {
    record(true);
    const auto files = recording::recordings_in(path_);
    ASSERT_TRUE(files);
    std::size_t sum = 0;
    for (std::size_t i = 1; i < files->recordings.size(); ++i) {
        const Read one = read({files->recordings[i]});
        EXPECT_FALSE(one.has_gaps);
        event::Decoder decoder;
        std::vector<std::string> order;
        for (const Bytes& record : one.records) {
            const auto event = decoder.decode(record);
            if (!event) continue;
            if (std::holds_alternative<event::ClockReading>(*event)) order.emplace_back("clock");
            if (const auto* l = std::get_if<event::LostTotals>(&*event))
                order.emplace_back(l->before ? "lost before" : "lost");
            if (const auto* c = std::get_if<event::CgroupPath>(&*event)) order.push_back(c->path);
            if (const auto* f = std::get_if<event::Fact>(&*event)) order.push_back(f->key);
            if (std::holds_alternative<event::Snapshot>(*event)) {
                order.emplace_back("listing");
                break;
            }
        }
        EXPECT_EQ(order, (std::vector<std::string>{"clock", "lost before", "/path", "boot_id",
                                                   "net.ipv4.x", "listing"}))
            << files->recordings[i];
        sum += one.records.size();
    }
    EXPECT_GT(sum, told_.size() / 2);
}

TEST_F(RollingRecorder, rolls_in_time_even_if_nobody_lists) {
    record(false);
    const auto files = recording::recordings_in(path_);
    ASSERT_TRUE(files);
    EXPECT_GE(files->recordings.size(), 3U);
    EXPECT_TRUE(read(files->recordings).records == told_);
}

TEST_F(RollingRecorder, each_segment_has_the_filter) {
    record(true);
    const auto files = recording::recordings_in(path_);
    ASSERT_TRUE(files);
    for (const std::string& file : files->recordings) {
        const auto source = recording::RecordingSource::open({file});
        ASSERT_TRUE(source);
        EXPECT_EQ((*source)->head().filter, "--port 80");
        ASSERT_EQ((*source)->head().filters.size(), 1U);
        EXPECT_EQ((*source)->head().filters[0].ports.wanted, std::vector<event::PortRange>{80});
    }
}

} // namespace
} // namespace tcpdwell::test
