// SPDX-License-Identifier: Apache-2.0
// The states of a report after random traffic: how many sockets are in each, against the kernel's
// own list; how many times each was left, against the lines of another tracer; and that its parts
// add up to the whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "lines.h"
#include "listing.h"
#include "netns.h"
#include "random_traffic.h"
#include "report_run.h"
#include "support/moment.h"
#include "support/program.h"
#include "tracer.h"

namespace tcpdwell::test {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);
// What the kernel does without an event (FIN_WAIT2 to TIME_WAIT in a mini-socket) is noticed within
// about a second.
constexpr auto kSettle = 1500ms;
constexpr int kActs = 1000;
constexpr std::array kSplits{"role", "service", "remote", "ending"};

using nlohmann::json;
using Counts = std::map<std::string, std::int64_t>; // by state; none is 0

// --- counts from everywhere

bool is_connection_state(const std::string& state) { return state != "LISTEN" && state != "CLOSE"; }

Counts listed(const Listing& kernel) {
    Counts counts;
    for (const Listed& each : kernel) ++counts[each.state];
    return counts;
}

Counts open_in(const json& states) {
    Counts counts;
    for (const auto& [state, dwell] : states.items())
        if (is_connection_state(state) && dwell.at("open") != 0) counts[state] = dwell.at("open");
    return counts;
}

Counts at_the_end_of(const json& timeline) {
    Counts counts;
    for (const auto& [state, samples] : timeline.at("states").items())
        if (samples.back() != 0) counts[state] = samples.back();
    return counts;
}

void add_samples(Counts& counts, const json& states) {
    for (const auto& [state, dwell] : states.items())
        if (dwell.at("count") != 0) counts[state] += dwell.at("count").get<std::int64_t>();
}

Counts samples_of(const json& states) {
    Counts counts;
    add_samples(counts, states);
    return counts;
}

// How often each state was left after a known time.
Counts dwells_in(const std::vector<json>& lines) {
    Counts counts;
    for (const json& line : lines) {
        if (line.at("type") != "connection") continue;
        const ConnectionLine connection = parse_connection(line);
        std::size_t left = connection.states.size();
        if (!connection.closed) --left; // the last is the present one
        for (std::size_t i = 0; i < left; ++i)
            if (connection.states[i].dwell) ++counts[connection.states[i].state];
    }
    return counts;
}

// Of connections; listeners have no lines.
Counts connection_samples_of(const json& states) {
    Counts counts = samples_of(states);
    counts.erase("LISTEN");
    return counts;
}

// Comings less goings.
Counts balance_of(const json& transitions) {
    Counts counts;
    for (const json& edge : transitions) {
        counts[edge.at("to")] += edge.at("count").get<std::int64_t>();
        counts[edge.at("from")] -= edge.at("count").get<std::int64_t>();
    }
    std::erase_if(counts, [](const auto& entry) {
        return entry.second == 0 || !is_connection_state(entry.first);
    });
    return counts;
}

// --- comparison

std::int64_t sum_of(const Counts& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::int64_t{0},
                           [](std::int64_t sum, const auto& entry) { return sum + entry.second; });
}

// The kernel's counts just before and just after a report was made: where they differ, the report
// may have what lies between.
Counts counts_between(const Counts& before, const Counts& after, const Counts& found) {
    Counts result = before;
    for (const Counts* each : {&before, &after})
        for (const auto& [state, count] : *each) result.try_emplace(state, 0);
    for (auto& [state, count] : result) {
        const auto in = [&state = state](const Counts& counts) {
            const auto it = counts.find(state);
            return it == counts.end() ? 0 : it->second;
        };
        const auto [least, most] = std::minmax({in(before), in(after)});
        count = std::clamp(in(found), least, most);
    }
    std::erase_if(result, [](const auto& entry) { return entry.second == 0; });
    return result;
}

// "" if they are equal.
std::string difference(const std::string& what, const Counts& expected, const Counts& found) {
    return expected == found
               ? ""
               : what + ": " + json(found).dump() + " instead of " + json(expected).dump() + "\n";
}

void expect_sound(const std::string& name, const json& dwell) {
    SCOPED_TRACE(name);
    std::int64_t in_buckets = 0;
    std::int64_t last_high = 0;
    for (const json& bucket : dwell.at("buckets")) {
        EXPECT_GE(bucket.at(0), last_high) << dwell.dump();
        EXPECT_LT(bucket.at(0), bucket.at(1)) << dwell.dump();
        EXPECT_GT(bucket.at(2), 0) << dwell.dump();
        last_high = bucket.at(1);
        in_buckets += bucket.at(2).get<std::int64_t>();
    }
    EXPECT_EQ(in_buckets, dwell.at("count")) << dwell.dump();
    constexpr std::array kAscending{"min_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"};
    for (std::size_t i = 0; i < kAscending.size(); ++i) {
        EXPECT_EQ(dwell.at(kAscending[i]).is_null(), in_buckets == 0) << dwell.dump();
        if (in_buckets == 0 || i == 0) continue;
        EXPECT_LE(dwell.at(kAscending[i - 1]), dwell.at(kAscending[i])) << dwell.dump();
    }
    if (in_buckets == 0) return;
    EXPECT_LE(dwell.at("min_ns"), dwell.at("mean_ns"));
    EXPECT_LE(dwell.at("mean_ns"), dwell.at("max_ns"));
    EXPECT_LE(dwell.at("buckets").front().at(0), dwell.at("min_ns"));
    EXPECT_GT(dwell.at("buckets").back().at(1), dwell.at("max_ns"));
}

void expect_sound(const json& report) {
    for (const auto& [state, dwell] : report.at("states").items()) {
        expect_sound(state, dwell);
        EXPECT_EQ(dwell.at("open") == 0, dwell.at("oldest_ns").is_null()) << state << dwell.dump();
    }
    EXPECT_EQ(report.at("states").size(), 11U);
    for (const auto& [step, latency] : report.at("latencies").items()) expect_sound(step, latency);
    std::set<std::size_t> lengths;
    for (const auto& [state, samples] : report.at("timeline").at("states").items())
        lengths.insert(samples.size());
    EXPECT_EQ(lengths.size(), 1U);
}

// The samples of all groups of a split; not those of listeners, which belong to some splits only.
Counts groups_of(const json& report, const std::string& split) {
    SCOPED_TRACE(split);
    EXPECT_EQ(report.at("states_by").at("by"), split);
    Counts sum;
    std::set<std::string> groups;
    for (const json& group : report.at("states_by").at("groups")) {
        EXPECT_TRUE(groups.insert(group.at("group")).second) << group.at("group");
        for (const auto& [state, dwell] : group.at("states").items()) expect_sound(state, dwell);
        add_samples(sum, group.at("states"));
    }
    sum.erase("LISTEN");
    if (split == "role") {
        EXPECT_EQ(groups.count("client") + groups.count("server"), 2U);
    }
    if (split == "ending") {
        for (const char* ending : {"fin", "reset_sent", "reset_received", "refused"})
            EXPECT_EQ(groups.count(ending), 1U) << ending;
    }
    return sum;
}

// --- the test

class ReportStates : public ::testing::Test {
protected:
    void SetUp() override { allow_many_descriptors(); }

    // No second try here: it is scripts/test that repeats and counts.
    static void expect_agreement(std::uint32_t seed, bool much_before) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        enter_new_netns();
        add_phantom_network();
        RandomTraffic traffic(seed);
        if (much_before) traffic.act(kActs);
        const std::string netns = std::to_string(current_netns());
        Tracer tracer({"trace", "--connections", "--idle", "--format", "jsonl", "--netns", netns});
        std::vector<std::unique_ptr<ReportRun>> runs;
        for (const char* split : kSplits)
            runs.push_back(std::make_unique<ReportRun>(
                std::vector<std::string>{"--netns", netns, "--by", split}));
        EXPECT_TRUE(tracer.await_first_line(kPatience)) << tracer.complaints();
        for (const auto& run : runs) run->await_tracing();
        traffic.act(kActs);
        const Counts before = listed(settled_kernel_listing(kSettle, kPatience));
        for (const auto& run : runs) run->interrupt();
        EXPECT_EQ(tracer.interrupt(kPatience), 0) << tracer.complaints();
        const Counts after = listed(kernel_listing());

        std::string found;
        for (std::size_t i = 0; i < kSplits.size(); ++i) {
            const json report = runs[i]->only_report();
            expect_sound(report);
            const Counts groups = groups_of(report, kSplits[i]);
            EXPECT_EQ(groups, connection_samples_of(report.at("states"))) << kSplits[i];
            const json& states = report.at("states");
            const Counts kernel = counts_between(before, after, open_in(states));
            found += difference("open", kernel, open_in(states));
            found += difference("the last of the timeline", kernel,
                                at_the_end_of(report.at("timeline")));
            found += difference("quality.open", {{"", sum_of(kernel)}},
                                {{"", report.at("quality").at("open")}});
            found += difference("dwells", dwells_in(tracer.lines()), connection_samples_of(states));
            if (!much_before)
                found +=
                    difference("comings and goings", kernel, balance_of(report.at("transitions")));
        }
        // It happens that the kernel doesn't run a program at an event.
        EXPECT_EQ(found, "");
    }
};

TEST_F(ReportStates, areTheKernelsIfTracedFromTheBeginning) { expect_agreement(11, false); }

TEST_F(ReportStates, areTheKernelsIfMuchWasOpenBefore) { expect_agreement(12, true); }

} // namespace

} // namespace tcpdwell::test
