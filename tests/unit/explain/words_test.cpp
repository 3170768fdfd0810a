// SPDX-License-Identifier: Apache-2.0
// Every word that tcpdwell prints has an explanation, and each is fit to be printed.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "explain/explain.h"
#include "report/schemas.h"
#include "tcp/close.h"
#include "tcp/state.h"

namespace tcpdwell::test {
namespace {

bool is_explained(std::string_view word, explain::Topic topic) {
    const auto found = explain::explain(word);
    return std::any_of(found.begin(), found.end(), [&](const explain::Explanation* e) {
        return e->topic == topic && e->word == word;
    });
}

template <class E>
void expect_values_explained() {
    for (const E value : kAllOf<E>) {
        if (name(value).empty()) continue; // EndingDetail::none
        EXPECT_TRUE(is_explained(name(value), explain::Topic::ending)) << name(value);
    }
}

/// `text`, which gives the values of E, names them all.
template <class E>
void expect_values_named(std::string_view text) {
    for (const E value : kAllOf<E>)
        EXPECT_NE(text.find(name(value)), std::string_view::npos) << name(value);
}

/// Summary and text.
std::string column_text(std::string_view column) {
    for (const explain::Explanation* e : explain::explain(column))
        if (e->topic == explain::Topic::column && e->word == column)
            return std::string(e->summary) + '\n' + std::string(e->text);
    return {};
}

TEST(Words, States) {
    for (const tcp::State state : kAllOf<tcp::State>)
        EXPECT_TRUE(is_explained(name(state), explain::Topic::state)) << name(state);
}

TEST(Words, Endings) {
    expect_values_explained<tcp::Ending>();
    expect_values_explained<tcp::EndingDetail>();
    expect_values_explained<tcp::TimeWaitEnd>();
    expect_values_explained<tcp::ClosedFirst>();
    expect_values_explained<tcp::Seen>();
    expect_values_explained<tcp::Role>();
}

TEST(Words, ColumnsNameTheirValues) {
    expect_values_named<tcp::Ending>(column_text("ending"));
    expect_values_named<tcp::ClosedFirst>(column_text("closed_first"));
    expect_values_named<tcp::Seen>(column_text("seen"));
    expect_values_named<tcp::Role>(column_text("role"));
}

TEST(Words, WordsOfTablesAndLines) {
    for (const auto& [word, column] :
         {std::pair("CONNS", "CONNS"), std::pair("RETRANS", "retransmitted"),
          std::pair("stray_reset", "stray_resets"), std::pair("shutdown", "how"),
          std::pair("exit", "how"), std::pair("abort", "how"), std::pair("closed_by.how", "how")}) {
        const auto found = explain::explain(word);
        const std::string_view its = column; // clang can't capture a part of a binding
        EXPECT_TRUE(std::any_of(found.begin(), found.end(), [&](const explain::Explanation* e) {
            return e->topic == explain::Topic::column && e->word == its;
        })) << word;
    }
}

TEST(Words, Findings) {
    for (const std::string_view id :
         {"server_closes_first", "close_wait_leak",     "time_wait_table_full",
          "ephemeral_ports_low", "connects_unanswered", "handshakes_failing",
          "fin_wait2_pileup",    "closing_stuck",       "time_wait_skipped",
          "accept_queue_full",   "accept_stalled",      "descriptor_inherited",
          "peers_gone",          "half_open_checks",    "listener_closed",
          "answered_unread",     "turned_away",         "idle_close_race",
          "process_died",        "connections_reset",   "connects_refused",
          "self_connected",      "stray_resets",        "counters_disagree",
          "connects_delayed",    "events_lost"})
        EXPECT_TRUE(is_explained(id, explain::Topic::finding)) << id;
}

TEST(Words, ThresholdsAreNamedWithTheirDefaults) {
    const std::pair<std::string_view, std::string_view> thresholds[] = {
        {"server_closes_first.connections", "100"},
        {"server_closes_first.share", "0.5"},
        {"close_wait_leak.sockets", "1"},
        {"close_wait_leak.age", "60s"},
        {"time_wait_table_full.share", "0.9"},
        {"ephemeral_ports_low.share", "0.8"},
        {"connects_unanswered.connections", "3"},
        {"connects_unanswered.share", "0.1"},
        {"connects_unanswered.age", "1s"},
        {"handshakes_failing.connections", "20"},
        {"handshakes_failing.share", "0.1"},
        {"fin_wait2_pileup.sockets", "100"},
        {"fin_wait2_pileup.age", "5s"},
        {"closing_stuck.sockets", "1"},
        {"closing_stuck.age", "30s"},
        {"time_wait_skipped.connections", "20"},
        {"time_wait_skipped.share", "0.1"},
        {"accept_queue_full.overflows", "1"},
        {"accept_stalled.connections", "1"},
        {"accept_stalled.age", "1s"},
        {"descriptor_inherited.sockets", "1"},
        {"peers_gone.connections", "1"},
        {"peers_gone.age", "3s"},
        {"half_open_checks.connections", "5"},
        {"connects_delayed.connections", "5"},
        {"connects_delayed.share", "0.1"},
        {"listener_closed.connections", "1"},
        {"answered_unread.connections", "5"},
        {"answered_unread.share", "0.1"},
        {"turned_away.connections", "5"},
        {"turned_away.share", "0.1"},
        {"idle_close_race.connections", "3"},
        {"idle_close_race.share", "0.01"},
        {"process_died.connections", "1"},
        {"connections_reset.connections", "5"},
        {"connections_reset.share", "0.1"},
        {"connects_refused.connections", "5"},
        {"connects_refused.share", "0.1"},
        {"self_connected.connections", "1"},
        {"stray_resets.connections", "5"},
        {"counters_disagree.difference", "20"},
        {"counters_disagree.share", "0.01"},
    };
    for (const auto& [threshold, value] : thresholds) {
        const auto found = explain::explain(threshold);
        ASSERT_EQ(found.size(), 1U) << threshold;
        const std::string said = std::string(threshold) + " (" + std::string(value) + ")";
        EXPECT_NE(found[0]->text.find(said), std::string_view::npos) << said;
    }
}

TEST(Words, ColumnsOfTrace) {
    for (const report::Schema* schema :
         {&report::transition_schema(), &report::connection_schema(), &report::lost_schema()}) {
        for (const report::Column& column : schema->columns)
            EXPECT_TRUE(is_explained(column.id, explain::Topic::column)) << column.id;
    }
}

TEST(Words, KeysOfTheReport) {
    for (const std::string_view key : {"quality",
                                       "findings",
                                       "states",
                                       "latencies",
                                       "services",
                                       "remotes",
                                       "ports",
                                       "timeline",
                                       "thresholds",
                                       "quantile_error",
                                       "p50_ns",
                                       "p90_ns",
                                       "p99_ns",
                                       "p999_ns",
                                       "min_ns",
                                       "max_ns",
                                       "mean_ns",
                                       "oldest_ns",
                                       "evicted",
                                       "nominal_ns",
                                       "buckets",
                                       "severity",
                                       "advice",
                                       "evidence",
                                       "closed_first",
                                       "time_wait",
                                       "socket_seconds",
                                       "now",
                                       "peak",
                                       "held",
                                       "limit",
                                       "kind",
                                       "endings",
                                       "lost",
                                       "step_ns",
                                       "counters",
                                       "counter",
                                       "subject",
                                       "because",
                                       "accept_queues",
                                       "accept_delays",
                                       "both_ends_here",
                                       "client_connections",
                                       "server_connections",
                                       "client_reset_sent",
                                       "client_reset_received",
                                       "server_reset_sent",
                                       "server_reset_received",
                                       "client_process",
                                       "server_process",
                                       "only_client",
                                       "stray_resets",
                                       "left_out",
                                       "reason"})
        EXPECT_TRUE(!explain::explain(key).empty() || explain::topic_from_name(key)) << key;
}

TEST(Words, SysctlsThatGovernStates) {
    for (const std::string_view last : {"tcp_tw_reuse",
                                        "tcp_tw_reuse_delay",
                                        "tcp_tw_recycle",
                                        "tcp_fin_timeout",
                                        "tcp_max_tw_buckets",
                                        "ip_local_port_range",
                                        "ip_local_reserved_ports",
                                        "tcp_syncookies",
                                        "tcp_max_syn_backlog",
                                        "somaxconn",
                                        "tcp_keepalive_time",
                                        "tcp_keepalive_intvl",
                                        "tcp_keepalive_probes",
                                        "tcp_rfc1337",
                                        "tcp_timestamps",
                                        "tcp_orphan_retries",
                                        "tcp_max_orphans",
                                        "tcp_retries2",
                                        "tcp_syn_retries",
                                        "tcp_synack_retries",
                                        "tcp_abort_on_overflow"}) {
        const auto found = explain::explain(last);
        ASSERT_FALSE(found.empty()) << last;
        EXPECT_EQ(found[0]->topic, explain::Topic::sysctl) << last;
    }
}

TEST(Words, EachExplanationIsFitToPrint) {
    for (const explain::Explanation& e : explain::explanations()) {
        SCOPED_TRACE(std::string(name(e.topic)) + " " + std::string(e.word));
        EXPECT_FALSE(e.summary.empty());
        EXPECT_LE(e.summary.size(), 65U) << e.summary;
        EXPECT_FALSE(e.summary.ends_with('.')) << e.summary;
        EXPECT_TRUE(e.text.ends_with('.')) << e.text;
        for (const std::string_view slip : {"\n\n", "  ", " \n", "\n "})
            EXPECT_EQ(e.text.find(slip), std::string_view::npos) << slip;
        for (const char c : e.text)
            EXPECT_TRUE(c == '\n' || (c >= ' ' && c < 0x7f)) << static_cast<int>(c);
        EXPECT_FALSE(e.source.empty());
        for (const std::string_view sysctl : e.sysctls)
            EXPECT_TRUE(is_explained(sysctl, explain::Topic::sysctl)) << sysctl;
        // What is false is said in one place only: as a myth's summary.
        EXPECT_EQ(e.summary.starts_with('"'), e.topic == explain::Topic::myth) << e.summary;
    }
}

TEST(Words, NoneIsThereTwiceInATopic) {
    std::set<std::pair<explain::Topic, std::string_view>> seen;
    for (const explain::Explanation& e : explain::explanations())
        EXPECT_TRUE(seen.emplace(e.topic, e.word).second) << e.word;
}

TEST(Words, TopicsAreInTheirOrder) {
    EXPECT_TRUE(std::is_sorted(explain::explanations().begin(), explain::explanations().end(),
                               [](const explain::Explanation& a, const explain::Explanation& b) {
                                   return a.topic < b.topic;
                               }));
}

} // namespace
} // namespace tcpdwell::test
