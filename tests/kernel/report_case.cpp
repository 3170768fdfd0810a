// SPDX-License-Identifier: Apache-2.0
// The actors are processes, the reports too; both wait for each other in turn.
#include "report_case.h"

#include <sys/stat.h>

#include <cstdio>
#include <exception>
#include <memory>

#include "child.h"
#include "netns.h"
#include "report_run.h"
#include "sockets.h"

namespace tcpdwell::test {

namespace {

std::uint32_t netns_of(int pid) {
    struct stat status {};
    check(stat(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), &status), "stat ns/net");
    return static_cast<std::uint32_t>(status.st_ino);
}

// In the actor's process.
void enter_and_act(const ReportCase& play, const Child::Script& script) {
    const auto turn = [&] { script.report_done(), script.await_order(); };
    try {
        enter_new_netns();
        // On a busy machine a tail loss probe repeats a FIN that has arrived. The TIME_WAIT
        // acknowledges it once more, and is killed by the RST of a peer that is no more.
        write_sysctl("ipv4/tcp_early_retrans", "0");
        play.act(ReportSyncPoints(turn, turn));
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s: %s\n", play.comm, failure.what());
        throw;
    }
}

struct ScenarioEnvironment {
    explicit ScenarioEnvironment(const ReportCase& play)
        : actor(play.comm, [&play](const Child::Script& script) { enter_and_act(play, script); }) {}

    Child actor;
    std::uint32_t netns = 0;
    std::unique_ptr<ReportRun> run;
};

} // namespace

std::vector<CaseOutcome> perform(const std::vector<ReportCase>& cases) {
    std::vector<std::unique_ptr<ScenarioEnvironment>> performances;
    for (const ReportCase& play : cases)
        performances.push_back(std::make_unique<ScenarioEnvironment>(play));
    for (std::size_t i = 0; i < cases.size(); ++i) {
        ScenarioEnvironment& each = *performances[i];
        each.actor.await_done();
        each.netns = netns_of(each.actor.task().pid);
        std::vector<std::string> words{"--netns", std::to_string(each.netns)};
        words.insert(words.end(), cases[i].options.begin(), cases[i].options.end());
        each.run = std::make_unique<ReportRun>(words);
    }
    for (const auto& each : performances) each->run->await_tracing();
    for (const auto& each : performances) each->actor.order();
    for (const auto& each : performances) each->actor.await_done();
    for (const auto& each : performances) each->run->interrupt();
    std::vector<CaseOutcome> outcomes;
    for (const auto& each : performances)
        outcomes.push_back({each->run->only_report(), each->actor.task(), each->netns});
    return outcomes;
}

std::vector<std::string> thresholds(std::initializer_list<const char*> settings) {
    std::vector<std::string> words;
    for (const char* setting : settings) words.insert(words.end(), {"--threshold", setting});
    return words;
}

} // namespace tcpdwell::test
