// SPDX-License-Identifier: Apache-2.0
// What a writer was given is what a reader gets: any records, in blocks of any size, from a file or
// from a pipe.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

#include "event/encode.h"
#include "random_run.h"
#include "recording/head.h"
#include "recording/reader.h"
#include "recording/writer.h"
#include "tcpdwell/wire.h"

namespace tcpdwell::test {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kSizes[] = {sizeof(td_header),
                                  sizeof(td_state),
                                  sizeof(td_state_by_task),
                                  sizeof(td_timewait),
                                  sizeof(td_request),
                                  sizeof(td_reset),
                                  sizeof(td_owner),
                                  sizeof(td_socket),
                                  sizeof(td_snapshot),
                                  sizeof(td_lost),
                                  sizeof(td_clock),
                                  sizeof(td_port),
                                  sizeof(td_numbers),
                                  sizeof(td_stray_reset),
                                  sizeof(td_fork),
                                  sizeof(td_container),
                                  sizeof(td_state_by_thread),
                                  256,
                                  264,
                                  17,
                                  99};

/// Any kind and size, now and then an odd one; like an earlier record, so that there is something
/// to report by differences, or like none.
Bytes random_record(std::mt19937_64& random, const std::vector<Bytes>& earlier) {
    Bytes record;
    if (!earlier.empty() && random() % 2 == 0) {
        record = earlier[random() % earlier.size()];
        for (std::size_t i = random() % 20; i > 0; --i)
            record[4 + random() % (record.size() - 4)] = static_cast<std::byte>(random());
    } else {
        std::size_t size = kSizes[random() % std::size(kSizes)];
        if (random() % 10 == 0)
            size = sizeof(td_header) + random() % (random() % 10 == 0 ? 65'520 : 500);
        record.resize(size);
        const bool is_sparse = random() % 2 == 0;
        for (std::byte& b : record)
            b = static_cast<std::byte>(is_sparse && random() % 4 != 0 ? 0 : random());
        record[2] = static_cast<std::byte>(random() % 8 == 0 ? random() : random() % 15);
        record[3] = static_cast<std::byte>(random() % 4 == 0 ? random() : 0);
    }
    const auto size = static_cast<std::uint16_t>(record.size());
    std::memcpy(record.data(), &size, sizeof(size));
    if (random() % 4 != 0 && !earlier.empty()) { // else blocks would end at once, by time
        std::memcpy(&record[offsetof(td_header, time_ns)],
                    &earlier.back()[offsetof(td_header, time_ns)], 8);
        record[offsetof(td_header, time_ns)] = static_cast<std::byte>(random());
    }
    return record;
}

std::vector<Bytes> random_records(std::mt19937_64& random) {
    std::vector<Bytes> records;
    if (random() % 4 == 0) { // a kernel's own
        synth::TrafficOptions options = test::random_options(random());
        options.stories = 1 + random() % 8;
        for (synth::WireRecord& record : make_traffic(options).records)
            records.push_back(std::move(record.bytes));
    }
    for (std::size_t i = random() % 60; i > 0; --i)
        records.push_back(random_record(random, records));
    return records;
}

recording::WriterOptions random_writer(std::mt19937_64& random) {
    recording::WriterOptions options;
    options.level = static_cast<int>(1 + random() % 4);
    options.block_bytes = std::size_t{1} << (random() % 21);
    if (random() % 2 == 0)
        options.block_time =
            Nanoseconds(static_cast<std::int64_t>(1 + random() % 1'000'000'000'000));
    return options;
}

/// Through a nameless file; and from a pipe, where what was written fits into one.
Bytes read_back(int file, bool as_pipe, recording::Damage& damage) {
    Fd fd(::fcntl(file, F_DUPFD_CLOEXEC, 0));
    ::lseek(fd.get(), 0, SEEK_SET);
    if (as_pipe) {
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        const auto size = static_cast<std::size_t>(::lseek(file, 0, SEEK_END));
        ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        Bytes contents(size);
        EXPECT_EQ(::pread(file, contents.data(), size, 0), static_cast<ssize_t>(size));
        EXPECT_EQ(::write(ends[1], contents.data(), size), static_cast<ssize_t>(size));
        ::close(ends[1]);
        fd = Fd(ends[0]);
    }
    auto reader = recording::RecordingReader::begin(std::move(fd), "test");
    Bytes all;
    while (reader) {
        const auto block = (*reader)->next();
        if (!block || !*block) break;
        all.insert(all.end(), (*block)->begin(), (*block)->end());
    }
    if (reader) damage = (*reader)->damage();
    return all;
}

TEST(RecordingProperty, read_is_what_was_written) {
    for (const std::uint64_t seed : test::seeds(3000)) {
        std::mt19937_64 random(seed);
        const std::vector<Bytes> records = random_records(random);
        const Fd file(::memfd_create("recording", MFD_CLOEXEC));
        const std::uint64_t first = random() % 1000; // as of a later segment
        auto writer = recording::RecordingWriter::begin(Fd(::dup(file.get())), "test",
                                                        recording::to_json({.sequence = first}),
                                                        random() | 1, first, random_writer(random));
        ASSERT_TRUE(writer);
        Bytes expected;
        for (const Bytes& record : records) {
            ASSERT_TRUE((*writer)->write(record));
            expected.insert(expected.end(), record.begin(), record.end());
        }
        const bool is_ended = random() % 4 != 0;
        if (is_ended) {
            ASSERT_TRUE((*writer)->end());
        }
        const std::size_t unwritten = expected.size() - (*writer)->totals().raw_bytes;
        if (!is_ended) expected.resize(expected.size() - unwritten); // the block that was under way
        const bool fits = ::lseek(file.get(), 0, SEEK_END) <= 1 << 20;
        for (const bool as_pipe : {false, true}) {
            if (as_pipe && !fits) continue;
            recording::Damage damage;
            ASSERT_EQ(read_back(file.get(), as_pipe, damage), expected)
                << test::how_to_repeat(seed);
            ASSERT_FALSE(damage.any()) << describe(damage) << "; " << test::how_to_repeat(seed);
            ASSERT_EQ(damage.cut_off, !is_ended) << test::how_to_repeat(seed);
        }
    }
}

} // namespace
} // namespace tcpdwell::test
