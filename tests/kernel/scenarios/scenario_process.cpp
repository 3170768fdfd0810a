// SPDX-License-Identifier: Apache-2.0
// The process of a scenario: fork, namespace, cues, report.
#include "scenario_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <exception>

#include "netns.h"

namespace tcpdwell::test {

namespace {

constexpr auto kLifetime = std::chrono::seconds(240); // if everybody else should fail to end it

void await(const SyncPoint& cue) {
    char byte = 0;
    while (read(cue.read.get(), &byte, 1) < 0 && errno == EINTR) {}
}

void say(const Fd& pipe, const nlohmann::json& message) {
    const std::string line = message.dump() + "\n";
    for (std::size_t said = 0; said < line.size();)
        said += static_cast<std::size_t>(
            check(write(pipe.get(), &line[said], line.size() - said), "report"));
}

[[noreturn]] void act(const Scenario& scenario, SyncPoints& cues, nanoseconds delay,
                      const Fd& out) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, scenario.name);
    alarm(static_cast<unsigned>(patience(kLifetime) / 1s));
    for (SyncPoint* cue : {&cues.tracing, &cues.finale, &cues.curtain}) cue->write.reset();
    Scene scene(
        [&] {
            say(out, {{"ready", true}});
            await(cues.tracing);
            pause(delay);
        },
        [&] { await(cues.finale); });
    try {
        enter_new_netns();
        scene.report().netns = current_netns();
        // Otherwise connections over loopback may take over a TIME_WAIT of their own accord.
        write_sysctl("ipv4/tcp_tw_reuse", "0");
        if (scenario.phase != Phase::early) scene.await_tracing();
        scenario.run(scene);
    } catch (const std::exception& failure) {
        scene.require(false, failure.what());
    }
    const Report& report = scene.report();
    say(out, {{"netns", report.netns},
              {"connections", report.connections},
              {"listeners", report.listeners},
              {"problems", report.problems},
              {"skipped", report.skipped}});
    await(cues.curtain);
    _exit(0);
}

} // namespace

SyncPoint::SyncPoint() {
    std::array<int, 2> ends{};
    check(pipe2(ends.data(), O_CLOEXEC), "pipe");
    read = Fd(ends[0]);
    write = Fd(ends[1]);
}

ScenarioProcess::ScenarioProcess(const Scenario& scenario, SyncPoints& cues, nanoseconds delay)
    : scenario_(&scenario) {
    SyncPoint pipe;
    pid_ = check(fork(), "fork");
    if (pid_ == 0) act(scenario, cues, delay, pipe.write);
    said_ = std::move(pipe.read);
    check(fcntl(said_.get(), F_SETFL, O_NONBLOCK), "O_NONBLOCK");
}

ScenarioProcess::ScenarioProcess(ScenarioProcess&& other) noexcept
    : scenario_(other.scenario_), pid_(std::exchange(other.pid_, -1)),
      said_(std::move(other.said_)), heard_(std::move(other.heard_)), ready_(other.ready_),
      done_(other.done_), report_(std::move(other.report_)) {}

ScenarioProcess::~ScenarioProcess() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

void ScenarioProcess::listen() {
    if (done_) return;
    std::array<char, 65536> buffer;
    ssize_t got = 0;
    while ((got = read(said_.get(), buffer.data(), buffer.size())) > 0)
        heard_.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = 0; (end = heard_.find('\n')) != std::string::npos;
         heard_.erase(0, end + 1)) {
        const auto message = nlohmann::json::parse(heard_.substr(0, end));
        ready_ = true;
        if (message.contains("ready")) continue;
        message.at("netns").get_to(report_.netns);
        message.at("connections").get_to(report_.connections);
        message.at("listeners").get_to(report_.listeners);
        message.at("problems").get_to(report_.problems);
        message.at("skipped").get_to(report_.skipped);
        done_ = true;
    }
    if (got == 0 && !done_) { // it died
        report_.problems.push_back("its process ended without a report");
        ready_ = done_ = true;
    }
}

Report ScenarioProcess::report() const {
    Report report = report_;
    if (!done_) report.problems.push_back("it didn't end in time");
    return report;
}

} // namespace tcpdwell::test
