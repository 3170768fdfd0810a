// SPDX-License-Identifier: Apache-2.0
#include "analysis/thresholds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Unit = analysis::ThresholdRow::Unit;

std::string assignment(const analysis::ThresholdRow& row, std::string_view value) {
    return std::string(row.name) + "=" + std::string(value);
}

TEST(Thresholds, names_are_those_of_the_documentation) {
    const std::set<std::string_view> wanted = {"server_closes_first.connections",
                                               "server_closes_first.share",
                                               "close_wait_leak.sockets",
                                               "close_wait_leak.age",
                                               "time_wait_table_full.share",
                                               "ephemeral_ports_low.share",
                                               "connects_unanswered.connections",
                                               "connects_unanswered.share",
                                               "connects_unanswered.age",
                                               "connects_delayed.connections",
                                               "connects_delayed.share",
                                               "handshakes_failing.connections",
                                               "handshakes_failing.share",
                                               "fin_wait2_pileup.sockets",
                                               "fin_wait2_pileup.age",
                                               "closing_stuck.sockets",
                                               "closing_stuck.age",
                                               "time_wait_skipped.connections",
                                               "time_wait_skipped.share",
                                               "accept_queue_full.overflows",
                                               "accept_stalled.connections",
                                               "accept_stalled.age",
                                               "descriptor_inherited.sockets",
                                               "peers_gone.connections",
                                               "peers_gone.age",
                                               "half_open_checks.connections",
                                               "listener_closed.connections",
                                               "answered_unread.connections",
                                               "answered_unread.share",
                                               "turned_away.connections",
                                               "turned_away.share",
                                               "idle_close_race.connections",
                                               "idle_close_race.share",
                                               "process_died.connections",
                                               "connections_reset.connections",
                                               "connections_reset.share",
                                               "connects_refused.connections",
                                               "connects_refused.share",
                                               "self_connected.connections",
                                               "stray_resets.connections",
                                               "counters_disagree.difference",
                                               "counters_disagree.share"};
    std::set<std::string_view> names;
    for (const analysis::ThresholdRow& row : analysis::Thresholds::rows()) names.insert(row.name);
    EXPECT_EQ(names, wanted);
    EXPECT_EQ(analysis::Thresholds::rows().size(), wanted.size());
}

TEST(Thresholds, presets) {
    const analysis::Thresholds t;
    EXPECT_EQ(t.count("server_closes_first.connections"), 100u);
    EXPECT_EQ(t.value("server_closes_first.share"), 0.5);
    EXPECT_EQ(t.count("close_wait_leak.sockets"), 1u);
    EXPECT_EQ(t.duration("close_wait_leak.age"), 60s);
    EXPECT_EQ(t.value("time_wait_table_full.share"), 0.9);
    EXPECT_EQ(t.value("ephemeral_ports_low.share"), 0.8);
    EXPECT_EQ(t.count("connects_unanswered.connections"), 3u);
    EXPECT_EQ(t.value("connects_unanswered.share"), 0.1);
    EXPECT_EQ(t.duration("connects_unanswered.age"), 1s);
    EXPECT_EQ(t.count("handshakes_failing.connections"), 20u);
    EXPECT_EQ(t.value("handshakes_failing.share"), 0.1);
    EXPECT_EQ(t.count("fin_wait2_pileup.sockets"), 100u);
    EXPECT_EQ(t.duration("fin_wait2_pileup.age"), 5s);
    EXPECT_EQ(t.count("closing_stuck.sockets"), 1u);
    EXPECT_EQ(t.duration("closing_stuck.age"), 30s);
    EXPECT_EQ(t.count("time_wait_skipped.connections"), 20u);
    EXPECT_EQ(t.value("time_wait_skipped.share"), 0.1);
    EXPECT_EQ(t.count("accept_queue_full.overflows"), 1u);
    EXPECT_EQ(t.count("accept_stalled.connections"), 1u);
    EXPECT_EQ(t.duration("accept_stalled.age"), 1s);
    EXPECT_EQ(t.count("descriptor_inherited.sockets"), 1u);
    EXPECT_EQ(t.count("peers_gone.connections"), 1u);
    EXPECT_EQ(t.duration("peers_gone.age"), 3s);
    EXPECT_EQ(t.count("half_open_checks.connections"), 5u);
    EXPECT_EQ(t.count("connects_delayed.connections"), 5u);
    EXPECT_EQ(t.value("connects_delayed.share"), 0.1);
    EXPECT_EQ(t.count("listener_closed.connections"), 1u);
    EXPECT_EQ(t.count("answered_unread.connections"), 5u);
    EXPECT_EQ(t.value("answered_unread.share"), 0.1);
    EXPECT_EQ(t.count("turned_away.connections"), 5u);
    EXPECT_EQ(t.value("turned_away.share"), 0.1);
    EXPECT_EQ(t.count("idle_close_race.connections"), 3u);
    EXPECT_EQ(t.value("idle_close_race.share"), 0.01);
    EXPECT_EQ(t.count("process_died.connections"), 1u);
    EXPECT_EQ(t.count("connections_reset.connections"), 5u);
    EXPECT_EQ(t.value("connections_reset.share"), 0.1);
    EXPECT_EQ(t.count("connects_refused.connections"), 5u);
    EXPECT_EQ(t.value("connects_refused.share"), 0.1);
    EXPECT_EQ(t.count("self_connected.connections"), 1u);
    EXPECT_EQ(t.count("stray_resets.connections"), 5u);
    EXPECT_EQ(t.count("counters_disagree.difference"), 20u);
    EXPECT_EQ(t.value("counters_disagree.share"), 0.01);
}

TEST(Thresholds, each_can_be_set_and_no_other_changes) {
    for (const analysis::ThresholdRow& row : analysis::Thresholds::rows()) {
        analysis::Thresholds t;
        const std::string_view text = row.unit == Unit::count   ? "7"
                                      : row.unit == Unit::share ? "0.25"
                                                                : "7s";
        ASSERT_TRUE(t.set(assignment(row, text))) << row.name;
        EXPECT_EQ(t.value(row.name), row.unit == Unit::share ? 0.25 : 7) << row.name;
        for (const analysis::ThresholdRow& other : analysis::Thresholds::rows())
            if (other.name != row.name) {
                EXPECT_EQ(t.value(other.name), other.preset) << row.name << " " << other.name;
            }
        EXPECT_FALSE(row.help.empty());
    }
}

TEST(Thresholds, zero_and_the_last_word_count) {
    analysis::Thresholds t;
    ASSERT_TRUE(t.set("closing_stuck.sockets=0"));
    EXPECT_EQ(t.count("closing_stuck.sockets"), 0u);
    ASSERT_TRUE(t.set("closing_stuck.sockets=12"));
    EXPECT_EQ(t.count("closing_stuck.sockets"), 12u);
}

TEST(Thresholds, units_of_time) {
    const std::pair<const char*, Nanoseconds> cases[] = {
        {"500ms", 500ms}, {"30s", 30s},     {"5m", 5min}, {"1h", 1h},
        {"45", 45s},      {"1.5s", 1500ms}, {"0", 0s},    {"0.1h", 6min}};
    for (const auto& [text, duration] : cases) {
        analysis::Thresholds t;
        ASSERT_TRUE(t.set(std::string("close_wait_leak.age=") + text)) << text;
        EXPECT_EQ(t.duration("close_wait_leak.age"), duration) << text;
    }
}

TEST(Thresholds, shares_as_fractions_or_percent) {
    const std::pair<const char*, double> cases[] = {{"0.5", 0.5}, {"50%", 0.5}, {"0", 0},
                                                    {"1", 1},     {"100%", 1},  {"2.5%", 0.025},
                                                    {".75", 0.75}};
    for (const auto& [text, share] : cases) {
        analysis::Thresholds t;
        ASSERT_TRUE(t.set(std::string("time_wait_skipped.share=") + text)) << text;
        EXPECT_DOUBLE_EQ(t.value("time_wait_skipped.share"), share) << text;
    }
}

TEST(Thresholds, text_that_is_no_value_is_a_usage_error_that_says_what_would_be_right) {
    const std::pair<const char*, std::vector<const char*>> cases[] = {
        {"closing_stuck.sockets",
         {"", "x", "-1", "-0", "1.5", "5s", "50%", "1e30", "1e400", "inf", "nan", "0x10", " 5",
          "5 ", "+5", "5,"}},
        {"close_wait_leak.age",
         {"", "x", "-1s", "5x", "5 s", "5sec", "5d", "1e300h", "1e300", "infs", "nan", "s",
          "0x1s"}},
        {"time_wait_skipped.share",
         {"", "x", "-0.1", "1.01", "101%", "50 %", "50%%", "1s", "inf", "nan", "%", "0,5"}},
    };
    for (const auto& [name, texts] : cases) {
        for (const char* text : texts) {
            analysis::Thresholds t;
            const double before = t.value(name);
            const auto set = t.set(std::string(name) + "=" + text);
            ASSERT_FALSE(set) << name << '=' << text;
            EXPECT_EQ(set.error().code, ErrorCode::usage);
            EXPECT_THAT(set.error().message, HasSubstr(name));
            EXPECT_THAT(set.error().message, HasSubstr("such as")) << text;
            EXPECT_EQ(t.value(name), before);
        }
    }
}

TEST(Thresholds, names_that_are_none_are_answered_with_those_like_them) {
    for (const char* text : {"leak=5", "=5", "closing_stuck=5", "closing_stuck.sockets =5",
                             "CLOSING_STUCK.SOCKETS=5"}) {
        analysis::Thresholds t;
        const auto set = t.set(text);
        ASSERT_FALSE(set) << text;
        EXPECT_EQ(set.error().code, ErrorCode::usage);
        EXPECT_THAT(set.error().message, HasSubstr("'tcpdwell help report' lists them")) << text;
    }
    analysis::Thresholds t;
    EXPECT_THAT(t.set("closing_stuck.socket=5").error().message,
                HasSubstr("did you mean closing_stuck.sockets or"));
    for (const char* text : {"", "closing_stuck.sockets", "5"}) {
        const auto set = t.set(text);
        ASSERT_FALSE(set) << text;
        EXPECT_EQ(set.error().code, ErrorCode::usage);
        EXPECT_THAT(set.error().message, HasSubstr("NAME=VALUE"));
    }
}

TEST(Thresholds, each_preset_has_its_reason) {
    for (const analysis::ThresholdRow& row : analysis::Thresholds::rows())
        EXPECT_FALSE(row.why.empty()) << row.name;
}

} // namespace
} // namespace tcpdwell::test
