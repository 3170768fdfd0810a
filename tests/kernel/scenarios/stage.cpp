// SPDX-License-Identifier: Apache-2.0
// The order of a performance: actors, tracers, scenes, the wait for TIME_WAIT, the end.
#include "stage.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <regex>

#include "scenario_process.h"
#include "support/program.h"
#include "support/temporary_folder.h"
#include "tracer.h"

namespace tcpdwell::test {

namespace {

constexpr auto kReadyLimit = std::chrono::seconds(30);
constexpr auto kAttachLimit = std::chrono::seconds(30);
constexpr auto kSceneLimit = std::chrono::seconds(30);
constexpr auto kTellLimit = 500ms; // what has happened must have been noticed after this time
constexpr auto kLateLimit =
    std::chrono::seconds(25); // timers of a stalled machine; only a failure waits so long
constexpr auto kStopLimit = std::chrono::seconds(20);
constexpr auto kReplayLimit = std::chrono::seconds(30);
constexpr int kCannotTrace = 3; // exit status of `tcpdwell check`

nanoseconds wall_minus_monotonic() {
    timespec wall{};
    clock_gettime(CLOCK_REALTIME, &wall);
    return std::chrono::seconds(wall.tv_sec) + nanoseconds(wall.tv_nsec) - monotonic_now();
}

using Company = std::vector<ScenarioProcess>;

// False if not all are as `wanted` within `limit`.
bool await_all(Company& company, nanoseconds limit,
               const std::function<bool(const ScenarioProcess&)>& wanted) {
    const nanoseconds deadline = monotonic_now() + patience(limit);
    for (;; pause(5ms)) {
        for (ScenarioProcess& actor : company) actor.listen();
        if (std::all_of(company.begin(), company.end(), wanted)) return true;
        if (monotonic_now() > deadline) return false;
    }
}

// How many connections must have ended in each namespace.
std::map<std::uint32_t, int> lines_due(const Company& company) {
    std::map<std::uint32_t, int> due;
    for (const ScenarioProcess& actor : company) {
        if (!actor.done()) continue;
        const Report report = actor.report();
        for (const Expected& expected : report.connections)
            if (!stays_open(expected)) due[report.netns] += expected.count;
    }
    return due;
}

// Waits until the tracer has reported all connections that must have ended, or until `limit`.
void await_lines(Tracer& tracer, std::map<std::uint32_t, int> due, nanoseconds limit) {
    const nanoseconds deadline = monotonic_now() + limit;
    std::size_t counted = 0;
    for (; monotonic_now() < deadline; pause(100ms)) {
        tracer.read_more();
        for (; counted < tracer.lines().size(); ++counted) {
            const nlohmann::json& line = tracer.lines()[counted];
            if (line.value("type", "") != "connection") continue;
            if (const auto entry = due.find(line.value("netns", 0U)); entry != due.end())
                --entry->second;
        }
        if (std::all_of(due.begin(), due.end(),
                        [](const auto& entry) { return entry.second <= 0; }))
            return;
    }
}

void take_lines(ScenarioRun& play, const Tracer& tracer) {
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

void stop(ScenarioRun& play, Tracer& tracer, const std::string& which) {
    const int status = tracer.interrupt(kStopLimit);
    if (status != 0)
        play.problems.push_back(which + " ended with status " + std::to_string(status));
    if (const std::string said = tracer.complaints(); status != 0 && !said.empty())
        play.problems.push_back(which + " said: " + said);
    take_lines(play, tracer);
}

// A tracer that writes a recording meanwhile.
struct Recorded {
    Recorded(std::vector<std::string> view, std::string path)
        : words(std::move(view)), file(std::move(path)), tracer(with("-w")) {}

    [[nodiscard]] std::vector<std::string> with(const char* option) const {
        std::vector<std::string> all = words;
        all.insert(all.end(), {option, file});
        return all;
    }

    std::vector<std::string> words;
    std::string file;
    Tracer tracer;
};

// The first line that is another one, of either text.
std::string first_difference(const std::string& live, const std::string& replay) {
    const auto from = static_cast<std::size_t>(
        std::mismatch(live.begin(), live.end(), replay.begin(), replay.end()).first - live.begin());
    const std::size_t begin = from == 0 ? 0 : live.rfind('\n', from - 1) + 1; // npos + 1 is 0
    const auto line = [begin](const std::string& text) {
        return begin < text.size() ? text.substr(begin, text.find('\n', begin) - begin) : "nothing";
    };
    return "live:\n  " + line(live) + "\nreplayed:\n  " + line(replay);
}

// For whoever wants to read the recording on another machine: in the folder that TCPDWELL_TEST_KEEP
// names, the recording, what was printed live, and the words that print it again, but for the
// recording's name at their end.
void keep(const std::vector<std::string>& words, const std::string& live,
          const std::string& which) {
    const char* folder = std::getenv("TCPDWELL_TEST_KEEP");
    if (folder == nullptr) return;
    const std::filesystem::path kept = std::filesystem::path(folder) / which;
    std::filesystem::copy_file(words.back(), kept.string() + ".tdw");
    std::ofstream(kept.string() + ".live") << live;
    std::ofstream list(kept.string() + ".words");
    for (std::size_t i = 0; i + 1 < words.size(); ++i) list << words[i] << '\n';
}

// The words, and what they printed live: read again it must be the same, but for the name of the
// source.
void replay(ScenarioRun& play, const std::vector<std::string>& words, const std::string& live,
            const std::string& which) {
    static const std::regex source("\"source\":\"[^\"]*\"");
    Program program(tcpdwell_command(words));
    if (const int status = program.wait(kReplayLimit); status != 0)
        play.replays.push_back(which + " -r ended with status " + std::to_string(status) + ": " +
                               program.said());
    const std::string reported = std::regex_replace(live, source, "");
    if (const std::string again = std::regex_replace(program.printed(), source, "");
        again != reported)
        play.replays.push_back(which + ": " + first_difference(reported, again));
    ++play.replayed;
    keep(words, live, which);
}

// A report over the whole performance, with a recording beside it.
class RecordedReport {
public:
    explicit RecordedReport(const std::string& path)
        : file_(path), program_(tcpdwell_command({"report", "--format", "json", "-w", path})) {}

    void await_tracing(ScenarioRun& play) {
        if (!program_.await_saying("tracing", kAttachLimit))
            play.problems.push_back("report didn't start: " + program_.said());
    }
    void stop(ScenarioRun& play) {
        if (const int status = program_.stop(SIGINT, kStopLimit); status != 0)
            play.problems.push_back("report ended with status " + std::to_string(status) + ": " +
                                    program_.said());
    }
    void replay(ScenarioRun& play) const {
        test::replay(play, {"report", "--format", "json", "-r", file_}, program_.printed(),
                     "report");
    }

private:
    std::string file_;
    Program program_;
};

void run(ScenarioRun& play, Company& company, SyncPoints& cues) {
    if (!await_all(company, kReadyLimit,
                   [](const ScenarioProcess& actor) { return actor.ready(); }))
        play.problems.push_back("not all scenarios got ready before tracing");
    const TemporaryFolder folder;
    Recorded recorded_connections(
        {"trace", "--connections", "--idle", "--strict", "--format", "jsonl"},
        folder.path() / "connections.tdw");
    Recorded recorded_transitions({"trace", "--strict", "--format", "jsonl"},
                                  folder.path() / "transitions.tdw");
    RecordedReport report(folder.path() / "report.tdw");
    report.await_tracing(play);
    Tracer& connections = recorded_connections.tracer;
    Tracer& transitions = recorded_transitions.tracer;
    if (!connections.await_first_line(kAttachLimit))
        play.problems.push_back("trace --connections didn't start: " + connections.complaints());
    else if (!transitions.await_first_line(kAttachLimit))
        play.problems.push_back("trace didn't start: " + transitions.complaints());
    if (!play.problems.empty()) return;

    play.host.wall_offset = wall_minus_monotonic();
    cues.tracing.give();
    await_all(company, kSceneLimit, [](const ScenarioProcess& actor) {
        return actor.done() || actor.scenario().phase == Phase::late;
    });
    await_lines(connections, lines_due(company), two_msl().max + patience(kLateLimit));
    cues.finale.give();
    await_all(company, kSceneLimit, [](const ScenarioProcess& actor) { return actor.done(); });
    await_lines(connections, lines_due(company), patience(std::chrono::seconds(2)));
    pause(kTellLimit);
    stop(play, connections, "trace --connections");
    stop(play, transitions, "trace");
    report.stop(play);
    replay(play, recorded_connections.with("-r"), connections.printed(), "connections");
    replay(play, recorded_transitions.with("-r"), transitions.printed(), "transitions");
    report.replay(play);
}

} // namespace

ScenarioRun perform(std::span<const Scenario> scenarios) {
    ScenarioRun play;
    std::string output;
    if (run_tcpdwell({"check", "--format", "json"}, std::chrono::seconds(30), output) ==
        kCannotTrace) {
        play.skipped = "tcpdwell check exits with 3: " + output;
        return play;
    }
    if (const auto facts = nlohmann::json::parse(output, nullptr, false); facts.is_object())
        play.host.makes_cookies = facts.at("checks").at("probes").at("cookies").at("ok");
    SyncPoints cues;
    Company company;
    company.reserve(scenarios.size());
    for (const Scenario& scenario : scenarios)
        company.emplace_back(scenario, cues, static_cast<int>(company.size()) * stagger());
    run(play, company, cues);
    for (const ScenarioProcess& actor : company)
        play.reports[actor.scenario().name] = actor.report();
    cues.curtain.give();
    return play;
}

} // namespace tcpdwell::test
