// SPDX-License-Identifier: Apache-2.0
// Where a recording is read from: standard input, and files that can't be read to their end, or
// aren't.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file.h"
#include "recording/block_scan.h"
#include "recording/recording_source.h"

namespace tcpdwell::test {
namespace {

/// Another descriptor has this number while it lives.
class Replaced {
public:
    explicit Replaced(int number) : number_(number), kept_(::fcntl(number, F_DUPFD_CLOEXEC, 10)) {
        ::close(number);
    }
    Replaced(int number, int by) : Replaced(number) { ::dup2(by, number); }
    ~Replaced() { ::dup2(kept_.get(), number_); }
    Replaced(const Replaced&) = delete;
    Replaced& operator=(const Replaced&) = delete;

private:
    int number_;
    Fd kept_;
};

TEST(StandardInput, is_read_by_its_name) {
    const std::vector<Bytes> records = traffic_records(3, 20);
    const Fd file = memory_file(recording_of(records, 1 << 20));
    const Replaced input(STDIN_FILENO, file.get());
    const auto reader = recording::RecordingReader::open("-");
    ASSERT_TRUE(reader) << reader.error().message;
    Bytes read;
    for (auto block = (*reader)->next(); block && *block; block = (*reader)->next())
        read.insert(read.end(), (*block)->begin(), (*block)->end());
    EXPECT_EQ(read, joined(records));
}

/// Whoever writes to standard error later must not write to the recording's descriptor.
TEST(StandardInput, takes_the_number_of_no_standard_descriptor_that_is_closed) {
    const Fd file = memory_file(recording_of({}, 1 << 20));
    const Replaced input(STDIN_FILENO, file.get());
    const Replaced error(STDERR_FILENO);
    const auto reader = recording::RecordingReader::open("-");
    EXPECT_TRUE(reader);
    EXPECT_EQ(::fcntl(STDERR_FILENO, F_GETFD), -1);
}

TEST(RecordingSource, ends_with_the_records_of_the_time_that_was_asked_for) {
    constexpr std::uint64_t kTimes[] = {1000, 2000, 3000};
    std::vector<Bytes> records;
    for (const std::uint64_t time : kTimes) {
        const td_header header{sizeof(td_header), 99, 0, 0, time};
        const auto bytes = std::as_bytes(std::span(&header, 1));
        records.emplace_back(bytes.begin(), bytes.end());
    }
    for (const std::uint64_t until : {1999u, 2000u, 2999u}) {
        const Fd file = memory_file(recording_of(records, 1 << 20));
        const auto source =
            recording::RecordingSource::open({"/proc/self/fd/" + std::to_string(file.get())});
        ASSERT_TRUE(source);
        (*source)->set_options({.until = MonoTime(Nanoseconds(until))});
        std::size_t count = 0;
        const auto sink = [&](auto record) { count += record[2] == std::byte{99}; };
        while ((*source)->poll(sink) == event::EventSource::Status::more) {}
        EXPECT_EQ(count, until < 2000 ? 1u : 2u);
    }
}

/// A file that can be read but for one page, as on a disk with a bad sector: this process's memory.
class BadPage {
public:
    explicit BadPage(std::string_view contents)
        : size_((contents.size() / kPage + 1) * kPage),
          memory_(
              ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        contents.copy(static_cast<char*>(memory_), contents.size());
        begin = reinterpret_cast<std::uint64_t>(memory_);
        end = begin + contents.size();
    }
    ~BadPage() { ::munmap(memory_, size_); }
    BadPage(const BadPage&) = delete;
    BadPage& operator=(const BadPage&) = delete;
    /// The whole page with that byte can't be read from now on.
    void spoil(std::size_t byte) {
        ::munmap(static_cast<char*>(memory_) + byte / kPage * kPage, kPage);
    }

    static constexpr std::size_t kPage = 4096;
    const Fd file{::open("/proc/self/mem", O_RDONLY | O_CLOEXEC)};
    std::uint64_t begin = 0;
    std::uint64_t end = 0;

private:
    std::size_t size_;
    void* memory_;
};

TEST(BadPage, in_a_block_whose_length_has_to_be_checked_is_an_error_of_the_file) {
    std::mt19937_64 random(1);
    std::vector<Bytes> records;
    for (int i = 0; i < 300; ++i) {
        records.push_back(any_record(random));
        for (std::size_t byte = 8; byte < records.back().size(); ++byte) // one time, packed badly
            records.back()[byte] = static_cast<std::byte>(byte < sizeof(td_header) ? 0 : random());
    }
    const std::string text = recording_of(records, 16 << 20, false);
    const std::size_t head =
        recording::kFrameHead + recording::get_u32(std::string_view(text).substr(4));
    ASSERT_GT(text.size(), head + 8 * BadPage::kPage);
    for (const bool is_bad : {false, true}) {
        BadPage file(text);
        if (is_bad) file.spoil(text.size() / 2);
        recording::RescanBudget budget;
        const auto found =
            recording::survey(file.file.get(), "test", file.begin + head, file.end, budget);
        EXPECT_EQ(found.has_value(), !is_bad);
        if (found) {
            EXPECT_EQ(found->blocks.size(), 1u);
        } else {
            EXPECT_EQ(found.error().message, "cannot read test: Input/output error");
        }
    }
}

} // namespace
} // namespace tcpdwell::test
