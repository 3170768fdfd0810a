// SPDX-License-Identifier: Apache-2.0
// A disk that is full, for a while or for good; played by a limit on the size of files.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "file.h"

namespace tcpdwell::test {
namespace {

/// No file can grow beyond this while it lives. (EFBIG instead of ENOSPC.)
class SizeLimit {
public:
    explicit SizeLimit(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &old_);
        const rlimit limit{bytes, old_.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    }
    ~SizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &old_);
        std::signal(SIGXFSZ, old_handler_);
    }
    SizeLimit(const SizeLimit&) = delete;
    SizeLimit& operator=(const SizeLimit&) = delete;

private:
    rlimit old_{};
    void (*old_handler_)(int);
};

constexpr std::size_t kRecordsInBlock = 200;

class WriteErrors : public testing::Test {
protected:
    WriteErrors() : records_(traffic_records(5, 200)), file_(memory_file()) {
        while (records_.size() % kRecordsInBlock != 0) records_.pop_back();
    }

    std::unique_ptr<recording::RecordingWriter> writer(bool survives) {
        recording::WriterOptions options;
        options.survives_errors = survives;
        options.block_time = std::chrono::hours(1);
        auto writer =
            recording::RecordingWriter::begin(Fd(::dup(file_.get())), "test", "{}", 7, 0, options);
        EXPECT_TRUE(writer);
        return std::move(*writer);
    }
    Result<void> write_block(recording::RecordingWriter& writer, std::size_t number) {
        for (std::size_t i = 0; i < kRecordsInBlock; ++i)
            EXPECT_TRUE(writer.write(records_[number * kRecordsInBlock + i]));
        return writer.flush();
    }
    Bytes block(std::size_t number) {
        return joined(std::span(records_).subspan(number * kRecordsInBlock, kRecordsInBlock));
    }
    [[nodiscard]] rlim_t size() const {
        return static_cast<rlim_t>(::lseek(file_.get(), 0, SEEK_END));
    }

    std::vector<Bytes> records_;
    Fd file_;
};

TEST_F(WriteErrors, end_the_recording_which_stays_readable) {
    auto w = writer(false);
    ASSERT_TRUE(write_block(*w, 0));
    {
        const SizeLimit limit(size() + 100);
        const auto failed = write_block(*w, 1);
        ASSERT_FALSE(failed);
        EXPECT_NE(failed.error().message.find("cannot write test: File too large"),
                  std::string::npos);
    }
    const ReadBack read = read_back(contents_of(file_.get()));
    EXPECT_EQ(read.records, block(0));
    EXPECT_TRUE(read.damage.cut_off);
}

TEST_F(WriteErrors, that_are_survived_leave_a_hole_of_whole_blocks) {
    auto w = writer(true);
    ASSERT_TRUE(write_block(*w, 0));
    {
        const SizeLimit limit(size() + 100); // the block is torn, and taken back
        ASSERT_TRUE(write_block(*w, 1));
        ASSERT_TRUE(write_block(*w, 2));
        EXPECT_NE(w->last_error(), "");
        EXPECT_EQ(w->totals().dropped, 2 * kRecordsInBlock);
    }
    ASSERT_TRUE(write_block(*w, 3));
    ASSERT_TRUE(w->end());
    const ReadBack read = read_back(contents_of(file_.get()));
    Bytes expected = block(0);
    const Bytes last = block(3);
    expected.insert(expected.end(), last.begin(), last.end());
    EXPECT_EQ(read.records, expected);
    EXPECT_EQ(read.damage.missing_blocks, 2U);
    EXPECT_EQ(read.damage.bad_blocks, 0U);
    EXPECT_EQ(read.damage.skipped_bytes, 0U);
    EXPECT_FALSE(read.damage.cut_off);
}

TEST_F(WriteErrors, of_a_pipe_are_for_good) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    Fd reader(ends[0]);
    auto* old = std::signal(SIGPIPE, SIG_IGN);
    recording::WriterOptions options;
    options.survives_errors = true;
    options.block_time = std::chrono::hours(1);
    auto w = recording::RecordingWriter::begin(Fd(ends[1]), "pipe", "{}", 7, 0, options);
    ASSERT_TRUE(w);
    reader = Fd();
    EXPECT_TRUE(write_block(**w, 0));
    EXPECT_TRUE(write_block(**w, 1));
    EXPECT_TRUE((*w)->end());
    EXPECT_EQ((*w)->totals().dropped, 2 * kRecordsInBlock);
    std::signal(SIGPIPE, old);
}

} // namespace
} // namespace tcpdwell::test
