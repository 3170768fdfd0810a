// SPDX-License-Identifier: Apache-2.0
// `report` as a process: what ends it, what its status is, where it writes, and what it says
// meanwhile.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "crowd.h"
#include "netns.h"
#include "process_facts.h"
#include "report_run.h"
#include "support/moment.h"
#include "support/program.h"
#include "support/temporary_folder.h"
#include "tracer.h"

namespace tcpdwell::test {

namespace {

constexpr auto kPatience = std::chrono::seconds(60);
using nlohmann::json;

std::string here() { return std::to_string(current_netns()); }

class ReportProcess : public ::testing::Test {
protected:
    void SetUp() override { enter_new_netns(); }

    // Connections that the clients close; the servers' ends are gone, the clients' are in
    // TIME_WAIT.
    static void make_connections(int count) {
        const Fd listener = listen_on({"127.0.0.1", 0});
        std::vector<SocketPair> couples = couples_at(listener, count);
        close_couples(couples, Side::client);
    }

    static void expect_connections(const json& report, int count) {
        EXPECT_EQ(report.at("quality").at("connections"), 2 * count) << report.at("quality").dump();
        EXPECT_EQ(report.at("quality").at("ended"), count) << report.at("quality").dump();
    }
};

// --- ends

TEST_F(ReportProcess, signalsEndItWithAReport) {
    for (const int signal : {SIGINT, SIGTERM}) {
        enter_new_netns(); // without the TIME_WAITs of before
        ReportRun run({"--netns", here()});
        run.await_tracing();
        make_connections(5);
        EXPECT_EQ(run.program().stop(signal, kPatience), 0) << run.program().said();
        expect_connections(run.only_report(), 5);
    }
}

TEST_F(ReportProcess, aDurationEndsItWithAReport) {
    const nanoseconds begun = monotonic_now();
    ReportRun run({"--netns", here(), "-d", "2s"});
    run.await_tracing();
    make_connections(5);
    const json report = run.only_report();
    const nanoseconds took = monotonic_now() - begun;
    expect_connections(report, 5);
    const nanoseconds reported(report.at("meta").at("duration_ns"));
    EXPECT_GE(reported, 2s);
    EXPECT_LE(reported, took);
    EXPECT_EQ(parse_time(report.at("meta").at("end")) - parse_time(report.at("meta").at("begin")),
              reported);
    EXPECT_EQ(report.at("meta").at("interval"), false);
}

TEST_F(ReportProcess, aCommandsStatusIsItsOwn) {
    const auto status = [](const std::vector<std::string>& command) {
        std::vector<std::string> words{"--netns", here(), "--"};
        words.insert(words.end(), command.begin(), command.end());
        ReportRun run(words);
        const int result = run.wait();
        EXPECT_EQ(run.reports().size(), 1U) << run.program().said();
        return result;
    };
    EXPECT_EQ(status({"true"}), 0);
    EXPECT_EQ(status({"false"}), 1);
    EXPECT_EQ(status({"sh", "-c", "exit 7"}), 7);
    ReportRun run({"--netns", here(), "--", "no-such-command-anywhere"});
    EXPECT_EQ(run.wait(), 127);
}

TEST_F(ReportProcess, aCommandIsInTheReportFromItsFirstConnectionToItsLast) {
    const Fd listener = listen_on({"127.0.0.1", 8080});
    const json report = report_on(
        {"--netns", here()},
        {"bash", "-c", "for i in 1 2 3 4 5; do exec 3<>/dev/tcp/127.0.0.1/8080; exec 3>&-; done"});
    EXPECT_EQ(report.at("quality").at("connections"), 10) << report.at("quality").dump();
    std::map<std::string, int> clients;
    for (const json& row : report.at("services"))
        if (row.at("role") == "client")
            clients[row.at("process").at("comm")] += row.at("connections").get<int>();
    EXPECT_EQ(clients, (std::map<std::string, int>{{"bash", 5}}));
}

// --- intervals

using Counts = std::map<std::string, std::int64_t>;

Counts edges_of(const json& report) {
    Counts counts;
    for (const json& edge : report.at("transitions"))
        counts[edge.at("from").get<std::string>() + " " + edge.at("to").get<std::string>()] +=
            edge.at("count").get<std::int64_t>();
    return counts;
}

Counts samples_of(const json& report) {
    Counts counts;
    for (const auto& [state, dwell] : report.at("states").items())
        if (dwell.at("count") > 0) counts[state] += dwell.at("count").get<std::int64_t>();
    return counts;
}

Counts ends_of(const json& report) {
    return {{"ended", report.at("quality").at("ended")},
            {"transitions", report.at("quality").at("transitions")}};
}

Counts added(const std::vector<json>& reports, Counts (*counts_of)(const json&)) {
    Counts sum;
    for (const json& report : reports)
        for (const auto& [name, count] : counts_of(report)) sum[name] += count;
    return sum;
}

TEST_F(ReportProcess, intervalsAddUpToTheWhole) {
    ReportRun whole({"--netns", here()});
    ReportRun parts({"--netns", here(), "-i", "1s"});
    whole.await_tracing();
    parts.await_tracing();
    constexpr int kBursts = 5;
    for (int burst = 0; burst < kBursts; ++burst) {
        make_connections(4);
        pause(700ms);
    }
    parts.interrupt();
    whole.interrupt();
    ASSERT_EQ(parts.wait(), 0) << parts.program().said();
    const json total = whole.only_report();
    const std::vector<json> reports = parts.reports();
    EXPECT_GE(reports.size(), 3U);
    EXPECT_LE(reports.size(), 8U);
    expect_connections(total, 4 * kBursts);
    EXPECT_EQ(added(reports, edges_of), edges_of(total));
    EXPECT_EQ(added(reports, samples_of), samples_of(total));
    EXPECT_EQ(added(reports, ends_of), ends_of(total));
    EXPECT_EQ(reports.back().at("quality").at("open"), total.at("quality").at("open"));
    for (std::size_t i = 0; i < reports.size(); ++i) {
        const json& meta = reports[i].at("meta");
        EXPECT_EQ(meta.at("interval"), true);
        const nanoseconds length = parse_time(meta.at("end")) - parse_time(meta.at("begin"));
        EXPECT_EQ(length, nanoseconds(meta.at("duration_ns")));
        if (i > 0) {
            EXPECT_EQ(meta.at("begin"), reports[i - 1].at("meta").at("end"));
        }
        // It looks at the clock each time it has drained the buffer.
        if (i + 1 < reports.size()) {
            EXPECT_GT(length, 900ms);
            EXPECT_LT(length, 1300ms);
        }
    }
}

// --- what it writes, and where

TEST_F(ReportProcess, aReaderWhoLeftEndsItWell) {
    std::array<int, 2> ends{};
    check(pipe2(ends.data(), O_CLOEXEC), "pipe2");
    Fd reader(ends[0]);
    Fd writer(ends[1]);
    ReportRun run({"--netns", here(), "-i", "300ms"}, Program::Setting{.out = writer.get()});
    writer.reset();
    run.await_tracing();
    reader.reset();
    EXPECT_EQ(run.wait(), 0) << run.program().said();
}

TEST_F(ReportProcess, aFullDiskIsAFailure) {
    const Fd full(check(open("/dev/full", O_WRONLY | O_CLOEXEC), "open /dev/full"));
    ReportRun run({"--netns", here(), "-d", "300ms"}, Program::Setting{.out = full.get()});
    EXPECT_EQ(run.wait(), 1);
    EXPECT_NE(run.program().said().find("No space left on device"), std::string::npos)
        << run.program().said();
}

TEST_F(ReportProcess, writesAPage) {
    const TemporaryFolder folder;
    const std::string page = folder.path() / "report.html";
    ReportRun run({"--netns", here(), "--html", page});
    run.await_tracing();
    make_connections(5);
    run.interrupt();
    ASSERT_EQ(run.wait(), 0) << run.program().said();
    std::string html = read_file(page);
    std::transform(
        html.begin(),
        html.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(html.size(), 20)),
        html.begin(), [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    EXPECT_EQ(html.rfind("<!doctype html>", 0), 0U) << html.substr(0, 200);
    EXPECT_NE(html.find("TIME_WAIT"), std::string::npos);
    EXPECT_NE(html.find("</html>"), std::string::npos);
}

TEST_F(ReportProcess, aPageThatCantBeWrittenIsRefusedBeforeAnythingIsTraced) {
    const TemporaryFolder folder;
    const std::string file = folder.path() / "precious";
    std::ofstream(file) << "old";
    for (const std::string& bad :
         {file + "/report.html", folder.path().string(), std::string("/no/such/folder/r.html")}) {
        ReportRun run({"--netns", here(), "--html", bad});
        const int status = run.program().wait(kPatience);
        EXPECT_TRUE(status == 1 || status == 2) << status;
        const std::string said = run.program().said();
        EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
        EXPECT_NE(said.find(bad), std::string::npos) << said;
        EXPECT_EQ(said.find("tracing"), std::string::npos) << said;
        EXPECT_EQ(run.program().printed(), "");
    }
    EXPECT_EQ(read_file(file), "old");
}

// A page of before stays whole until there is a new one.
TEST_F(ReportProcess, anOldPageSurvivesARunThatIsKilled) {
    const TemporaryFolder folder;
    const std::string page = folder.path() / "report.html";
    std::ofstream(page) << "old";
    ReportRun run({"--netns", here(), "--force", "--html", page});
    run.await_tracing();
    run.program().stop(SIGKILL, kPatience);
    EXPECT_EQ(read_file(page), "old");
}

TEST_F(ReportProcess, showsProgressOnATerminalOnly) {
    const std::string command = tcpdwell_path() + " report --netns " + here() + " -d 1500ms";
    Program on_terminal({"script", "-qec", command, "/dev/null"});
    Program plain({"sh", "-c", command});
    EXPECT_EQ(on_terminal.wait(kPatience), 0) << on_terminal.printed();
    EXPECT_EQ(plain.wait(kPatience), 0) << plain.said();
    // A line that is written over: a return of the carriage that begins no new line.
    const auto writes_over = [](const std::string& text) {
        for (std::size_t at = 0; (at = text.find('\r', at)) != std::string::npos; ++at)
            if (text.compare(at, 2, "\r\n") != 0 && text.compare(at, 3, "\r\r\n") != 0) return true;
        return text.find("\x1b[") != std::string::npos && text.find("\x1b[K") != std::string::npos;
    };
    EXPECT_TRUE(writes_over(on_terminal.printed())) << on_terminal.printed();
    EXPECT_FALSE(writes_over(plain.said())) << plain.said();
    EXPECT_EQ(plain.printed().find('\r'), std::string::npos);
}

// --- refusals

TEST_F(ReportProcess, badUsageIsReportedAtOnce) {
    const std::vector<std::vector<std::string>> bad{{"--threshold", "no_such_finding.age=1s"},
                                                    {"--threshold", "close_wait_leak.age=soon"},
                                                    {"--threshold", "close_wait_leak.age=-1s"},
                                                    {"--threshold", "close_wait_leak.age"},
                                                    {"--by", "moon"},
                                                    {"-i", "0"},
                                                    {"-d", "-1"},
                                                    {"--format", "csv"}};
    for (const std::vector<std::string>& arguments : bad) {
        ReportRun run(arguments);
        EXPECT_EQ(run.program().wait(kPatience), 2) << json(arguments);
        EXPECT_EQ(run.program().said().find("tracing;"), std::string::npos) << json(arguments);
        EXPECT_FALSE(run.program().said().empty()) << json(arguments);
        EXPECT_EQ(run.program().printed(), "") << json(arguments);
    }
}

TEST_F(ReportProcess, nobodyHasTooFewRightsAndSaysSo) {
    // It need not lie where everybody may go.
    const Fd binary(check(open(tcpdwell_path().c_str(), O_RDONLY | O_CLOEXEC), "open tcpdwell"));
    Program report({"tcpdwell", "report"},
                   {.before_exec =
                        [] {
                            constexpr unsigned kNobody = 65534;
                            if (setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(126);
                        },
                    .executable = binary.get()});
    EXPECT_EQ(report.wait(kPatience), 3);
    EXPECT_EQ(report.printed(), "");
    const std::string said = report.said();
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    EXPECT_EQ(said.rfind("tcpdwell: ", 0), 0U) << said;
}

} // namespace

} // namespace tcpdwell::test
