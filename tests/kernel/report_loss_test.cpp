// SPDX-License-Identifier: Apache-2.0
// A report of a tracer that couldn't keep up says so first of all.
#include <gtest/gtest.h>
#include <signal.h>

#include "crowd.h"
#include "findings.h"
#include "netns.h"
#include "report_run.h"
#include "support/moment.h"
#include "support/program.h"

namespace tcpdwell::test {

namespace {

// So many that the smallest buffer can't take a tenth of their events; and so few that it takes
// all.
constexpr int kTooMany = 600;
constexpr int kFew = 12;

class ReportLoss : public ::testing::Test {
protected:
    void SetUp() override {
        allow_many_descriptors();
        enter_new_netns();
    }

    // While the tracer is stopped.
    static void overwhelm(ReportRun& run, int connections) {
        kill(run.program().pid(), SIGSTOP);
        std::vector<SocketPair> couples = couples_at(listen_on({"127.0.0.1", 0}), connections);
        close_couples(couples, Side::client);
        kill(run.program().pid(), SIGCONT);
        pause(1s);
    }

    static std::vector<std::string> small_buffer(std::vector<std::string> options = {}) {
        options.insert(options.end(),
                       {"--buffer-size", "64K", "--netns", std::to_string(current_netns())});
        return options;
    }
};

TEST_F(ReportLoss, isAFinding) {
    ReportRun run(small_buffer());
    run.await_tracing();
    overwhelm(run, kTooMany);
    run.interrupt();
    const nlohmann::json report = run.only_report();
    const std::int64_t lost = report.at("quality").at("lost");
    EXPECT_GT(lost, 0);
    expect_finding(report, {.id = "events_lost",
                            .reported = {std::to_string(lost)},
                            .evidence = {{"events", lost}},
                            .advice = {"--buffer-size"},
                            .not_advised = {},
                            .has_connections = false});
    // What is known of each connection is still no more than there was.
    EXPECT_LE(report.at("quality").at("connections"), 2 * kTooMany);
    EXPECT_NE(run.program().said().find("events were lost"), std::string::npos)
        << run.program().said();
}

TEST_F(ReportLoss, isAFailureIfStrict) {
    ReportRun run(small_buffer({"--strict"}));
    run.await_tracing();
    overwhelm(run, kTooMany);
    run.interrupt();
    EXPECT_EQ(run.wait(), 4) << run.program().said();
    ASSERT_EQ(run.reports().size(), 1U);
    EXPECT_GT(run.reports().front().at("quality").at("lost"), 0);
}

TEST_F(ReportLoss, isNoFindingWhereThereIsNone) {
    ReportRun run(small_buffer({"--strict"}));
    run.await_tracing();
    overwhelm(run, kFew);
    run.interrupt();
    const nlohmann::json report = run.only_report();
    EXPECT_EQ(report.at("quality").at("lost"), 0);
    EXPECT_EQ(report.at("quality").at("connections"), 2 * kFew);
    expect_findings(report, {});
}

} // namespace

} // namespace tcpdwell::test
