// SPDX-License-Identifier: Apache-2.0
// More segments than a process may have files open, and segments that go while others are read.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "event/record.h"
#include "recording/recording_source.h"
#include "recording/writer.h"
#include "records.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

constexpr rlim_t kDescriptors = 64;

class ManySegments : public testing::Test {
protected:
    ManySegments() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        for (std::uint64_t i = 0; i < 3 * kDescriptors; ++i) add_segment(i);
        const rlimit few{kDescriptors, before_.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    }
    ~ManySegments() override { ::setrlimit(RLIMIT_NOFILE, &before_); }

    void add_segment(std::uint64_t number) {
        recording::Head head;
        head.boot_id = "boot";
        head.sequence = number;
        const MonoTime at = synth::kTestClock.mono + number * 1s;
        head.clock = {at, WallTime(7s)};
        std::string path = folder_.path() / (std::to_string(1000 + number) + ".tdw");
        Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        auto writer =
            recording::RecordingWriter::begin(std::move(fd), path, to_json(head), 7, number, {});
        ASSERT_TRUE(writer);
        td_header record = event::header_of<td_header>(
            TD_STATE, static_cast<std::uint64_t>(at.time_since_epoch().count()), 0);
        ASSERT_TRUE((*writer)->write(event::bytes_of(record)));
        ASSERT_TRUE((*writer)->end());
        paths_.push_back(std::move(path));
    }

    struct Seen {
        std::size_t records = 0;
        std::size_t gaps = 0;
        recording::Damage damage;
    };
    Seen read(recording::RecordingSource& source) {
        Seen seen;
        for (bool finished = false; !finished;) {
            const auto status = source.poll([&](std::span<const std::byte> record) {
                ++(event::read_header(record).kind == TD_GAP ? seen.gaps : seen.records);
            });
            EXPECT_TRUE(status) << status.error().message;
            finished = !status || *status == event::EventSource::Status::finished;
        }
        seen.damage = source.damage();
        return seen;
    }

    TemporaryFolder folder_;
    rlimit before_{};
    std::vector<std::string> paths_;
};

TEST_F(ManySegments, are_opened_one_after_the_other) {
    const auto source = recording::RecordingSource::open(paths_);
    ASSERT_TRUE(source) << source.error().message;
    const Seen seen = read(**source);
    EXPECT_EQ(seen.records, paths_.size());
    EXPECT_EQ(seen.gaps, 0U);
    EXPECT_FALSE(seen.damage.any());
    EXPECT_FALSE(seen.damage.cut_off);
}

TEST_F(ManySegments, of_which_one_goes_meanwhile_have_a_hole) {
    const auto source = recording::RecordingSource::open(paths_);
    ASSERT_TRUE(source) << source.error().message;
    ASSERT_EQ(std::remove(paths_[0].c_str()), 0);                        // still open
    ASSERT_EQ(std::remove(paths_[100].c_str()), 0);                      // gone
    ASSERT_EQ(std::rename(paths_[150].c_str(), paths_[151].c_str()), 0); // another one's name
    const Seen seen = read(**source);
    EXPECT_EQ(seen.records, paths_.size() - 3);
    EXPECT_EQ(seen.gaps, 2U);
    EXPECT_EQ(seen.damage.missing_blocks, 3U);
}

} // namespace
} // namespace tcpdwell::test
