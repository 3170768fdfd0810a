// SPDX-License-Identifier: Apache-2.0
// A recording is handed over from mark to mark, from and up to the times that are asked for.
#include <gtest/gtest.h>

#include <string>

#include "event/record.h"
#include "file.h"
#include "recording/recording_source.h"

namespace tcpdwell::test {
namespace {

using Status = event::EventSource::Status;

Bytes record_at(std::uint8_t kind, std::uint64_t time) {
    const td_header header{sizeof(td_header), kind, 0, 0, time};
    const auto bytes = std::as_bytes(std::span(&header, 1));
    return {bytes.begin(), bytes.end()};
}

/// Two records, a mark, one record that is out of order, another, a mark, and one that no mark
/// follows.
const std::vector<Bytes> kRecords = {
    record_at(99, 1000), record_at(99, 1500),     record_at(TD_NOW, 1600), record_at(99, 2500),
    record_at(99, 2000), record_at(TD_NOW, 2600), record_at(99, 3000)};

/// One poll().
struct Step {
    std::string times; ///< of the records
    std::int64_t now;
    bool at_mark;
    Status status;

    bool operator==(const Step&) const = default;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest's name
void PrintTo(const Step& step, std::ostream* out) {
    *out << '"' << step.times << "\" until " << step.now << (step.at_mark ? ", mark" : "")
         << (step.status == Status::more ? ", more" : ", finished");
}

std::vector<Step> steps(const recording::ReplayOptions& options) {
    const Fd file = memory_file(recording_of(kRecords, 1 << 20));
    const auto source =
        recording::RecordingSource::open({"/proc/self/fd/" + std::to_string(file.get())});
    EXPECT_TRUE(source);
    (*source)->set_options(options);
    std::vector<Step> all;
    for (Status status = Status::more; status == Status::more && all.size() < 20;) {
        std::string times;
        const auto got = (*source)->poll([&](std::span<const std::byte> record) {
            const td_header header = event::read_header(record);
            if (header.kind == 99) times += std::to_string(header.time_ns) + ' ';
        });
        EXPECT_TRUE(got);
        status = got.value_or(Status::finished);
        all.push_back(
            {times, (*source)->now().time_since_epoch().count(), (*source)->at_mark(), status});
    }
    return all;
}

MonoTime moment(std::int64_t time) { return MonoTime(Nanoseconds(time)); }

TEST(SourceSteps, end_at_marks) {
    EXPECT_EQ(steps({}), (std::vector<Step>{{"1000 1500 ", 1600, true, Status::more},
                                            {"2500 2000 ", 2600, true, Status::more},
                                            {"3000 ", 3000, false, Status::finished}}));
}

TEST(SourceSteps, pause_before_the_time_that_is_asked_for) {
    EXPECT_EQ(steps({.since = moment(2000)}),
              (std::vector<Step>{{"1000 1500 ", 1600, true, Status::more},
                                 {"", 2000, false, Status::more},
                                 {"2500 2000 ", 2600, true, Status::more},
                                 {"3000 ", 3000, false, Status::finished}}));
    EXPECT_EQ(steps({.since = moment(1500)}).front(), (Step{"1000 ", 1500, false, Status::more}))
        << "not after the record of that time";
}

TEST(SourceSteps, end_with_the_mark_after_the_time_that_is_asked_for) {
    EXPECT_EQ(steps({.until = moment(2000)}),
              (std::vector<Step>{{"1000 1500 ", 1600, true, Status::more},
                                 {"2000 ", 2000, false, Status::finished}}));
    EXPECT_EQ(steps({.until = moment(2700)}).back(), (Step{"", 2700, false, Status::finished}))
        << "no mark follows";
}

TEST(SourceSteps, at_a_pace_are_the_same) { EXPECT_EQ(steps({.speed = 1000}), steps({})); }

TEST(SourceSteps, are_no_more_once_it_is_stopped) {
    const Fd file = memory_file(recording_of(kRecords, 1 << 20));
    const auto source =
        recording::RecordingSource::open({"/proc/self/fd/" + std::to_string(file.get())});
    ASSERT_TRUE(source);
    (*source)->stop();
    EXPECT_EQ((*source)->poll([](auto) { ADD_FAILURE() << "a record"; }), Status::finished);
}

} // namespace
} // namespace tcpdwell::test
