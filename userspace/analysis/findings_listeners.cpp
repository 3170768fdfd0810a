// SPDX-License-Identifier: Apache-2.0
// Findings on listeners, by what the kernel counted itself.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

constexpr double kCriticalPerSecond = 100;

std::set<std::uint32_t> namespaces_with(const CounterGrowth& growth) {
    std::set<std::uint32_t> namespaces;
    for (const auto& [key, counter] : growth.counters()) namespaces.insert(key.first);
    return namespaces;
}

/// A filter may have hidden other listeners.
std::string whose_queue(const RuleInput& evidence, std::uint32_t netns) {
    const CounterAnalysis::Listener* only =
        evidence.overview.is_filtered() ? nullptr : evidence.counters.only_listener(netns);
    if (!only) return fmt::format("An accept queue in network namespace {}", netns);
    return fmt::format("The accept queue of {} on {}", process_text(only->process),
                       only->local.text(only->family));
}

} // namespace

/// An overflow is counted among the drops, which have other reasons as well.
void find_accept_queue_full(const RuleInput& evidence, std::vector<FindingDraft>& drafts) {
    const CounterGrowth& growth = evidence.counters.growth();
    const std::uint64_t many =
        std::max<std::uint64_t>(evidence.thresholds.count("accept_queue_full.overflows"), 1);
    const Nanoseconds time = evidence.moment.now - evidence.moment.begin;
    const double seconds = std::chrono::duration<double>(time).count();
    for (const std::uint32_t netns : namespaces_with(growth)) {
        const std::uint64_t overflows = growth.growth(netns, "TcpExt.ListenOverflows");
        if (overflows < many) continue;
        const bool is_critical = static_cast<double>(overflows) >= kCriticalPerSecond * seconds;
        FindingDraft draft{"accept_queue_full", is_critical && seconds > 0
                                                    ? report::Severity::critical
                                                    : report::Severity::warning};
        draft.what = fmt::format("{} overflowed {} in {}: clients' connects wait 1, 3, 7 s, or "
                                 "believe they are connected.",
                                 whose_queue(evidence, netns), counted(overflows, "time"),
                                 duration_text(time));
        draft.evidence = {{"netns", "network namespace", std::uint64_t{netns}},
                          {"overflows", "overflows", overflows},
                          {"drops", "drops by listeners for any reason",
                           growth.growth(netns, "TcpExt.ListenDrops")}};
        draft.advice.push_back("The program accepts too slowly: look whether it is blocked or "
                               "stopped, or has too few workers; ss -lnt shows the queue (Recv-Q) "
                               "and the backlog (Send-Q).");
        draft.advice.push_back(fmt::format(
            "Against bursts, a longer backlog in listen() helps; {} limits it, and counts when "
            "listen() is called.",
            sysctl_text(evidence, netns, "net.core.somaxconn")));
        drafts.push_back(std::move(draft));
    }
}

} // namespace tcpdwell::analysis
