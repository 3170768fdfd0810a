// SPDX-License-Identifier: Apache-2.0
// Findings about who closes first and what the TIME_WAIT of it does: raised where it is so, and not
// next to it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "crowd.h"
#include "findings.h"
#include "netns.h"
#include "report_case.h"
#include "support/moment.h"

namespace tcpdwell::test {

namespace {

constexpr const char* kWebPort = "127.0.0.1:8080";

Fd web_listener() { return listen_on({"127.0.0.1", 8080}); }

// A mini-socket that got its FIN late is noticed by a sweep about once a second.
void await_sweep() { pause(1500ms); }

// --- servers that close first

template <int kByServer, int kByClient>
void exchange_both_ways(const ReportSyncPoints& cues) {
    const Fd listener = web_listener();
    cues.await_tracing();
    exchange(listener, "visitor", kByServer, Side::server);
    exchange(listener, "visitor", kByClient, Side::client);
    await_sweep();
    cues.await_report();
}

TEST(FindingsOnClosing, aServerThatClosesFirst) {
    const std::vector<CaseOutcome> outcomes = perform({
        {"hasty-server", {}, exchange_both_ways<120, 20>},
        {"polite-server", {}, exchange_both_ways<0, 140>},
        {"fair-server", {}, exchange_both_ways<110, 120>}, // more than enough, but less than half
        {"idle-server", {}, exchange_both_ways<99, 0>},    // all, but too few
        {"idle-server", thresholds({"server_closes_first.connections=99"}),
         exchange_both_ways<99, 0>},
        {"fair-server", thresholds({"server_closes_first.share=0.4"}),
         exchange_both_ways<110, 120>},
    });
    const auto expect_server = [](const CaseOutcome& outcome, int first, int all) {
        expect_findings(outcome.report, {"server_closes_first"});
        expect_finding(outcome.report,
                       {.id = "server_closes_first",
                        .reported = {outcome.actor.comm, kWebPort, std::to_string(first)},
                        .evidence = {{"closed_first_local", first},
                                     {"closed_first_remote", all - first},
                                     {"time_wait_now", first},
                                     {"time_wait_peak", first}},
                        .advice = {"keep-alive"},
                        .not_advised = {"tcp_tw_reuse", "tcp_fin_timeout", "SO_LINGER"}});
    };
    expect_server(outcomes[0], 120, 140);
    for (const std::size_t quiet : {1, 2, 3}) expect_findings(outcomes[quiet].report, {});
    expect_server(outcomes[4], 99, 99);
    expect_server(outcomes[5], 110, 230);
}

// --- room for TIME_WAIT

template <int kConnections>
void fill_table_of_50(const ReportSyncPoints& cues) {
    write_sysctl("ipv4/tcp_max_tw_buckets", "50");
    const Fd listener = web_listener();
    cues.await_tracing();
    exchange(listener, "visitor", kConnections, Side::server);
    await_sweep();
    cues.await_report();
}

TEST(FindingsOnClosing, aTableOfTimeWaitsThatIsFull) {
    // What overflows has skipped its TIME_WAIT, which is a finding of its own.
    const std::vector<std::string> options =
        thresholds({"time_wait_skipped.connections=1000", "server_closes_first.connections=1000"});
    const std::vector<CaseOutcome> outcomes = perform({
        {"overflowing", options, fill_table_of_50<100>},
        {"nearly-full", options, fill_table_of_50<46>},
        {"half-full", options, fill_table_of_50<40>},
        {"nearly-empty", options, fill_table_of_50<10>},
    });
    const auto expect_full = [](const CaseOutcome& outcome, int held, int overflowed) {
        expect_findings(outcome.report, {"time_wait_table_full"});
        expect_finding(outcome.report, {.id = "time_wait_table_full",
                                        .reported = {"50"},
                                        .evidence = {{"netns", outcome.netns},
                                                     {"time_wait_now", held},
                                                     {"time_wait_peak", held},
                                                     {"limit", 50},
                                                     {"overflows", overflowed}},
                                        .advice = {"tcp_max_tw_buckets"},
                                        .not_advised = {"tcp_fin_timeout", "tcp_tw_reuse"},
                                        .has_connections = overflowed > 0});
    };
    expect_full(outcomes[0], 50, 50);
    expect_full(outcomes[1], 46, 0);
    expect_findings(outcomes[2].report, {});
    expect_findings(outcomes[3].report, {});
}

// --- TIME_WAIT that never was

template <int kByLinger, int kByUnreadData, int kWell>
void skip_time_waits(const ReportSyncPoints& cues) {
    const Fd listener = web_listener();
    cues.await_tracing();
    for (SocketPair& couple : couples_at(listener, kByLinger)) {
        abort_socket(couple.server);
        read_to_end(couple.client);
    }
    for (SocketPair& couple : couples_at(listener, kByUnreadData)) {
        send_bytes(couple.client, 10);
        await_readable(couple.server);
        couple.server.reset();
        read_to_end(couple.client);
    }
    std::vector<SocketPair> well = couples_at(listener, kWell);
    close_couples(well, Side::server);
    cues.await_report();
}

TEST(FindingsOnClosing, timeWaitsThatWereSkipped) {
    const std::vector<std::string> options = thresholds({"server_closes_first.connections=1000"});
    const std::vector<CaseOutcome> outcomes = perform({
        {"slammer", options, skip_time_waits<25, 21, 10>},
        {"careless", options, skip_time_waits<0, 20, 0>},
        {"well-behaved", options, skip_time_waits<0, 0, 60>},
        {"mostly-good", options, skip_time_waits<10, 10, 200>}, // a share of less than 0.1
        {"rarely-bad", options, skip_time_waits<10, 9, 0>},     // all, but too few
    });
    const auto expect_skipped = [](const CaseOutcome& outcome, int linger, int all) {
        expect_finding(outcome.report, {.id = "time_wait_skipped",
                                        .reported = {std::to_string(linger)},
                                        .evidence = {{"skipped", linger}, {"active_closes", all}},
                                        .advice = {"SO_LINGER"},
                                        .not_advised = {"tcp_fin_timeout", "tcp_tw_reuse"}});
    };
    const auto expect_unread = [](const CaseOutcome& outcome, int unread, int all) {
        expect_finding(outcome.report, {.id = "answered_unread",
                                        .reported = {fmt::format("{} of {}", unread, all)},
                                        .evidence = {{"count", unread}, {"all", all}},
                                        .advice = {"read to the end"},
                                        .not_advised = {"tcp_fin_timeout", "tcp_tw_reuse"}});
    };
    expect_findings(outcomes[0].report, {"answered_unread", "time_wait_skipped"});
    expect_skipped(outcomes[0], 25, 56);
    expect_unread(outcomes[0], 21, 56);
    expect_findings(outcomes[1].report, {"answered_unread"});
    expect_unread(outcomes[1], 20, 20);
    expect_findings(outcomes[2].report, {});
    expect_findings(outcomes[3].report, {});
    // Too few for a decision of the program, but many of them.
    expect_findings(outcomes[4].report, {"answered_unread", "connections_reset"});
    expect_unread(outcomes[4], 9, 19);
    expect_finding(outcomes[4].report, {.id = "connections_reset",
                                        .reported = {"10 of 19"},
                                        .evidence = {{"count", 10},
                                                     {"reset_sent", 10},
                                                     {"reset_received", 0},
                                                     {"so_linger_zero", 10}},
                                        .advice = {"SO_LINGER"},
                                        .not_advised = {"tcp_fin_timeout", "tcp_tw_reuse"}});
}

} // namespace

} // namespace tcpdwell::test
