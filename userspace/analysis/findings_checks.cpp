// SPDX-License-Identifier: Apache-2.0
// Connections that only look whether a port is open.
#include <fmt/format.h>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

/// nullopt: there was one only.
std::optional<Nanoseconds> mean_interval(const RuleInput& evidence, const CauseFacts& facts) {
    const auto sample = static_cast<std::int64_t>(evidence.overview.sample());
    const std::int64_t traced = static_cast<std::int64_t>(facts.count) / sample;
    if (traced < 2) return std::nullopt;
    return (facts.last - facts.first) / (traced - 1) / sample;
}

} // namespace

/// Checkers are few, and come again and again; a scan or a flood comes from many, or at once.
bool is_check(const RuleInput& evidence, const CauseFacts& facts) {
    constexpr std::size_t kFewHosts = 16;
    constexpr Nanoseconds kAtOnce = std::chrono::milliseconds(20);
    return facts.hosts.size() <= kFewHosts &&
           mean_interval(evidence, facts).value_or(kAtOnce) >= kAtOnce;
}

void find_half_open_checks(const RuleInput& evidence, FindingDrafts& drafts) {
    const std::uint64_t many = count_threshold(evidence, "half_open_checks.connections");
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::half_open_check);
        if (!facts || facts->count < many || !is_check(evidence, *facts)) continue;
        FindingDraft draft{"half_open_checks", report::Severity::info};
        draft.subject = party_text(ends);
        draft.connections = facts->ids.list();
        draft.likes = facts->likes.list();
        const auto every = mean_interval(evidence, *facts);
        draft.what = fmt::format(
            "{} of {} {} opened and reset at once without data, by {}{}, as health checks "
            "do.",
            counted(facts->count, "connection"), party_text(ends),
            facts->count == 1 ? "was" : "were", counted(facts->hosts.size(), "host"),
            every ? fmt::format(", one every {} on average", duration_text(*every)) : "");
        draft.evidence = {
            {"count", "connections", facts->count},
            {"all", "of connections ended", ends.connections()},
            {"hosts", "hosts", std::uint64_t{facts->hosts.size()}},
            {"interval_ns", "one every", every ? FindingDraft::Cell(*every) : FindingDraft::Cell()},
            {"netns", "network namespace", std::uint64_t{key.netns}}};
        draft.scope.connections = facts->count;
        draft.advice.push_back("Load balancers check so whether a port is open (haproxy: check). "
                               "If they are unwelcome, let them send a request instead.");
        if (facts->details[tcp::EndingDetail::reset_received] > 0)
            draft.advice.push_back("A client that gives up within a round trip, before the SYN-ACK "
                                   "comes, looks the same from here.");
        drafts.push_back(std::move(draft));
    }
}

} // namespace tcpdwell::analysis
