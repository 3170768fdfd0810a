// SPDX-License-Identifier: Apache-2.0
// Live scenarios whose truth is known by construction: performs all of them once under two tracers,
// then holds the lines against what each scenario knows. Needs root, and TCPDWELL=path of the
// binary.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>

#include "catalog.h"
#include "judge.h"
#include "stage.h"
#include "support/program.h"
#include "tracer.h"
#include "tracing_allowed.h"

namespace tcpdwell::test {

namespace {

ScenarioRun the_run;

// Performs the scenarios whose tests were selected.
class ScenarioEnvironment : public ::testing::Environment {
public:
    void SetUp() override {
        if (tcpdwell_path().empty()) {
            the_run.problems.push_back("the environment variable TCPDWELL doesn't name the binary");
            return;
        }
        std::vector<Scenario> selected;
        for (const Scenario& scenario : all_scenarios())
            if (is_selected(scenario.name)) selected.push_back(scenario);
        the_run = perform(selected);
    }

private:
    static bool is_selected(const std::string& name) {
        const auto& unit = *::testing::UnitTest::GetInstance();
        for (int i = 0; i < unit.total_test_suite_count(); ++i) {
            const auto& suite = *unit.GetTestSuite(i);
            for (int j = 0; j < suite.total_test_count(); ++j)
                if (suite.name() == std::string("Scenario") && suite.GetTestInfo(j)->name() == name)
                    return suite.GetTestInfo(j)->should_run();
        }
        return false;
    }
};

class ScenarioRunTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (the_run.skipped.empty()) return;
        if (is_tracing_allowed())
            FAIL() << "tracing programs load here, but tcpdwell refuses: " << the_run.skipped;
        if (!may_be_missing()) FAIL() << "this host can't be traced: " << the_run.skipped;
        GTEST_SKIP() << "this host can't be traced: " << the_run.skipped;
    }
};

std::vector<const ConnectionLine*> lines_of(std::uint32_t netns) {
    std::vector<const ConnectionLine*> lines;
    for (const ConnectionLine& line : the_run.connections)
        if (line.who.netns == netns) lines.push_back(&line);
    std::stable_sort(
        lines.begin(), lines.end(), [](const ConnectionLine* a, const ConnectionLine* b) {
            return a->opened.value_or(nanoseconds(0)) < b->opened.value_or(nanoseconds(0));
        });
    return lines;
}

constexpr int kMessages = 5; // enough of the same

void judge(const Expected& expected, const std::vector<const ConnectionLine*>& lines) {
    std::vector<const ConnectionLine*> matching;
    std::copy_if(lines.begin(), lines.end(), std::back_inserter(matching),
                 [&](const ConnectionLine* line) { return is_about(expected.end, line->who); });
    if (expected.turn >= 0) {
        ASSERT_GT(matching.size(), static_cast<std::size_t>(expected.turn))
            << expected.what << ": no line";
        matching = {matching[static_cast<std::size_t>(expected.turn)]};
    }
    EXPECT_EQ(matching.size(), static_cast<std::size_t>(expected.count))
        << expected.what << ": so many lines";
    int messages = 0;
    for (const ConnectionLine* line : matching)
        for (const std::string& difference : differences(expected, *line, the_run.host))
            if (messages++ < kMessages)
                ADD_FAILURE() << expected.what << ": " << difference << "\n  in " << line->text;
}

void judge(const ExpectedListener& expected, std::uint32_t netns) {
    int found = 0;
    for (const TransitionLine& line : the_run.transitions) {
        if (line.who.netns != netns || line.who.local != expected.local || line.from != "LISTEN" ||
            line.to != "CLOSE")
            continue;
        ++found;
        EXPECT_EQ(line.dwell.has_value(), expected.dwell.may_be_known) << "dwell of LISTEN";
        EXPECT_TRUE(!line.dwell ||
                    (*line.dwell >= expected.dwell.min && *line.dwell <= expected.dwell.max))
            << "LISTEN lasted " << line.dwell->count() << " ns";
    }
    EXPECT_EQ(found, 1) << "transitions from LISTEN to CLOSE at port " << expected.local.port;
}

class ScenarioTest : public ScenarioRunTest {
public:
    explicit ScenarioTest(const Scenario& scenario) : scenario_(scenario) {}

    void TestBody() override {
        const auto entry = the_run.reports.find(scenario_.name);
        ASSERT_NE(entry, the_run.reports.end()) << "wasn't performed";
        const Report& report = entry->second;
        if (!report.skipped.empty()) GTEST_SKIP() << report.skipped;
        for (const std::string& problem : report.problems)
            ADD_FAILURE() << "the scenario itself: " << problem;
        const auto lines = lines_of(report.netns);
        std::size_t expected_lines = 0;
        for (const Expected& expected : report.connections) {
            judge(expected, lines);
            expected_lines += static_cast<std::size_t>(expected.count);
        }
        for (const ExpectedListener& expected : report.listeners) judge(expected, report.netns);
        std::string all;
        for (std::size_t i = 0; i < std::min<std::size_t>(lines.size(), 10); ++i)
            all += "\n  " + lines[i]->text;
        EXPECT_EQ(lines.size(), expected_lines) << "connections in the namespace:" << all;
    }

private:
    Scenario scenario_;
};

// The judgement of many lines: at most kMessages failures, then their number.
class FailureLimit {
public:
    ~FailureLimit() { EXPECT_LE(failures_, kMessages) << "contradictions in all"; }
    void add(const Contradictions& contradictions, const std::string& where) {
        for (const std::string& contradiction : contradictions)
            if (failures_++ < kMessages) ADD_FAILURE() << contradiction << "\n  in " << where;
    }

private:
    int failures_ = 0;
};

bool is_ours(std::uint32_t netns) {
    return std::any_of(the_run.reports.begin(), the_run.reports.end(),
                       [&](const auto& entry) { return entry.second.netns == netns; });
}

std::string text(const Chain& chain) {
    std::string result = ends_text(chain.back()->who);
    for (const TransitionLine* line : chain)
        result += "\n    " + line->from + " -> " + line->to + ", dwell " +
                  (line->dwell ? std::to_string(line->dwell->count()) : "null");
    return result;
}

// Our cgroup's path in the v2 hierarchy; nullopt if that isn't mounted.
std::optional<std::string> own_cgroup() {
    std::ifstream mounts("/proc/self/mounts");
    bool mounted = false;
    for (std::string line; std::getline(mounts, line);)
        mounted |= line.find(" cgroup2 ") != std::string::npos;
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; mounted && std::getline(groups, line);)
        if (line.starts_with("0::")) return line.substr(3);
    return std::nullopt;
}

using Tracers = ScenarioRunTest;
using Lines = ScenarioRunTest;

TEST_F(Tracers, RunWithoutProblems) {
    FailureLimit verdict;
    for (const std::string& problem : the_run.problems)
        verdict.add({problem}, "the tracers' output");
}

TEST_F(Tracers, LoseNothing) {
    for (const std::string& loss : the_run.losses) ADD_FAILURE() << loss;
}

// Each tracer has recorded what it saw: read again with the same options, it gives the same bytes.
TEST_F(Tracers, ReplayTheSame) {
    EXPECT_EQ(the_run.replayed, 3);
    for (const std::string& difference : the_run.replays) ADD_FAILURE() << difference;
}

TEST_F(Lines, ConnectionsDontContradictThemselves) {
    ASSERT_FALSE(the_run.connections.empty());
    FailureLimit verdict;
    for (const ConnectionLine& line : the_run.connections)
        verdict.add(contradictions_in(line), line.text);
}

TEST_F(Lines, TransitionsFormChains) {
    ASSERT_FALSE(the_run.transitions.empty());
    FailureLimit verdict;
    const Chains chains(the_run.transitions);
    for (const auto& [conn, chain] : chains.all())
        verdict.add(contradictions_in(chain), text(chain));
}

TEST_F(Lines, TransitionsAndConnectionsAgree) {
    FailureLimit verdict;
    const Chains chains(the_run.transitions);
    for (const ConnectionLine& line : the_run.connections) {
        if (!is_ours(line.who.netns)) continue;
        const Chain* chain = chains.find(line);
        // What never moved while tracing was on has a line, but no transition.
        if (chain == nullptr && line.seen == "joined" && !line.closed) continue;
        // A connect() that waits for its answer had no local port yet when its only transition was
        // printed.
        if (chain == nullptr && line.states.size() == 1 && line.states.front().state == "SYN_SENT")
            continue;
        if (chain == nullptr)
            verdict.add({"no transitions"}, line.text);
        else
            verdict.add(contradictions_between(line, *chain),
                        line.text + "\n  and " + text(*chain));
    }
}

// All scenarios run where the test itself runs.
TEST_F(Lines, CgroupsAreOurs) {
    const std::optional<std::string> own = own_cgroup();
    if (!own) GTEST_SKIP() << "no cgroup v2 is mounted here";
    FailureLimit verdict;
    for (const ConnectionLine& line : the_run.connections)
        if (is_ours(line.who.netns) && line.seen == "whole" && line.who.cgroup != own)
            verdict.add({"cgroup is " + line.who.cgroup.value_or("null") + ", not " + *own},
                        line.text);
}

TEST_F(Lines, BothEndsAgree) {
    std::map<std::string, std::vector<const ConnectionLine*>> servers;
    for (const ConnectionLine& line : the_run.connections)
        if (is_ours(line.who.netns) && line.who.role == "server")
            servers[ends_text(line.who)].push_back(&line);
    FailureLimit verdict;
    int pairs = 0;
    for (const ConnectionLine& client : the_run.connections) {
        const auto entry = servers.find(other_ends_text(client.who, "server"));
        if (entry == servers.end() || client.who.role != "client" || !client.opened) continue;
        for (const ConnectionLine* server : entry->second) {
            // The same ports may be used again: the server is born while its client is in SYN_SENT.
            const nanoseconds syn_sent = client.states.front().dwell.value_or(0ns);
            if (!server->opened || *server->opened < *client.opened ||
                *server->opened > *client.opened + syn_sent)
                continue;
            ++pairs;
            verdict.add(contradictions_between(client, *server),
                        client.text + "\n  and " + server->text);
        }
    }
    EXPECT_GT(pairs, 0);
}

} // namespace

} // namespace tcpdwell::test

int main(int argc, char** argv) {
    using namespace tcpdwell::test;
    // Before InitGoogleTest(), so that --gtest_filter knows them.
    for (const Scenario& scenario : all_scenarios())
        ::testing::RegisterTest(
            "Scenario", scenario.name, nullptr, nullptr, __FILE__, __LINE__,
            [scenario]() -> ScenarioRunTest* { return new ScenarioTest(scenario); });
    ::testing::InitGoogleTest(&argc, argv);
    ::testing::AddGlobalTestEnvironment(new ScenarioEnvironment);
    return RUN_ALL_TESTS();
}
