// SPDX-License-Identifier: Apache-2.0
// With lines_at_close a connection that is in TIME_WAIT has its line, and no second one.
#include <gtest/gtest.h>

#include "outcome_collector.h"
#include "synth/scenario.h"

namespace tcpdwell::test {
namespace {

using OneStory = synth::Scenario;

synth::GeneratedConnection story_of(const OneStory& scenario) {
    synth::KernelMemory memory;
    synth::Setting stage;
    stage.kernel = synth::kLinux6_18;
    stage.tuple = {{*tcp::IpAddress::parse("10.1.2.3"), 8080},
                   {*tcp::IpAddress::parse("10.9.8.7"), 55555},
                   tcp::Family::ipv4};
    return tell(scenario, stage, memory);
}

/// Of a connection that is in TIME_WAIT: how it came there, and that it is.
void expect_still_waiting(const synth::OutcomeLine& early, const synth::OutcomeLine& late) {
    EXPECT_EQ(early.ending, tcp::Ending::fin);
    EXPECT_EQ(early.closed_first, late.closed_first);
    EXPECT_EQ(early.closed, std::nullopt);
    EXPECT_EQ(early.opened, late.opened);
    ASSERT_TRUE(early.time_wait);
    EXPECT_EQ(early.time_wait->end, tcp::TimeWaitEnd::open);
    EXPECT_EQ(early.time_wait->dwell, std::nullopt);
    ASSERT_LE(early.states.size(), late.states.size());
    EXPECT_EQ(early.states.back().state, tcp::State::TIME_WAIT);
    for (std::size_t i = 0; i + 1 < early.states.size(); ++i) {
        EXPECT_EQ(early.states[i].state, late.states[i].state);
        EXPECT_EQ(early.states[i].dwell, late.states[i].dwell);
    }
}

TEST(LinesAtClose, each_connection_has_one_line) {
    std::size_t waiting = 0;
    for (const OneStory& scenario : synth::all_scenarios()) {
        SCOPED_TRACE(scenario.name);
        const synth::GeneratedConnection story = story_of(scenario);
        TrackerRun usual;
        TrackerRun early(track::TrackerOptions{.lines_at_close = true});
        for (TrackerRun* run : {&usual, &early}) {
            run->feed(story.records);
            run->finish();
        }
        const auto expected = usual.collector.outcomes();
        const auto outcomes = early.collector.outcomes();
        EXPECT_EQ(early.tracker.totals().connections, usual.tracker.totals().connections);
        ASSERT_EQ(outcomes.size(), expected.size());
        for (const std::string& complaint : early.collector.complaints)
            EXPECT_EQ(complaint.find("second line"), std::string::npos) << complaint;
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
            ASSERT_EQ(outcomes[i].line.has_value(), expected[i].line.has_value());
            if (!outcomes[i].line) continue;
            const bool is_waiting = outcomes[i].line->time_wait &&
                                    outcomes[i].line->time_wait->end == tcp::TimeWaitEnd::open;
            if (!is_waiting) {
                EXPECT_EQ(describe(outcomes[i]), describe(expected[i]));
                continue;
            }
            ++waiting;
            expect_still_waiting(*outcomes[i].line, *expected[i].line);
        }
    }
    EXPECT_GT(waiting, 10u);
}

/// 20 ms after TIME_WAIT has begun, in which an RST could still come, and not a minute.
TEST(LinesAtClose, come_when_it_is_closed) {
    const auto scenarios = synth::all_scenarios();
    const auto scenario =
        std::ranges::find(scenarios, "client_first_fin_with_ack", &OneStory::name);
    ASSERT_NE(scenario, scenarios.end());
    TrackerRun run(track::TrackerOptions{.lines_at_close = true});
    const auto is_waiting = [&] {
        const auto outcomes = run.collector.outcomes();
        return !outcomes.empty() && !outcomes.front().transitions.empty() &&
               outcomes.front().transitions.back().to == tcp::State::TIME_WAIT;
    };
    for (const synth::WireRecord& record : story_of(*scenario).records) {
        run.feed(record);
        if (is_waiting()) break;
    }
    ASSERT_TRUE(is_waiting());
    EXPECT_FALSE(run.collector.outcomes().front().line);
    run.pass_time(run.now() + std::chrono::milliseconds(30));
    EXPECT_TRUE(run.collector.outcomes().front().line);
}

} // namespace
} // namespace tcpdwell::test
