// SPDX-License-Identifier: Apache-2.0
// A copy is what it was made of; a part of one is headed by what somebody who begins there would
// have found.
#include "run/copier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "recorded_views.h"
#include "recording/anonymizer.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using What = cli::TracePrinter::What;

using Bytes = std::vector<std::byte>;

synth::GeneratedConnection short_traffic(std::uint64_t seed) {
    synth::TrafficOptions options;
    options.seed = seed;
    options.stories = 30;
    options.spread = 100s;
    options.only_ending = seed % 2 == 0;
    return make_traffic(options);
}

Fd copy_of(const Fd& file, const run::TimeWindow& window,
           recording::Anonymizer* anonymizer = nullptr) {
    const auto source = replay(file, {0, window.since, window.until});
    recording::Head head = source->head();
    if (window.since) head.clock = {*window.since, head.clock.to_wall(*window.since), 0, 0};
    if (anonymizer) head = anonymizer->anonymous(head);
    Fd out = memory_file();
    auto writer = recording::RecordingWriter::begin(Fd(::dup(out.get())), "copy",
                                                    recording::to_json(head), 5, 0, {});
    const auto copied =
        copy(*source, window, [&](std::span<const std::byte> record) -> Result<void> {
            if (!anonymizer) return (*writer)->write(record);
            const auto hidden = anonymizer->anonymous(record);
            return hidden ? (*writer)->write(*hidden) : Result<void>();
        });
    EXPECT_TRUE(copied) << copied.error().message;
    EXPECT_TRUE((*writer)->end());
    return out;
}

Bytes records_of(const Fd& file) { return read_back(contents_of(file.get())).records; }

/// No record follows within 100 ms.
std::vector<MonoTime> pauses(const synth::GeneratedConnection& story) {
    std::vector<MonoTime> list;
    for (std::size_t i = 10; i + 10 < story.records.size(); i += 7)
        if (story.records[i + 1].at - story.records[i].at > 250ms)
            list.push_back(story.records[i].at + 120ms);
    return list;
}

/// What is the same whether its beginning has been seen or not. When a FIN_WAIT2 became TIME_WAIT
/// may be noticed late, and who has begun in between doesn't place it before that.
std::vector<std::string> essence(const std::vector<std::string>& transitions) {
    std::vector<std::string> list;
    for (const std::string& line : transitions) {
        const json row = json::parse(line);
        if (row["from"] == "FIN_WAIT2" && row["to"] == "TIME_WAIT") continue;
        list.push_back(row["time"].dump() + row["local"].dump() + row["remote"].dump() +
                       row["from"].dump() + row["to"].dump() + row["netns"].dump());
    }
    std::sort(list.begin(), list.end());
    return list;
}

synth::WireRecord reading(Nanoseconds when, std::uint32_t netns, std::uint64_t resets) {
    const MonoTime at = synth::kTestClock.mono + when;
    return {at, encode(
                    event::KernelCounters{
                        at, netns, {{"Tcp.OutRsts", resets}, {"TcpExt.ListenOverflows", 4}}},
                    synth::kTestClock)};
}

Fd with_counters() {
    return record_all(std::vector<synth::WireRecord>{reading(1s, 1, 10), reading(1s, 2, 0),
                                                     reading(11s, 1, 12), reading(21s, 1, 15),
                                                     reading(21s, 2, 0)});
}

TEST(TraceOfCounters, one_line_for_each_namespace_where_some_grew) {
    const auto lines = trace_lines(with_counters(), {}, What::connections);
    ASSERT_EQ(lines.size(), 1u);
    const json row = json::parse(lines[0]);
    EXPECT_EQ(row.size(), 4u) << row;
    EXPECT_EQ(row["type"], "counters");
    EXPECT_EQ(row["netns"], 1);
    EXPECT_EQ(row["OutRsts"], 5);
    EXPECT_TRUE(row["time"].is_string());
    EXPECT_TRUE(lines[0].starts_with(R"({"type":"counters","time":")")) << lines[0];
    EXPECT_EQ(trace_lines(with_counters(), {}, What::transitions), lines);
}

TEST(TraceOfCounters, a_window_counts_from_the_last_reading_before_it) {
    const MonoTime begin = synth::kTestClock.mono;
    const auto late = trace_lines(with_counters(), {begin + 15s, std::nullopt}, What::connections);
    ASSERT_EQ(late.size(), 1u);
    EXPECT_EQ(json::parse(late[0])["OutRsts"], 3);
    const auto early = trace_lines(with_counters(), {std::nullopt, begin + 15s}, What::connections);
    ASSERT_EQ(early.size(), 1u);
    EXPECT_EQ(json::parse(early[0])["OutRsts"], 2);
}

TEST(Copy, carries_the_last_reading_of_the_counters_along) {
    const run::TimeWindow late{synth::kTestClock.mono + 15s, std::nullopt};
    const auto lines = trace_lines(copy_of(with_counters(), late), {}, What::connections);
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(json::parse(lines[0])["OutRsts"], 3);
}

TEST(Copy, of_everything_is_everything) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        synth::GeneratedConnection story = short_traffic(seed);
        Bytes unknown(48, std::byte{'x'});
        const td_header header{48, 200, 3, 0,
                               static_cast<__u64>(story.records[9].at.time_since_epoch().count())};
        std::memcpy(unknown.data(), &header, sizeof(header));
        story.records.insert(story.records.begin() + 10, {story.records[9].at, unknown});
        const Fd file = record_all(story.records, {event::fact_record(0, 0, "host", "story")});
        EXPECT_EQ(records_of(copy_of(file, {})), records_of(file));
    }
}

TEST(Copy, of_the_beginning_has_the_records_until_then) {
    const synth::GeneratedConnection story = short_traffic(3);
    const Fd file = record_all(story.records);
    for (const MonoTime t : pauses(story)) {
        const Fd part = copy_of(file, {std::nullopt, t});
        const Bytes all = records_of(file);
        const Bytes some = records_of(part);
        const std::size_t same = some.size() - 2 * sizeof(td_header); // a stop and a mark
        EXPECT_EQ(event::read_header(std::span(some).subspan(same)).kind, TD_STOP);
        ASSERT_LT(same, all.size());
        EXPECT_TRUE(std::equal(some.begin(), some.begin() + static_cast<std::ptrdiff_t>(same),
                               all.begin()));
        EXPECT_TRUE(*report_json_of(part, {}) == *report_json_of(file, {std::nullopt, t}))
            << (t - synth::kTestClock.mono).count();
    }
}

TEST(Copy, of_the_end_shows_the_same_transitions_as_the_original_from_then_on) {
    std::size_t lines = 0;
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        const synth::GeneratedConnection story = short_traffic(seed);
        const Fd file = record_all(story.records);
        for (const MonoTime t : pauses(story)) {
            const auto expected = essence(trace_lines(file, {t, std::nullopt}, What::transitions));
            const auto reported = essence(trace_lines(copy_of(file, {t, std::nullopt}),
                                                      {t, std::nullopt}, What::transitions));
            ASSERT_EQ(reported, expected) << seed << " " << (t - synth::kTestClock.mono).count();
            lines += reported.size();
        }
    }
    EXPECT_GT(lines, 1000u);
}

TEST(Copy, of_the_end_knows_the_sockets_that_were_there) {
    int sockets = 0;
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        const synth::GeneratedConnection story = short_traffic(seed);
        const Fd file = record_all(story.records);
        for (const MonoTime t : pauses(story)) {
            const auto expected = json::parse(*report_json_of(file, {t, t}));
            const auto reported = json::parse(*report_json_of(copy_of(file, {t, t}), {}));
            for (const auto& [state, numbers] : expected["states"].items()) {
                EXPECT_EQ(reported["states"][state]["open"], numbers["open"])
                    << state << " " << seed;
                sockets += numbers["open"].get<int>();
            }
            EXPECT_EQ(reported["meta"]["begin"], expected["meta"]["begin"]);
            EXPECT_EQ(reported["quality"]["joined"], reported["quality"]["open"]);
        }
    }
    EXPECT_GT(sockets, 100);
}

/// Right behind the end of a timer: what that means, only what follows reports.
std::vector<MonoTime> moments_of_doubt(const synth::GeneratedConnection& story) {
    std::vector<MonoTime> list;
    for (const synth::WireRecord& record : story.records) {
        const auto event = event::Decoder().decode(record.bytes);
        const auto* wait = std::get_if<event::TimewaitTimer>(&*event);
        const auto* request = std::get_if<event::RequestTimer>(&*event);
        if ((wait && wait->op != TD_TIMER_START) || (request && request->op != TD_TIMER_START))
            list.push_back(record.at + 1ns);
    }
    return list;
}

TEST(Copy, of_the_end_leaves_nobody_behind) {
    std::size_t tried = 0;
    for (const std::uint64_t seed : {2, 4, 6}) {
        const synth::GeneratedConnection story = short_traffic(seed);
        const Fd file = record_all(story.records);
        for (const MonoTime t : moments_of_doubt(story)) {
            const auto reported =
                json::parse(*report_json_of(copy_of(file, {t, std::nullopt}), {}));
            EXPECT_EQ(reported["quality"]["open"], 0)
                << seed << " " << (t - synth::kTestClock.mono).count();
            ++tried;
        }
    }
    EXPECT_GT(tried, 50u);
}

TEST(Copy, of_the_end_knows_who_held_them) {
    const synth::GeneratedConnection story = short_traffic(2);
    const Fd file = record_all(story.records);
    const MonoTime t = pauses(story).at(3);
    const auto owners = [](const Fd& recorded, const run::TimeWindow& window) {
        std::vector<std::string> list;
        for (const std::string& line : trace_lines(recorded, window, What::connections)) {
            const json row = json::parse(line);
            list.push_back(row["local"].dump() + row["remote"].dump() + row["process"].dump() +
                           row["uid"].dump());
        }
        return list;
    };
    const auto expected = owners(file, {t, std::nullopt});
    EXPECT_FALSE(expected.empty());
    EXPECT_THAT(owners(copy_of(file, {t, std::nullopt}), {}),
                testing::UnorderedElementsAreArray(expected));
}

TEST(Copy, of_the_end_is_headed_by_facts_and_paths) {
    synth::GeneratedConnection story = short_traffic(2);
    const auto path = event::cgroup_record(
        static_cast<std::uint64_t>(story.records[3].at.time_since_epoch().count()), 4242, "/a");
    story.records.insert(story.records.begin() + 4, {story.records[3].at, path});
    const Fd file =
        record_all(story.records, {event::fact_record(0, 0, "host", "old"),
                                   event::fact_record(1, 0, "host", "new"),
                                   event::fact_record(1, 5, "net.ipv4.tcp_fin_timeout", "30")});
    const MonoTime t = pauses(story).at(1);
    run::Context context;
    const Fd part = copy_of(file, {t, std::nullopt});
    const auto source = replay(part);
    event::Decoder decoder;
    ASSERT_TRUE(source->poll([&](std::span<const std::byte> record) {
        if (const auto event = decoder.decode(record)) context.on_event(*event);
    }));
    EXPECT_EQ(source->now(), t) << "a mark ends what heads the stream";
    EXPECT_EQ(context.clock().mono, t);
    EXPECT_EQ(context.clock().wall, synth::kTestClock.to_wall(t));
    EXPECT_EQ(context.cgroup(4242), "/a");
    ASSERT_EQ(context.facts().size(), 2u);
    EXPECT_EQ(context.facts()[0].value, "new");
    EXPECT_EQ(context.facts()[1].value, "30");
}

TEST(Copy, of_the_end_shows_later_losses_only) {
    synth::GeneratedConnection story = short_traffic(2);
    const MonoTime t = pauses(story).at(3);
    const auto lose = [&](MonoTime at, std::uint64_t total) {
        const auto later = [](MonoTime moment, const synth::WireRecord& record) {
            return moment < record.at;
        };
        const auto place = std::upper_bound(story.records.begin(), story.records.end(), at, later);
        story.records.insert(place,
                             {at, encode(event::LostTotals{at, {total}}, synth::kTestClock)});
    };
    lose(t - 1s, 5);
    lose(t + 1s, 8);
    const Fd file = record_all(story.records);
    EXPECT_EQ(json::parse(*report_json_of(file, {}))["quality"]["lost"], 8);
    EXPECT_EQ(json::parse(*report_json_of(copy_of(file, {t, std::nullopt}), {}))["quality"]["lost"],
              3);
    EXPECT_EQ(json::parse(*report_json_of(copy_of(file, {t, t}), {}))["quality"]["lost"], 0);
}

TEST(Copy, in_two_parts_has_each_record_once) {
    const synth::GeneratedConnection story = short_traffic(4);
    const Fd file = record_all(story.records);
    const MonoTime t = pauses(story).at(2);
    const Bytes all = records_of(file);
    const Bytes after = records_of(copy_of(file, {t, std::nullopt}));
    std::size_t listed = 0; // of the second part: what heads it
    for (std::size_t at = 0, size = 0; at < after.size(); at += size) {
        td_header header;
        std::memcpy(&header, after.data() + at, sizeof(header));
        size = header.size;
        if (header.time_ns <= static_cast<std::uint64_t>(t.time_since_epoch().count()))
            listed = at + size;
    }
    const Bytes rest(after.begin() + static_cast<std::ptrdiff_t>(listed), after.end());
    ASSERT_LT(rest.size(), all.size());
    EXPECT_TRUE(std::equal(rest.rbegin(), rest.rend(), all.rbegin()));
}

TEST(Copy, that_is_anonymous_gives_the_same_report_but_for_names) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        const Fd file =
            record_all(short_traffic(seed).records, {event::fact_record(0, 0, "host", "story")});
        auto anonymizer = recording::Anonymizer::create();
        ASSERT_TRUE(anonymizer);
        const Fd hidden = copy_of(file, {}, anonymizer->get());
        const auto expected = json::parse(*report_json_of(file, {}));
        const auto reported = json::parse(*report_json_of(hidden, {}));
        for (const char* section : {"quality", "states", "latencies", "transitions", "timeline"})
            EXPECT_EQ(reported[section], expected[section]) << section;
        EXPECT_NE(reported["meta"]["host"], expected["meta"]["host"]);
        // Services are those of one listener or program; without names programs can't be
        // distinguished apart, so by port.
        const auto servers = [](const json& report) {
            std::map<int, std::map<std::string, int>> ports;
            for (const json& row : report["services"]) {
                if (row["role"] != "server") continue;
                auto& counts = ports[row["local"]["port"].get<int>()];
                counts["connections"] += row["connections"].get<int>();
                for (const char* what : {"closed_first", "endings"})
                    for (const auto& [name, count] : row[what].items())
                        counts[what + name] += count.get<int>();
                counts["now"] += row["time_wait"]["now"].get<int>();
            }
            return ports;
        };
        EXPECT_EQ(servers(reported), servers(expected));
        EXPECT_FALSE(servers(reported).empty());
        EXPECT_NE(report_json_of(hidden, {})->find("\"host-"), std::string::npos);
    }
}

} // namespace
} // namespace tcpdwell::test
