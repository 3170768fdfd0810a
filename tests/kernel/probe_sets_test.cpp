// SPDX-License-Identifier: Apache-2.0
// Both probe sets at once on the same traffic: they must report the same of every connection, but
// for what only one of them can know (README, "Probe sets").
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "lines.h"
#include "netns.h"
#include "random_traffic.h"
#include "sockets.h"
#include "support/moment.h"
#include "support/program.h"
#include "tracer.h"

namespace tcpdwell::test {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);
constexpr int kActs = 600;
/// After it a TIME_WAIT is over, at any HZ.
constexpr auto kTimeWait = 66s;

std::string to_text(const Endpoint& end) { return end.addr + "." + std::to_string(end.port); }

std::string optional_text(const std::optional<std::string>& text) { return text.value_or("null"); }

std::string task_text(const std::optional<Task>& task) {
    return task ? task->comm + "/" + std::to_string(task->pid) : "null";
}

/// All that both must report alike, without times.
std::string words_of(const ConnectionLine& line) {
    std::ostringstream out;
    out << line.who.family << " " << to_text(line.who.local) << " > " << to_text(line.who.remote)
        << " " << line.who.role << " process " << task_text(line.who.process) << " closed by "
        << task_text(line.closed_by) << " cgroup " << optional_text(line.who.cgroup) << " uid "
        << (line.who.uid ? std::to_string(*line.who.uid) : "null") << " cookie "
        << (line.who.cookie ? std::to_string(*line.who.cookie) : "null") << " closed first "
        << line.closed_first << ", " << line.ending << " " << optional_text(line.detail)
        << ", seen " << line.seen << ",";
    for (const StateStep& step : line.states)
        out << " " << step.state << (step.dwell ? "" : "(null)");
    if (line.time_wait) out << "; TIME_WAIT " << line.time_wait->end;
    return out.str();
}

std::vector<ConnectionLine> connections_of(const Tracer& tracer) {
    std::vector<ConnectionLine> connections;
    for (const nlohmann::json& line : tracer.lines())
        if (line.at("type") == "connection") connections.push_back(parse_connection(line));
    std::sort(connections.begin(), connections.end(),
              [](const ConnectionLine& a, const ConnectionLine& b) {
                  const auto ends = [](const ConnectionLine& c) {
                      return std::tuple(to_text(c.who.local), to_text(c.who.remote),
                                        c.opened.value_or(0ns));
                  };
                  return ends(a) < ends(b);
              });
    return connections;
}

/// What differs in the times; "" if nothing.
std::string difference_in_times(const ConnectionLine& fentry, const ConnectionLine& timer) {
    for (std::size_t i = 0; i < fentry.states.size(); ++i) {
        const auto& a = fentry.states[i].dwell;
        const auto& b = timer.states[i].dwell;
        // Where a mini-socket's FIN_WAIT2 ended is known from its timer, which counts in jiffies.
        if (a && b && std::chrono::abs(*a - *b) > 2 * jiffy() + slack())
            return fentry.states[i].state + ": " + std::to_string(a->count()) + " and " +
                   std::to_string(b->count()) + " ns";
    }
    // Those within the same bucket of the timer wheel are not seen by its tracepoints.
    if (fentry.time_wait && fentry.time_wait->restarts < timer.time_wait->restarts)
        return "fewer restarts with fentry: " + std::to_string(fentry.time_wait->restarts) +
               " and " + std::to_string(timer.time_wait->restarts);
    return "";
}

std::unique_ptr<Tracer> start_tracer(const std::string& set) {
    auto tracer = std::make_unique<Tracer>(
        std::vector<std::string>{"trace", "--probes", set, "--connections", "--idle", "--format",
                                 "jsonl", "--netns", std::to_string(current_netns())});
    EXPECT_TRUE(tracer->await_first_line(kPatience)) << tracer->complaints();
    return tracer;
}

TEST(ProbeSets, agreeOnRandomTraffic) {
    // scripts/test-kernels sets it, and its kernels have both.
    const bool fentry_works = std::getenv("TCPDWELL_PROBES") != nullptr;
    unsetenv("TCPDWELL_PROBES");
    std::string said;
    const int status = run_tcpdwell({"check", "--probes", "fentry"}, kPatience, said);
    if (status != 0 && !fentry_works) { // a hardened host: nothing to compare, but it must say so
        EXPECT_EQ(status, 3);
        EXPECT_NE(said.find("the probe set fentry doesn't work here"), std::string::npos) << said;
        return;
    }
    ASSERT_EQ(status, 0) << said;
    allow_many_descriptors();
    enter_new_netns();
    add_phantom_network();
    const auto fentry = start_tracer("fentry");
    const auto timer = start_tracer("timer");
    {
        RandomTraffic traffic(7);
        traffic.act(kActs);
        pause(2s);
    }
    pause(kTimeWait);
    ASSERT_EQ(fentry->interrupt(kPatience), 0) << fentry->complaints();
    ASSERT_EQ(timer->interrupt(kPatience), 0) << timer->complaints();
    fentry->read_more();
    timer->read_more();

    const auto a = connections_of(*fentry);
    const auto b = connections_of(*timer);
    EXPECT_GT(a.size(), static_cast<std::size_t>(kActs));
    ASSERT_EQ(a.size(), b.size());
    int differences = 0;
    for (std::size_t i = 0; i < a.size() && differences < 20; ++i) {
        if (words_of(a[i]) != words_of(b[i])) {
            ADD_FAILURE() << "fentry: " << words_of(a[i]) << "\ntimer:  " << words_of(b[i]);
            ++differences;
        } else if (const std::string what = difference_in_times(a[i], b[i]); !what.empty()) {
            ADD_FAILURE() << words_of(a[i]) << "\n" << what;
            ++differences;
        }
    }
}

} // namespace

} // namespace tcpdwell::test
