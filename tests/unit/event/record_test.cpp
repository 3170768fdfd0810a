// SPDX-License-Identifier: Apache-2.0
// Records in memory: whole ones, and those that aren't.
#include "event/record.h"

#include <gmock/gmock.h>

#include <set>

namespace tcpdwell::test {
namespace {

using Bytes = std::vector<std::byte>;

template <class T>
Bytes copy_of(const T& record) {
    const auto bytes = event::bytes_of(record);
    return Bytes(bytes.begin(), bytes.end());
}

/// A header that claims `size` bytes, in front of `there` bytes in all.
Bytes claiming(std::uint16_t size, std::size_t there = sizeof(td_header)) {
    td_header header = event::header_of<td_header>(TD_NOW, 1, 0);
    header.size = size;
    Bytes bytes = copy_of(header);
    bytes.resize(there);
    return bytes;
}

Bytes joined(std::initializer_list<Bytes> records) {
    Bytes all;
    for (const Bytes& record : records) all.insert(all.end(), record.begin(), record.end());
    return all;
}

TEST(Record, KindsHaveNamesOfTheirOwn) {
    std::set<std::string_view> names;
    for (std::size_t kind = 0; kind < event::kRecordKindEnd; ++kind)
        if (!event::kind_name(kind).empty()) names.insert(event::kind_name(kind));
#define TCPDWELL_COUNT(kind, name, Struct) +1
    EXPECT_EQ(names.size(), TCPDWELL_RECORD_LIST(TCPDWELL_COUNT));
    EXPECT_EQ(names.size(),
              event::kRecordKindEnd - 1); // the numbers begin with 1 and have no holes
#undef TCPDWELL_COUNT
    EXPECT_EQ(event::kind_name(TD_STATE), "state");
    EXPECT_EQ(event::kind_name(TD_NOW), "now");
}

TEST(Record, UnknownKindHasNoName) {
    for (const std::size_t kind :
         {std::size_t{0}, event::kRecordKindEnd, std::size_t{255}, std::size_t{1} << 40})
        EXPECT_EQ(event::kind_name(kind), "") << kind;
}

TEST(Record, CopyOfARecord) {
    td_port port{};
    port.h = event::header_of<td_port>(TD_PORT, 5, 7);
    port.sock = 9;
    Bytes bytes = joined({Bytes(1), copy_of(port)}); // unaligned
    const std::span<const std::byte> record = std::span(bytes).subspan(1);
    ASSERT_TRUE(event::as<td_port>(record));
    EXPECT_EQ(event::as<td_port>(record)->sock, 9u);
    EXPECT_EQ(event::read_header(record).netns, 7u);
    EXPECT_EQ(event::read_header(record).size, sizeof(td_port));
    EXPECT_FALSE(event::as<td_port>(record.first(sizeof(td_port) - 1)));
    EXPECT_FALSE(event::as<td_header>({}));
}

TEST(Record, FirstOfARun) {
    const Bytes two = joined({claiming(24, 24), claiming(16)});
    EXPECT_EQ(event::first_record(two).size(), 24u);
    EXPECT_EQ(event::first_record(two).data(), two.data());
    EXPECT_TRUE(event::first_record({}).empty());
    EXPECT_TRUE(event::first_record(std::span(two).first(15)).empty()); // no header
    EXPECT_TRUE(event::first_record(std::span(two).first(23)).empty()); // cut off
    EXPECT_TRUE(event::first_record(claiming(0)).empty());
    EXPECT_TRUE(event::first_record(claiming(15)).empty());
    EXPECT_TRUE(event::first_record(claiming(17)).empty());
    EXPECT_TRUE(event::first_record(claiming(0xffff)).empty());
}

TEST(Record, WalkOverARun) {
    for (const Bytes& tail :
         {Bytes(), Bytes(7), claiming(0), claiming(15), claiming(32), claiming(32, 31)}) {
        const Bytes run = joined({claiming(16), claiming(40, 40), claiming(16), tail});
        std::vector<std::size_t> sizes;
        const auto rest = event::for_each_record(
            run, [&](std::span<const std::byte> record) { sizes.push_back(record.size()); });
        EXPECT_THAT(sizes, testing::ElementsAre(16, 40, 16));
        EXPECT_EQ(rest.size(), tail.size());
        EXPECT_EQ(rest.data(), run.data() + run.size() - tail.size());
    }
}

TEST(Record, SumOfLosses) {
    td_lost lost{};
    lost.h = event::header_of<td_lost>(TD_LOST, 1, 0);
    lost.total[TD_PROBE_STATE] = 3;
    lost.total[TD_PROBE_PORT] = 1ull << 40;
    EXPECT_EQ(event::lost_in(event::bytes_of(lost)), (1ull << 40) + 3);
    EXPECT_EQ(event::lost_in(event::bytes_of(lost).first(sizeof(lost) - 8)), 0u);
    lost.h.kind = TD_STATE;
    EXPECT_EQ(event::lost_in(event::bytes_of(lost)), 0u);
}

TEST(Record, Texts) {
    const auto text = [](const Bytes& record) {
        const auto [key, value] = event::fact_text(record);
        return std::pair(std::string(key), std::string(value));
    };
    using Pair = std::pair<std::string, std::string>;
    EXPECT_EQ(text(event::fact_record(1, 2, "key", "value")), Pair("key", "value"));
    EXPECT_EQ(text(event::fact_record(1, 2, "key", "")), Pair("key", ""));
    EXPECT_EQ(text(event::fact_record(1, 2, "", "value")), Pair("", "value"));
    EXPECT_EQ(text(copy_of(event::header_of<td_fact>(TD_FACT, 1, 2))), Pair("", ""));
    for (const std::size_t length : {0u, 1u, 7u, 8u, 9u, 70'000u}) {
        const std::string path(length, 'x');
        const Bytes record = event::cgroup_record(1, 2, path);
        EXPECT_EQ(record.size() % 8, 0u);
        EXPECT_EQ(event::read_header(record).size, record.size());
        EXPECT_EQ(event::read_header(record).kind, TD_CGROUP);
        EXPECT_EQ(event::as<td_cgroup>(record)->id, 2u);
        EXPECT_TRUE(path.starts_with(event::text_after<td_cgroup>(record)));
        if (length < 65'000) {
            EXPECT_EQ(event::text_after<td_cgroup>(record), path);
        }
    }
}

TEST(Record, HeaderIsReplaced) {
    Bytes record = event::fact_record(1, 2, "key", "value");
    td_header header = event::read_header(record);
    header.flags = TD_REPEATED;
    header.time_ns = 99;
    event::write_header(record, header);
    EXPECT_EQ(event::read_header(record).time_ns, 99u);
    EXPECT_EQ(event::fact_text(record).key, "key");
    EXPECT_EQ(event::size_of_shape(event::shape_of(record)), record.size());
    EXPECT_EQ(event::kind_of_shape(event::shape_of(record)), TD_FACT);
}

TEST(Record, Mark) {
    const td_header mark = event::mark_record(MonoTime(Nanoseconds(5)), TD_REPEATED);
    EXPECT_EQ(mark.kind, TD_NOW);
    EXPECT_EQ(mark.size, sizeof(td_header));
    EXPECT_EQ(mark.flags, TD_REPEATED);
    EXPECT_EQ(event::time_of(mark), MonoTime(Nanoseconds(5)));
}

} // namespace
} // namespace tcpdwell::test
