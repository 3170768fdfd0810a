// SPDX-License-Identifier: Apache-2.0
// Conditions: how they are written, and when they become true.
#include "run/trigger.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "event/encode.h"
#include "run/trigger_watch.h"
#include "synth/traffic.h"

namespace tcpdwell {
namespace {

using namespace std::chrono_literals;

TEST(Trigger, is_a_number_of_sockets_in_a_state) {
    for (const char* text : {"time_wait>20000", "TIME_WAIT>20000", "time_wait > 20000"}) {
        const auto trigger = Trigger::parse(text);
        ASSERT_TRUE(trigger) << text;
        const auto* condition = std::get_if<SocketsInState>(&trigger->condition);
        ASSERT_NE(condition, nullptr);
        EXPECT_EQ(condition->state, TcpState::TIME_WAIT);
        EXPECT_EQ(condition->limit, 20000U);
        EXPECT_EQ(trigger->text, text);
    }
}

TEST(Trigger, is_a_rate_of_an_ending) {
    const auto trigger = Trigger::parse("reset_sent>30/m");
    ASSERT_TRUE(trigger);
    const auto* condition = std::get_if<RateOfEnding>(&trigger->condition);
    ASSERT_NE(condition, nullptr);
    EXPECT_EQ(condition->ending, Ending::reset_sent);
    EXPECT_EQ(condition->limit, 30U);
    EXPECT_EQ(condition->per, 1min);
}

TEST(Trigger, is_a_finding) {
    for (const char* text : {"close_wait_leak", "server_closes_first", "events_lost"}) {
        const auto trigger = Trigger::parse(text);
        ASSERT_TRUE(trigger) << text;
        EXPECT_EQ(std::get<FindingRaised>(trigger->condition).id, text);
    }
}

TEST(Trigger, anything_else_is_refused_with_the_words_that_there_are) {
    for (const char* text : {"", ">", "time_wait", "time_wait>", "time_wait>x", "time_wait>-1", "time_wait>5x",
                             "time_wait>5/s", "reset_sent>5", "reset_sent>5/d", "listen>1", "close_wait_leak>1",
                             "close_wait_leak.age", "time_wait<5", "time_wait>99999999999999999999"}) {
        const auto trigger = Trigger::parse(text);
        ASSERT_FALSE(trigger) << text;
        EXPECT_EQ(trigger.error().code, ErrorCode::usage);
        for (const char* word : {"time_wait", "fin_wait2_expired", "close_wait_leak", "/m"})
            EXPECT_NE(trigger.error().message.find(word), std::string::npos) << word;
    }
}

// Against counting one by one: right to a sixtieth of the window.
TEST(SlidingCount, counts_what_lies_in_the_window) {
    std::mt19937_64 random(7);
    for (const Nanoseconds window : {Nanoseconds(1s), Nanoseconds(1min), Nanoseconds(1h)}) {
        SlidingCount count(window);
        std::deque<MonoTime> all;
        MonoTime now{5s};
        for (int i = 0; i < 5000; ++i) {
            now += random() % 500 == 0 ? 3 * window
                                       : Nanoseconds(static_cast<std::int64_t>(random() % 100) * window.count() / 5000);
            count.add(now);
            all.push_back(now);
            const auto within = [&](Nanoseconds time) {
                return static_cast<std::uint64_t>(
                    std::count_if(all.begin(), all.end(), [&](MonoTime at) { return at > now - time; }));
            };
            EXPECT_LE(count.count(now), within(window));
            EXPECT_GE(count.count(now), within(window - window / 59));
        }
        EXPECT_EQ(count.count(now + 2 * window), 0U);
    }
}

/// Runs random traffic through a tracker with a watch on it; how often a trigger was pulled.
class WatchRun : public Consumer {
public:
    explicit WatchRun(const std::string& text)
        : watch_({*Trigger::parse(text)}, Selection(Filter{}, context_), context_), tracker_(*this, {}) {}

    int pulls(std::uint64_t seed, std::size_t stories) {
        TrafficOptions options;
        options.seed = seed;
        options.stories = stories;
        const auto traffic = make_traffic(options);
        Decoder decoder;
        watch_.begin(kStoryClock.mono);
        static_cast<void>(decoder.decode(encode(ClockReading{kStoryClock}, kStoryClock)));
        int pulls = 0;
        MonoTime now = kStoryClock.mono;
        const auto look = [&] {
            pulls += static_cast<int>(watch_.pulled(RunState{tracker_, decoder.quality(), now}).size());
        };
        for (const WireRecord& record : traffic.records) {
            const auto event = decoder.decode(record.bytes);
            if (!event) continue;
            tracker_.on_event(*event);
            now = std::max(now, record.at);
            look();
        }
        tracker_.settle(now);
        look();
        return pulls;
    }
    std::uint64_t highest = 0; ///< TIME_WAITs at a time
    std::uint64_t resets = 0;

private:
    void begin(const Context&) override {}
    Result<bool> flush(const RunState&) override { return true; }
    Result<void> finish() override { return {}; }
    void on_transition(const TransitionLine& line) override {
        watch_.on_transition(line);
        if (line.from == TcpState::TIME_WAIT) --now_;
        if (line.to == TcpState::TIME_WAIT) highest = std::max(highest, ++now_);
    }
    void on_restated(const RestatedLine& line) override { watch_.on_restated(line); }
    void on_connection(const ConnectionLine& line) override {
        watch_.on_connection(line);
        if (line.ending == Ending::reset_sent) ++resets;
    }
    void on_lost(const LostLine& line) override { watch_.on_lost(line); }

    Context context_;
    TriggerWatch watch_;
    Tracker tracker_;
    std::uint64_t now_ = 0;
};

TEST(TriggerWatch, tells_when_the_number_is_passed_and_only_then) {
    WatchRun probe("time_wait>1000000");
    EXPECT_EQ(probe.pulls(3, 300), 0);
    ASSERT_GT(probe.highest, 5U);
    EXPECT_EQ(WatchRun("time_wait>" + std::to_string(probe.highest)).pulls(3, 300), 0);
    EXPECT_GE(WatchRun("time_wait>" + std::to_string(probe.highest - 1)).pulls(3, 300), 1);
    EXPECT_GE(WatchRun("time_wait>0").pulls(3, 300), 1);
}

TEST(TriggerWatch, tells_of_endings) {
    WatchRun probe("reset_sent>1000000/h");
    EXPECT_EQ(probe.pulls(3, 300), 0);
    ASSERT_GT(probe.resets, 3U);
    EXPECT_EQ(WatchRun("reset_sent>" + std::to_string(probe.resets) + "/h").pulls(3, 300), 0);
    EXPECT_EQ(WatchRun("reset_sent>2/h").pulls(3, 300), 1);
}

} // namespace
} // namespace tcpdwell
