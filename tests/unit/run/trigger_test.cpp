// SPDX-License-Identifier: Apache-2.0
// Conditions: how they are written, and when they become true.
#include "run/trigger.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "../analysis/connection_mix.h"
#include "event/encode.h"
#include "line_consumers.h"
#include "run/selection.h"
#include "run/trigger_watch.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

TEST(Trigger, is_a_number_of_sockets_in_a_state) {
    for (const char* text : {"time_wait>20000", "TIME_WAIT>20000", "time_wait > 20000"}) {
        const auto trigger = run::Trigger::parse(text);
        ASSERT_TRUE(trigger) << text;
        const auto* condition = std::get_if<run::SocketsInState>(&trigger->condition);
        ASSERT_NE(condition, nullptr);
        EXPECT_EQ(condition->state, tcp::State::TIME_WAIT);
        EXPECT_EQ(condition->limit, 20000U);
        EXPECT_EQ(trigger->text, text);
    }
}

TEST(Trigger, is_a_rate_of_an_ending) {
    const auto trigger = run::Trigger::parse("reset_sent>30/m");
    ASSERT_TRUE(trigger);
    const auto* condition = std::get_if<run::RateOfEnding>(&trigger->condition);
    ASSERT_NE(condition, nullptr);
    EXPECT_EQ(condition->ending, tcp::Ending::reset_sent);
    EXPECT_EQ(condition->limit, 30U);
    EXPECT_EQ(condition->per, 1min);
}

TEST(Trigger, each_finding_is_one) {
    for (const std::string_view id : analysis::finding_ids())
        EXPECT_TRUE(run::Trigger::parse(id)) << id;
}

TEST(Trigger, is_a_finding) {
    for (const char* text : {"close_wait_leak", "server_closes_first", "events_lost"}) {
        const auto trigger = run::Trigger::parse(text);
        ASSERT_TRUE(trigger) << text;
        EXPECT_EQ(std::get<run::FindingRaised>(trigger->condition).id, text);
    }
}

TEST(Trigger, anything_else_is_refused_with_its_forms) {
    for (const char* text :
         {"", ">", "time_wait", "time_wait>", "time_wait>x", "time_wait>-1", "time_wait>5x",
          "time_wait>5/s", "reset_sent>5", "reset_sent>5/d", "listen>1", "close_wait_leak>1",
          "close_wait_leak.age", "time_wait<5", "time_wait>99999999999999999999"}) {
        const auto trigger = run::Trigger::parse(text);
        ASSERT_FALSE(trigger) << text;
        EXPECT_EQ(trigger.error().code, ErrorCode::usage);
        for (const char* word :
             {"time_wait>", "reset_sent>", "close_wait_leak", "/m", "tcpdwell explain"})
            EXPECT_NE(trigger.error().message.find(word), std::string::npos) << word;
        EXPECT_LT(trigger.error().message.size(), 300U) << "one can read it";
    }
}

TEST(Trigger, of_a_word_that_is_not_known_an_alike_one_is_named) {
    for (const auto& [text, meant] :
         {std::pair("time_wiat>5", "mean time_wait"), std::pair("reset_snt>1/s", "mean reset_sent"),
          std::pair("close_wait_leek", "mean close_wait_leak")})
        EXPECT_NE(run::Trigger::parse(text).error().message.find(meant), std::string::npos) << text;
}

// Against counting one by one: right to a sixtieth of the window.
TEST(SlidingCount, counts_what_lies_in_the_window) {
    std::mt19937_64 random(7);
    for (const Nanoseconds window : {Nanoseconds(1s), Nanoseconds(1min), Nanoseconds(1h)}) {
        run::SlidingCount count(window);
        std::deque<MonoTime> all;
        MonoTime now{5s};
        for (int i = 0; i < 5000; ++i) {
            now += random() % 500 == 0 ? 3 * window
                                       : Nanoseconds(static_cast<std::int64_t>(random() % 100) *
                                                     window.count() / 5000);
            count.add(now);
            all.push_back(now);
            const auto within = [&](Nanoseconds time) {
                return static_cast<std::uint64_t>(std::count_if(
                    all.begin(), all.end(), [&](MonoTime at) { return at > now - time; }));
            };
            EXPECT_LE(count.count(now), within(window));
            EXPECT_GE(count.count(now), within(window - window / 59));
        }
        EXPECT_EQ(count.count(now + 2 * window), 0U);
    }
}

/// Runs traffic through a tracker with a watch on it; how often a trigger was pulled.
class WatchRun : public track::TrackerListener {
public:
    explicit WatchRun(const std::string& text, const event::Filter& filter = {},
                      const analysis::ReportOptions& report = {})
        : watch_(
              {*run::Trigger::parse(text)}, [this](const std::string&) { ++pulls_; }, report,
              context_, behind_),
          selection_(filter, context_, watch_), tracker_(selection_.entrance(), {}) {}

    int pulls(std::uint64_t seed, std::size_t stories) {
        synth::TrafficOptions options;
        options.seed = seed;
        options.stories = stories;
        return pulls(make_traffic(options));
    }
    int pulls(const synth::GeneratedConnection& story) {
        event::Decoder decoder;
        context_.on_event(event::ClockReading{synth::kTestClock});
        watch_.begin(context_);
        static_cast<void>(
            decoder.decode(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock)));
        MonoTime now = synth::kTestClock.mono;
        const auto look = [&] {
            EXPECT_TRUE(watch_.flush(run::RunState{tracker_, decoder.quality(), now}));
        };
        for (const synth::WireRecord& record : story.records) {
            const auto event = decoder.decode(record.bytes);
            if (!event) continue;
            tracker_.on_event(*event);
            now = std::max(now, record.at);
            look();
        }
        tracker_.settle(now);
        look();
        return pulls_;
    }
    run::TriggerWatch& watch() { return watch_; }
    std::uint64_t highest = 0; ///< TIME_WAITs at a time
    std::uint64_t resets = 0;

private:
    void on_transition(const track::TransitionLine& line) override {
        if (line.from == tcp::State::TIME_WAIT) --now_;
        if (line.to == tcp::State::TIME_WAIT) highest = std::max(highest, ++now_);
    }
    void on_connection(const track::ConnectionLine& line) override {
        if (line.ending == tcp::Ending::reset_sent) ++resets;
    }
    void on_lost(const track::LostLine&) override {}

    run::Context context_;
    LinesTo behind_{*this};
    run::TriggerWatch watch_;
    run::Selection selection_;
    track::Tracker tracker_;
    int pulls_ = 0;
    std::uint64_t now_ = 0;
};

TEST(TriggerWatch, shows_when_the_number_is_passed_and_only_then) {
    WatchRun probe("time_wait>1000000");
    EXPECT_EQ(probe.pulls(3, 300), 0);
    ASSERT_GT(probe.highest, 5U);
    EXPECT_EQ(WatchRun("time_wait>" + std::to_string(probe.highest)).pulls(3, 300), 0);
    EXPECT_GE(WatchRun("time_wait>" + std::to_string(probe.highest - 1)).pulls(3, 300), 1);
    EXPECT_GE(WatchRun("time_wait>0").pulls(3, 300), 1);
}

TEST(TriggerWatch, shows_endings) {
    WatchRun probe("reset_sent>1000000/h");
    EXPECT_EQ(probe.pulls(3, 300), 0);
    ASSERT_GT(probe.resets, 3U);
    EXPECT_EQ(WatchRun("reset_sent>" + std::to_string(probe.resets) + "/h").pulls(3, 300), 0);
    EXPECT_EQ(WatchRun("reset_sent>2/h").pulls(3, 300), 1);
}

TEST(TriggerWatch, what_counts_as_a_finding_is_what_the_thresholds_say) {
    WatchRun by_default("server_closes_first");
    EXPECT_EQ(by_default.pulls(3, 300), 0);
    analysis::ReportOptions report;
    ASSERT_TRUE(report.thresholds.set("server_closes_first.connections=1"));
    ASSERT_TRUE(report.thresholds.set("server_closes_first.share=1%"));
    EXPECT_GE(WatchRun("server_closes_first", {}, report).pulls(3, 300), 1);
}

report::Report report_with(std::string_view id) {
    report::Report report;
    report::Findings findings;
    findings.list.emplace_back().id = id;
    report.sections.push_back({"findings", "", "", std::move(findings)});
    return report;
}

TEST(TriggerWatch, a_finding_of_a_longer_report_is_one_too) {
    WatchRun run("server_closes_first");
    run.watch().on_report(report_with("server_closes_first"));
    EXPECT_EQ(run.pulls(3, 300), 1) << "once, however long it is in the report";
    WatchRun other("server_closes_first");
    other.watch().on_report(report_with("close_wait_leak"));
    EXPECT_EQ(other.pulls(3, 300), 0);
}

/// A connection to port 80, where process 100 listens; process 101 accepts it.
synth::Setting accepted_at(Nanoseconds when) {
    return {.netns = 4026531840,
            .tuple = tuple("10.0.0.1", 80, "10.0.0.2", 50'000),
            .start = synth::kTestClock.mono + when,
            .first_pid = 100};
}

TEST(TriggerWatch, a_connection_that_another_process_accepts_is_counted_no_more) {
    ConnectionMix town;
    for (int i = 0; i < 3; ++i) town.add(scenario("server_first"), accepted_at(i * 200s));
    const synth::GeneratedConnection story = town.tell();
    event::Filter listener;
    listener.pids = {100};
    EXPECT_EQ(WatchRun("established>0", listener).pulls(story), 3);
    EXPECT_EQ(WatchRun("established>1", listener).pulls(story), 0);
}

TEST(TriggerWatch, what_is_counted_later_than_it_begins_is_uncounted_once) {
    synth::Setting client = accepted_at(0s);
    client.first_pid = 101;
    client.tuple.local.port = 40'000;
    ConnectionMix town;
    town.add(scenario("still_established"), client);
    town.add(scenario("server_first"), accepted_at(10s));
    client.start += 200s;
    ++client.tuple.local.port;
    town.add(scenario("still_established"), client);
    event::Filter acceptor;
    acceptor.pids = {101};
    const synth::GeneratedConnection story = town.tell();
    // Its SYN_RECV was the listener's; it counts from accept() on.
    EXPECT_EQ(WatchRun("established>1", acceptor).pulls(story), 2);
    EXPECT_EQ(WatchRun("established>2", acceptor).pulls(story), 0);
}

} // namespace
} // namespace tcpdwell::test
