// SPDX-License-Identifier: Apache-2.0
// A part of a recording reports what the whole one shows that time.
#include "run/window_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "recorded_views.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using What = cli::TracePrinter::What;

synth::GeneratedConnection traffic(std::uint64_t seed) {
    synth::TrafficOptions options;
    options.seed = seed;
    options.stories = 30;
    options.spread = 100s;
    options.only_ending = seed % 2 == 0;
    const synth::KernelTraits kernels[] = {synth::kLinux5_10, synth::kLinux6_1, synth::kLinux6_18};
    options.kernel = kernels[seed % 3];
    return make_traffic(options);
}

/// Random moments, half of them right behind a record: in the middle of what the tracker waits for.
std::vector<MonoTime> moments(const synth::GeneratedConnection& story, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const MonoTime begin = synth::kTestClock.mono;
    const auto length = static_cast<std::uint64_t>((story.records.back().at - begin).count());
    std::vector<MonoTime> list;
    for (int i = 0; i < 3; ++i) {
        list.push_back(begin + Nanoseconds(random() % length));
        list.push_back(story.records[random() % story.records.size()].at + 1ns);
    }
    return list;
}

/// With nothing pending: no record follows within 100 ms.
std::vector<MonoTime> quiet_moments(const synth::GeneratedConnection& story) {
    std::vector<MonoTime> list;
    for (std::size_t i = 10; i + 10 < story.records.size(); i += 7)
        if (story.records[i + 1].at - story.records[i].at > 250ms)
            list.push_back(story.records[i].at + 120ms);
    return list;
}

std::vector<std::string> merged(std::vector<std::string> a, const std::vector<std::string>& b) {
    a.insert(a.end(), b.begin(), b.end());
    std::sort(a.begin(), a.end());
    return a;
}

TEST(LineGate, two_parts_show_what_the_whole_shows) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        const synth::GeneratedConnection story = traffic(seed);
        const Fd file = record_all(story.records);
        for (const What what : {What::transitions, What::connections}) {
            const auto whole = trace_lines(file, {}, what);
            ASSERT_FALSE(whole.empty());
            for (const MonoTime t : moments(story, seed)) {
                const auto before = trace_lines(file, {std::nullopt, t}, what);
                const auto after = trace_lines(file, {t, std::nullopt}, what);
                ASSERT_EQ(merged(before, after), whole)
                    << seed << " " << (t - synth::kTestClock.mono).count();
            }
        }
    }
}

TEST(LineGate, a_part_in_the_middle_has_what_both_bounds_let_through) {
    const synth::GeneratedConnection story = traffic(5);
    const Fd file = record_all(story.records);
    const MonoTime a = synth::kTestClock.mono + 30s;
    const MonoTime b = synth::kTestClock.mono + 70s;
    const auto before = trace_lines(file, {std::nullopt, a - 1ns}, What::transitions);
    const auto middle = trace_lines(file, {a, b}, What::transitions);
    const auto after = trace_lines(file, {b + 1ns, std::nullopt}, What::transitions);
    EXPECT_FALSE(before.empty() || middle.empty() || after.empty());
    EXPECT_EQ(merged(merged(before, middle), after), trace_lines(file, {}, What::transitions));
}

/// Where a connect() waits for its local port, and its birth for being reported.
std::vector<MonoTime> moments_of_birth(const synth::GeneratedConnection& story) {
    std::vector<MonoTime> list;
    for (const synth::WireRecord& record : story.records) {
        const auto event = event::Decoder().decode(record.bytes);
        const auto* change = std::get_if<event::StateChange>(&*event);
        if (change && change->to == tcp::State::SYN_SENT && change->tuple.local.port == 0)
            list.push_back(record.at + 1ns);
    }
    return list;
}

int births(const std::string& report) {
    const json parsed = json::parse(report);
    for (const auto& edge : parsed["transitions"])
        if (edge["from"] == "CLOSE" && edge["to"] == "SYN_SENT") return edge["count"];
    return 0;
}

/// Takes connections, and ignores all else.
class Counter final : public run::Consumer {
public:
    void begin(const run::Context&) override {}
    Result<bool> flush(const run::RunState&) override { return true; }
    Result<void> finish() override { return {}; }
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine&) override { ++connections; }
    void on_lost(const track::LostLine&) override {}
    void on_counters(const track::CountersLine& line) override {
        readings.push_back(line.counters.front().value);
    }

    int connections = 0;
    std::vector<std::uint64_t> readings; ///< of the first counter
};

TEST(LineGate, a_connection_whose_end_was_not_seen_counts_when_it_was_heard_of_last) {
    const MonoTime a = synth::kTestClock.mono;
    const track::ConnectionIdentity who;
    for (const auto& [heard, count] :
         {std::pair(a - 1s, 0), std::pair(a, 1), std::pair(a + 1s, 1), std::pair(a + 2s, 0)}) {
        Counter inner;
        run::LineGate gate(inner, {a, a + 1s});
        track::ConnectionLine line{};
        line.who = &who;
        gate.on_move({heard, &who, tcp::State::ESTABLISHED, std::nullopt});
        gate.on_connection(line);
        EXPECT_EQ(inner.connections, count) << (heard - a).count();
    }
}

/// Growth is counted from the last reading of before.
TEST(LineGate, hands_on_the_last_counters_of_before_the_window) {
    const MonoTime a = synth::kTestClock.mono;
    Counter inner;
    run::LineGate gate(inner, {a, a + 20s});
    for (const int at : {-20, -10, 0, 10, 20, 30}) {
        const event::KernelCounters::Counter counter{"TcpExt.TW", std::uint64_t(at + 100)};
        gate.on_counters({a + std::chrono::seconds(at), 1, {&counter, 1}});
    }
    EXPECT_EQ(inner.readings, (std::vector<std::uint64_t>{90, 100, 110, 120}));
}

TEST(PeriodGate, hands_on_the_last_counters_of_before_the_period) {
    const MonoTime a = synth::kTestClock.mono;
    Counter inner;
    run::PeriodGate gate(inner, {a, std::nullopt});
    const run::Context context;
    gate.begin(context);
    const event::DataQuality quality;
    track::Tracker tracker(inner, {});
    for (const int at : {-20, -10, 10}) {
        const MonoTime time = a + std::chrono::seconds(at);
        const event::KernelCounters::Counter counter{"TcpExt.TW", std::uint64_t(at + 100)};
        ASSERT_TRUE(gate.flush({tracker, quality, time}));
        gate.on_counters({time, 1, {&counter, 1}});
    }
    EXPECT_EQ(inner.readings, (std::vector<std::uint64_t>{90, 110}));
}

TEST(PeriodGate, a_birth_is_reported_of_once) {
    std::size_t tried = 0;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const synth::GeneratedConnection story = traffic(seed);
        const Fd file = record_all(story.records);
        const int whole = births(*report_json_of(file, {}));
        EXPECT_GT(whole, 0);
        for (const MonoTime t : moments_of_birth(story)) {
            EXPECT_EQ(births(*report_json_of(file, {std::nullopt, t})) +
                          births(*report_json_of(file, {t, std::nullopt})),
                      whole)
                << seed;
            ++tried;
        }
    }
    EXPECT_GT(tried, 10u);
}

TEST(PeriodGate, the_whole_recording_gives_the_whole_report) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        const Fd file =
            record_all(traffic(seed).records, {event::fact_record(0, 0, "host", "story")});
        const run::RecordedSpan span = span_of(*replay(file));
        const std::string whole = *report_json_of(file, {}, false);
        const auto window = run::WindowOptions{"+0", "-0"}.resolve(span, WallTime{});
        ASSERT_TRUE(window);
        EXPECT_EQ(*report_json_of(file, *window), whole);
        EXPECT_EQ(*report_json_of(file, {span.begin(), *span.end}), whole)
            << "bounds at the ends of it";
    }
}

TEST(PeriodGate, two_parts_count_what_the_whole_counts) {
    int tried = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        const synth::GeneratedConnection story = traffic(seed);
        const Fd file = record_all(story.records);
        const auto whole = json::parse(*report_json_of(file, {}));
        for (const MonoTime t : quiet_moments(story)) {
            ++tried;
            const auto before = json::parse(*report_json_of(file, {std::nullopt, t}));
            const auto after = json::parse(*report_json_of(file, {t, std::nullopt}));
            for (const char* what : {"ended", "transitions", "lost"})
                EXPECT_EQ(before["quality"][what].get<int>() + after["quality"][what].get<int>(),
                          whole["quality"][what].get<int>())
                    << what << " " << seed << " " << (t - synth::kTestClock.mono).count();
            for (const auto& [state, numbers] : whole["states"].items()) {
                EXPECT_EQ(before["states"][state]["count"].get<int>() +
                              after["states"][state]["count"].get<int>(),
                          numbers["count"].get<int>())
                    << state;
            }
            EXPECT_EQ(before["meta"]["begin"], whole["meta"]["begin"]);
            EXPECT_EQ(before["meta"]["end"], after["meta"]["begin"]);
            EXPECT_EQ(after["meta"]["end"], whole["meta"]["end"]);
        }
    }
    EXPECT_GT(tried, 20);
}

TEST(PeriodGate, what_is_there_at_its_beginning_is_known_from_the_beginning) {
    int sockets = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        const synth::GeneratedConnection story = traffic(seed);
        const Fd file = record_all(story.records);
        for (const MonoTime t : quiet_moments(story)) {
            const auto before = json::parse(*report_json_of(file, {std::nullopt, t}));
            const auto after = json::parse(*report_json_of(file, {t, std::nullopt}));
            for (const auto& [state, numbers] : after["timeline"]["states"].items()) {
                EXPECT_EQ(numbers.at(0), before["states"][state]["open"]) << state << " " << seed;
                sockets += numbers.at(0).get<int>();
            }
        }
    }
    EXPECT_GT(sockets, 100);
}

TEST(PeriodGate, a_lone_moment_shows_what_is_there) {
    const synth::GeneratedConnection story = traffic(3);
    const Fd file = record_all(story.records);
    const MonoTime t = quiet_moments(story).at(1);
    const auto before = json::parse(*report_json_of(file, {std::nullopt, t}));
    const auto moment = json::parse(*report_json_of(file, {t, t}));
    EXPECT_EQ(moment["quality"]["open"], before["quality"]["open"]);
    EXPECT_EQ(moment["quality"]["transitions"], 0);
    EXPECT_EQ(moment["meta"]["duration_ns"], 0);
}

TEST(PeriodGate, intervals_count_from_its_beginning) {
    const synth::GeneratedConnection story = traffic(4);
    const Fd file = record_all(story.records);
    const MonoTime since = synth::kTestClock.mono + 30s;
    std::istringstream reports(*report_json_of(file, {since, since + 25s}, true, 10s));
    std::vector<std::string> begins;
    for (std::string line; std::getline(reports, line);)
        begins.push_back(json::parse(line)["meta"]["begin"]);
    EXPECT_THAT(begins, testing::ElementsAre(testing::StartsWith("2026-01-01T00:00:30.0"),
                                             testing::StartsWith("2026-01-01T00:00:40.0"),
                                             testing::StartsWith("2026-01-01T00:00:50.0")));
}

TEST(PeriodGate, a_recording_that_ends_before_is_an_error) {
    const synth::GeneratedConnection story = traffic(4);
    const Fd file = record_all(story.records);
    const auto report = report_json_of(file, {story.records.back().at + 1h, std::nullopt});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::usage);
    EXPECT_THAT(report.error().message, testing::HasSubstr("nothing since"));
}

} // namespace
} // namespace tcpdwell::test
