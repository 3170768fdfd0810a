// SPDX-License-Identifier: Apache-2.0
// The order of a performance: actors, tracers, scenes, the wait for TIME_WAIT, the end.
#include "stage.h"

#include <algorithm>
#include <ctime>
#include <functional>
#include <optional>

#include "actor.h"
#include "tracer.h"

namespace tcpdwell::test {

namespace {

constexpr auto kReadyLimit = std::chrono::seconds(30);
constexpr auto kAttachLimit = std::chrono::seconds(30);
constexpr auto kSceneLimit = std::chrono::seconds(30);
constexpr auto kTellLimit = 500ms; // what has happened must have been noticed after this time
constexpr auto kLateLimit = std::chrono::seconds(25); // timers of a stalled machine; only a failure waits so long
constexpr auto kStopLimit = std::chrono::seconds(20);
constexpr int kCannotTrace = 3; // exit status of `tcpdwell check`

nanoseconds wall_minus_monotonic() {
    timespec wall{};
    clock_gettime(CLOCK_REALTIME, &wall);
    return std::chrono::seconds(wall.tv_sec) + nanoseconds(wall.tv_nsec) - monotonic_now();
}

using Company = std::vector<Actor>;

// False if not all are as `wanted` within `limit`.
bool await_all(Company& company, nanoseconds limit, const std::function<bool(const Actor&)>& wanted) {
    const nanoseconds deadline = monotonic_now() + limit;
    for (;; pause(5ms)) {
        for (Actor& actor : company) actor.listen();
        if (std::all_of(company.begin(), company.end(), wanted)) return true;
        if (monotonic_now() > deadline) return false;
    }
}

// How many connections must have ended in each namespace.
std::map<std::uint32_t, int> lines_due(const Company& company) {
    std::map<std::uint32_t, int> due;
    for (const Actor& actor : company) {
        if (!actor.done()) continue;
        const Report report = actor.report();
        for (const Expected& expected : report.connections)
            if (!stays_open(expected)) due[report.netns] += expected.count;
    }
    return due;
}

// Waits until the tracer has told of all connections that must have ended, or until `limit`.
void await_lines(Tracer& tracer, std::map<std::uint32_t, int> due, nanoseconds limit) {
    const nanoseconds deadline = monotonic_now() + limit;
    std::size_t counted = 0;
    for (; monotonic_now() < deadline; pause(100ms)) {
        tracer.read_more();
        for (; counted < tracer.lines().size(); ++counted) {
            const nlohmann::json& line = tracer.lines()[counted];
            if (line.value("type", "") != "connection") continue;
            if (const auto entry = due.find(line.value("netns", 0U)); entry != due.end()) --entry->second;
        }
        if (std::all_of(due.begin(), due.end(), [](const auto& entry) { return entry.second <= 0; })) return;
    }
}

void take_lines(Play& play, const Tracer& tracer) {
    for (const nlohmann::json& line : tracer.lines()) {
        const std::string type = line.value("type", "");
        try {
            if (type == "connection") play.connections.push_back(parse_connection(line));
            if (type == "transition") play.transitions.push_back(parse_transition(line));
            if (type == "lost") play.losses.push_back(line.dump());
        } catch (const std::exception& wrong) {
            play.problems.push_back(std::string(wrong.what()) + " in " + line.dump());
        }
    }
}

void stop(Play& play, Tracer& tracer, const std::string& which) {
    const int status = tracer.interrupt(kStopLimit);
    if (status != 0) play.problems.push_back(which + " ended with status " + std::to_string(status));
    if (const std::string said = tracer.complaints(); status != 0 && !said.empty())
        play.problems.push_back(which + " said: " + said);
    take_lines(play, tracer);
}

void run(Play& play, Company& company, Cues& cues) {
    if (!await_all(company, kReadyLimit, [](const Actor& actor) { return actor.ready(); }))
        play.problems.push_back("not all scenarios got ready before tracing");
    Tracer connections({"trace", "--connections", "--idle", "--strict", "--format", "jsonl"});
    Tracer transitions({"trace", "--strict", "--format", "jsonl"});
    if (!connections.await_first_line(kAttachLimit))
        play.problems.push_back("trace --connections didn't start: " + connections.complaints());
    else if (!transitions.await_first_line(kAttachLimit))
        play.problems.push_back("trace didn't start: " + transitions.complaints());
    if (!play.problems.empty()) return;

    play.wall_offset = wall_minus_monotonic();
    cues.tracing.give();
    await_all(company, kSceneLimit,
              [](const Actor& actor) { return actor.done() || actor.scenario().phase == Phase::late; });
    await_lines(connections, lines_due(company), two_msl().max + kLateLimit);
    cues.finale.give();
    await_all(company, kSceneLimit, [](const Actor& actor) { return actor.done(); });
    await_lines(connections, lines_due(company), std::chrono::seconds(2));
    pause(kTellLimit);
    stop(play, connections, "trace --connections");
    stop(play, transitions, "trace");
}

} // namespace

Play perform(std::span<const Scenario> scenarios) {
    Play play;
    std::string output;
    if (run_tcpdwell({"check"}, std::chrono::seconds(30), output) == kCannotTrace) {
        play.skipped = output;
        return play;
    }
    Cues cues;
    Company company;
    company.reserve(scenarios.size());
    for (const Scenario& scenario : scenarios) company.emplace_back(scenario, cues);
    run(play, company, cues);
    for (const Actor& actor : company) play.reports[actor.scenario().name] = actor.report();
    cues.curtain.give();
    return play;
}

} // namespace tcpdwell::test
