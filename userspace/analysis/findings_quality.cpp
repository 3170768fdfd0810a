// SPDX-License-Identifier: Apache-2.0
// How far the numbers of a report can be trusted.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {

namespace {

/// What the report is known not to have seen.
std::vector<std::string> missing_from(const Overview& seen) {
    std::vector<std::string> missing;
    if (seen.lost() > 0) missing.push_back(counted(seen.lost(), "event") + " lost");
    if (seen.unseen() > 0)
        missing.push_back("at least " + counted(seen.unseen(), "event") + " not seen");
    if (seen.holes() > 0) missing.push_back(counted(seen.holes(), "hole") + " in the recording");
    return missing;
}

} // namespace

void find_events_lost(const RuleInput& evidence, FindingDrafts& drafts) {
    const std::uint64_t lost = evidence.overview.lost();
    const std::uint64_t holes = evidence.overview.holes();
    const std::uint64_t unseen = evidence.overview.unseen();
    const std::vector<std::string> missing = missing_from(evidence.overview);
    if (missing.empty()) return;
    FindingDraft draft{"events_lost", report::Severity::warning};
    draft.what = fmt::format("{}: numbers in this report are too low, and there are gaps in {}.",
                             fmt::join(missing, ", "),
                             counted(evidence.overview.connections(tcp::Seen::gap), "connection"));
    draft.evidence = {
        {"events", "events", lost},
        {"unseen", "events not seen", unseen},
        {"holes", "holes", holes},
        {"gaps", "connections with gaps", evidence.overview.connections(tcp::Seen::gap)}};
    if (lost > 0)
        draft.advice.push_back("Give the buffer more room with --buffer-size, or trace less with a "
                               "filter by port or address.");
    if (unseen > 0)
        draft.advice.push_back("The kernel ran no program for these events and counted none: some "
                               "virtual machines run none while a task of their agent is current. "
                               "A larger buffer doesn't help.");
    if (holes > 0)
        draft.advice.push_back(
            "Read all files of the recording at once, and see 'tcpdwell info' for what they lack.");
    drafts.push_back(std::move(draft));
}

namespace {

/// By how much more of them, or fewer, the kernel counted; 0 if that is below the thresholds.
std::uint64_t difference(const RuleInput& evidence, std::uint64_t counted, std::uint64_t traced) {
    const std::uint64_t by = std::max(counted, traced) - std::min(counted, traced);
    const double share = static_cast<double>(by) / static_cast<double>(std::max(counted, traced));
    const bool is_much = by >= count_threshold(evidence, "counters_disagree.difference") &&
                         share >= evidence.thresholds.value("counters_disagree.share");
    return is_much ? by : 0;
}

FindingDraft disagreement_draft(const RuleInput& evidence, const CounterCheck::Sums& sums) {
    FindingDraft draft{"counters_disagree", report::Severity::info};
    draft.subject = fmt::format("network namespace {}", sums.netns);
    std::string differences;
    for (std::size_t i = 0; i < CounterCheck::kCounters; ++i) {
        const CheckedCounter& checked = CounterCheck::kChecked[i];
        draft.evidence.push_back({checked.counted, checked.name, sums.counted[i]});
        draft.evidence.push_back({checked.traced, checked.title, sums.traced[i]});
        if (difference(evidence, sums.counted[i], sums.traced[i]) == 0) continue;
        differences += fmt::format("{}{} {}, where {} {} traced", differences.empty() ? "" : "; ",
                                   checked.name, sums.counted[i], sums.traced[i],
                                   sums.traced[i] == 1 ? "was" : "were");
    }
    draft.evidence.push_back({"netns", "network namespace", std::uint64_t{sums.netns}});
    draft.what = fmt::format("The kernel counted otherwise in network namespace {}: {}.",
                             sums.netns, differences);
    draft.advice.push_back(
        "No event is known to be lost: tcpdwell didn't see something, or took it for something "
        "else. Events of tasks that BPF programs are kept from are one reason, a fault of tcpdwell "
        "another.");
    draft.advice.push_back("nstat -az shows the kernel's counters; trace -f jsonl has them as "
                           "\"counters\" lines beside the transitions.");
    return draft;
}

} // namespace

void find_counters_disagree(const RuleInput& evidence, FindingDrafts& drafts) {
    if (evidence.overview.is_filtered() || !missing_from(evidence.overview).empty()) return;
    for (const CounterCheck::Sums& sums : evidence.check.sums())
        for (std::size_t i = 0; i < CounterCheck::kCounters; ++i)
            if (difference(evidence, sums.counted[i], sums.traced[i]) > 0) {
                drafts.push_back(disagreement_draft(evidence, sums));
                break;
            }
}

} // namespace tcpdwell::analysis
