// SPDX-License-Identifier: Apache-2.0
// The section on RSTs that belong to no connection.
#include "analysis/stray_resets.h"

#include <gtest/gtest.h>

#include "lines.h"
#include "report_access.h"
#include "tracked_report.h"

namespace tcpdwell::test {
namespace {

tcp::FourTuple stray_tuple(const char* peer, tcp::Port local, tcp::Port remote) {
    return {{*tcp::IpAddress::parse("10.0.0.1"), local},
            {*tcp::IpAddress::parse(peer), remote},
            tcp::Family::ipv4};
}

void stray_reset(TrackedReport& run, const tcp::FourTuple& tuple, std::uint32_t left_out = 0,
                 td_reset_reason reason = TD_REASON_NO_SOCKET) {
    run.feed(event::StrayReset{at(1s), kNetns, tuple, reason, left_out}, at(1s));
}

TEST(StrayResetAnalysis, counts_by_peer_and_port_of_the_service) {
    TrackedReport run;
    for (const int client : {40000, 40001, 40002})
        stray_reset(run, stray_tuple("10.0.0.2", 443, static_cast<tcp::Port>(client)));
    stray_reset(run, stray_tuple("10.0.0.3", 50000, 5432), 0, TD_REASON_UNKNOWN);
    const report::Report report = run.report();
    const auto& table = section<report::Table>(report, "stray_resets");
    ASSERT_EQ(table.rows.size(), 2u);
    EXPECT_EQ(number(cell(table, 0, "count")), 3);
    const auto local = std::get<report::EndpointValue>(cell(table, 0, "local"));
    const auto remote = std::get<report::EndpointValue>(cell(table, 0, "remote"));
    EXPECT_EQ(local.endpoint.port, 443);
    EXPECT_EQ(remote.endpoint.port, 0); // there are several
    EXPECT_EQ(remote.endpoint.address, *tcp::IpAddress::parse("10.0.0.2"));
    EXPECT_EQ(std::get<std::string_view>(cell(table, 0, "reason")), "no_socket");
    EXPECT_EQ(number(cell(table, 1, "count")), 1);
    EXPECT_EQ(std::get<report::EndpointValue>(cell(table, 1, "local")).endpoint.port, 0);
    EXPECT_EQ(std::get<report::EndpointValue>(cell(table, 1, "remote")).endpoint.port, 5432);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(cell(table, 1, "reason")));
}

TEST(StrayResetAnalysis, those_that_were_left_out_have_a_row_without_addresses) {
    TrackedReport run;
    stray_reset(run, stray_tuple("10.0.0.2", 443, 40000));
    stray_reset(run, stray_tuple("10.0.0.2", 443, 40000), 31);
    stray_reset(run, stray_tuple("10.0.0.2", 443, 40000), 63);
    const report::Report report = run.report();
    const auto& table = section<report::Table>(report, "stray_resets");
    ASSERT_EQ(table.rows.size(), 2u);
    EXPECT_EQ(number(cell(table, 0, "count")), 3);
    EXPECT_EQ(number(cell(table, 1, "count")), 94);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(cell(table, 1, "remote")));
}

TEST(StrayResetAnalysis, an_interval_has_its_own) {
    TrackedReport run;
    stray_reset(run, stray_tuple("10.0.0.2", 443, 40000), 5);
    EXPECT_NE(run.interval().find("stray_resets"), nullptr);
    EXPECT_EQ(run.interval().find("stray_resets"), nullptr);
}

TEST(StrayResetAnalysis, what_a_recording_claims_takes_no_more_memory_than_that) {
    TrackedReport run;
    const std::size_t most = analysis::StrayResetAnalysis::kMostRows;
    for (std::size_t i = 0; i < most + 10; ++i)
        stray_reset(run, stray_tuple("10.0.0.2", static_cast<tcp::Port>(i + 1), 40000));
    const report::Report report = run.report();
    const auto& table = section<report::Table>(report, "stray_resets");
    ASSERT_EQ(table.rows.size(), most + 1);
    EXPECT_EQ(number(cell(table, most, "count")), 10);
}

} // namespace
} // namespace tcpdwell::test
