// SPDX-License-Identifier: Apache-2.0
// A recorder into one file: when the file takes its place, whose it is, and that nobody else writes
// it meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "event/encode.h"
#include "event/record.h"
#include "recording/reader.h"
#include "run/recorder.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;

class FileRecorder : public testing::Test {
protected:
    FileRecorder() : folder_(fs::temp_directory_path() / ("recorder-" + std::to_string(getpid()))) {
        fs::remove_all(folder_);
        fs::create_directory(folder_);
    }
    ~FileRecorder() override { fs::remove_all(folder_); }

    [[nodiscard]] std::string path() const { return folder_ / "run.tdw"; }
    [[nodiscard]] std::unique_ptr<run::Recorder> opened() const {
        auto recorder = run::Recorder::open(path(), {.if_exists = IfExists::replace});
        if (!recorder) throw std::runtime_error(recorder.error().message);
        return std::move(*recorder);
    }
    static Result<void> begin(run::Recorder& recorder) {
        if (auto written =
                recorder.write(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock));
            !written)
            return written;
        return recorder.begin();
    }
    [[nodiscard]] std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
    }

    fs::path folder_;
};

TEST_F(FileRecorder, leaves_no_file_if_tracing_does_not_begin) {
    { const auto recorder = opened(); }
    EXPECT_EQ(files(), 0U);
}

TEST_F(FileRecorder, can_be_followed_from_its_beginning) {
    std::ofstream(path()) << "earlier";
    ASSERT_EQ(::chmod(path().c_str(), 0644), 0);
    const auto recorder = opened();
    EXPECT_FALSE(recording::RecordingReader::open(path())); // what was there, still
    ASSERT_TRUE(begin(*recorder));
    EXPECT_TRUE(recording::RecordingReader::open(path()));
    struct stat status {};
    ASSERT_EQ(::stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
    ASSERT_TRUE(recorder->end());
    EXPECT_EQ(files(), 1U);
}

TEST_F(FileRecorder, excludes_others_until_it_has_ended) {
    auto first = opened();
    const auto second = opened(); // as long as there is no file
    ASSERT_TRUE(begin(*first));
    EXPECT_FALSE(begin(*second));
    const auto third = run::Recorder::open(path(), {.if_exists = IfExists::replace});
    ASSERT_FALSE(third);
    EXPECT_THAT(third.error().message, testing::HasSubstr("another process is writing " + path()));
    ASSERT_TRUE(first->end());
    first.reset();
    EXPECT_TRUE(run::Recorder::open(path(), {.if_exists = IfExists::replace}));
}

} // namespace
} // namespace tcpdwell::test
