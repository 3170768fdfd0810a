// SPDX-License-Identifier: Apache-2.0
// Accept queues that are full, or that overflowed by what the kernel counted itself.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "analysis/findings_queues.h"
#include "analysis/overflowed_queues.h"

namespace tcpdwell::analysis {
namespace {

constexpr double kCriticalPerSecond = 100;

std::set<std::uint32_t> namespaces_with(const CounterGrowth& growth) {
    std::set<std::uint32_t> namespaces;
    for (const auto& [key, counter] : growth.counters()) namespaces.insert(key.first);
    return namespaces;
}

bool have_overflowed(const RuleInput& evidence, std::uint32_t netns) {
    return evidence.counters.growth().growth(netns, "TcpExt.ListenOverflows") >=
           kernel_threshold(evidence, "accept_queue_full.overflows");
}

/// Those that are at their limit now.
std::vector<const AcceptQueue*> full_now(const RuleInput& evidence, std::uint32_t netns) {
    std::vector<const AcceptQueue*> list;
    const AcceptQueues::Queues& queues = evidence.accepts.queues();
    for (auto each = queues.lower_bound({netns, tcp::Endpoint{}});
         each != queues.end() && each->first.first == netns; ++each)
        if (each->second.is_full()) list.push_back(&each->second);
    return list;
}

std::set<std::uint32_t> all_namespaces(const RuleInput& evidence) {
    std::set<std::uint32_t> namespaces = namespaces_with(evidence.counters.growth());
    for (const auto& [key, queue] : evidence.accepts.queues()) namespaces.insert(key.first);
    return namespaces;
}

} // namespace

std::vector<const AcceptQueue*> full_queues(const RuleInput& evidence, std::uint32_t netns) {
    if (!have_overflowed(evidence, netns)) return full_now(evidence, netns);
    OverflowedQueues found = overflowed_queues(evidence, netns);
    return found.queues.size() == 1 ? std::move(found.queues) : std::vector<const AcceptQueue*>();
}

namespace {

/// "hung (pid 1) on 127.0.0.1:80 or burst (pid 2) on 127.0.0.1:81"
std::string any_of_text(const std::vector<const AcceptQueue*>& queues) {
    std::string text;
    for (const AcceptQueue* each : queues)
        text += (text.empty() ? "" : " or ") + listener_text(*each);
    return text;
}

std::string whose_text(const RuleInput& evidence, const OverflowedQueues& found,
                       std::uint32_t netns) {
    if (found.queues.empty())
        return fmt::format("An accept queue in network namespace {}{}", netns,
                           evidence.overview.has_all_listeners()
                               ? ""
                               : ", perhaps one that the filter leaves out,");
    if (found.queues.size() > 1)
        return fmt::format("An accept queue, that of {},", any_of_text(found.queues));
    const AcceptQueue& queue = *found.queues.front();
    return fmt::format(
        "{} {}{}{}", found.is_certain ? "The accept queue of" : "An accept queue, probably that of",
        listener_text(queue), found.is_certain ? "" : ",",
        limit_of(queue) ? fmt::format(" (limit {})", *limit_of(queue)) : "");
}

void describe(const RuleInput& evidence, const std::vector<const AcceptQueue*>& queues,
              std::uint32_t netns, FindingDraft& draft) {
    if (queues.size() == 1) {
        describe(*queues.front(), draft);
        draft.evidence.push_back({"delayed", "SYNs of clients here sent again",
                                  delayed_clients(evidence, *queues.front())});
    } else {
        draft.subject = any_of_text(queues);
        draft.evidence.push_back({"netns", "network namespace", std::uint64_t{netns}});
        for (const AcceptQueue* each : queues) draft.scope.add(scope_of(*each));
        draft.scope.netns = queues.empty() ? 0 : netns;
    }
    // Of what overflows it isn't known which connections, since when, and until when.
    draft.scope.connections = 0;
    draft.scope.is_began_seen = false;
    draft.scope.last.reset();
    advise_on_queue(evidence, queues.size() == 1 ? queues.front() : nullptr, draft);
    draft.advice.push_back(
        fmt::format("Against bursts, a longer backlog in listen() helps; {} limits it, and counts "
                    "when listen() is called.",
                    sysctl_text(evidence, netns, "net.core.somaxconn")));
}

/// In which the kernel counted: it may have been read last before the report's time began.
Nanoseconds time_counted(const RuleInput& evidence, std::uint32_t netns) {
    return std::max(evidence.counters.growth().time_read(netns),
                    Nanoseconds(evidence.moment.now - evidence.moment.begin));
}

/// An overflow is counted among the drops, which have other reasons as well.
FindingDraft queue_full_draft(const RuleInput& evidence, std::uint32_t netns) {
    const CounterGrowth& growth = evidence.counters.growth();
    const double seconds = std::chrono::duration<double>(time_counted(evidence, netns)).count();
    const std::uint64_t overflows = growth.growth(netns, "TcpExt.ListenOverflows");
    const bool is_critical = static_cast<double>(overflows) >= kCriticalPerSecond * seconds;
    FindingDraft draft{"accept_queue_full", is_critical && overflows > 0 && seconds > 0
                                                ? report::Severity::critical
                                                : report::Severity::warning};
    draft.evidence = {
        {"overflows", "overflows", overflows},
        {"drops", "drops by listeners for any reason", growth.growth(netns, "TcpExt.ListenDrops")}};
    return draft;
}

void find_overflow(const RuleInput& evidence, std::uint32_t netns, FindingDrafts& drafts) {
    const OverflowedQueues found = overflowed_queues(evidence, netns);
    if (found.is_outside) return;
    FindingDraft draft = queue_full_draft(evidence, netns);
    draft.what = fmt::format(
        "{} overflowed {} in {}: clients' connects wait 1, 3, 7 s, or believe they are connected.",
        whose_text(evidence, found, netns),
        counted(evidence.counters.growth().growth(netns, "TcpExt.ListenOverflows"), "time"),
        duration_text(time_counted(evidence, netns)));
    describe(evidence, found.queues, netns, draft);
    draft.scope.overflows = evidence.counters.growth().growth(netns, "TcpExt.ListenOverflows");
    drafts.push_back(std::move(draft));
}

} // namespace

void find_accept_queue_full(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const std::uint32_t netns : all_namespaces(evidence)) {
        if (have_overflowed(evidence, netns)) {
            find_overflow(evidence, netns, drafts);
            continue;
        }
        for (const AcceptQueue* queue : full_now(evidence, netns)) {
            FindingDraft draft = queue_full_draft(evidence, netns);
            draft.what = fmt::format("The accept queue of {} is full: {} wait (limit {}).",
                                     listener_text(*queue), *longest_of(*queue), *limit_of(*queue));
            describe(evidence, {queue}, netns, draft);
            drafts.push_back(std::move(draft));
        }
    }
}

} // namespace tcpdwell::analysis
