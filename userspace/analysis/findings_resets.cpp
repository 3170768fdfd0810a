// SPDX-License-Identifier: Apache-2.0
// Connections that ended by resets that have a finding of their own, each by its cause.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
FindingDraft::Cell hosts_cell(const CauseFacts& facts) {
    return facts.are_all_hosts ? FindingDraft::Cell(std::uint64_t{facts.hosts.size()})
                               : FindingDraft::Cell();
}

FindingDraft party_draft(std::string_view id, report::Severity severity, const PartyEnds& ends,
                         const CauseFacts& facts, std::optional<std::uint64_t> of) {
    const std::uint64_t all = of.value_or(ends.connections());
    FindingDraft draft{id, severity};
    draft.subject = party_text(ends);
    draft.scope = scope_of(ends, facts);
    draft.connections = facts.ids.list();
    draft.likes = facts.likes.list();
    draft.evidence = {{"count", "connections", facts.count},
                      {"all", "of connections ended", all},
                      {"share", "share", share_of(facts.count, all)},
                      {"hosts", "remote hosts", hosts_cell(facts)},
                      {"netns", "network namespace", std::uint64_t{ends.party.netns}}};
    if (facts.translated > 0)
        draft.evidence.push_back({"translated",
                                  "other ends behind address translation, by the client's port",
                                  facts.translated});
    if (ends.process) draft.processes.push_back({"process", "process", {*ends.process}});
    return draft;
}

std::string within_text(const CauseFacts& facts) {
    if (facts.count < 2 || facts.ids.count < 2) return {};
    return within_text(facts.closing_first, facts.closing_last);
}

std::string within_text(MonoTime first, MonoTime last) {
    const Nanoseconds spread = last - first;
    if (spread < std::chrono::milliseconds(1)) return ", all at once";
    return fmt::format(", all within {}", duration_text(spread));
}

bool is_many(const RuleInput& evidence, std::string_view id, std::uint64_t count,
             std::uint64_t all) {
    const auto many = count_threshold(evidence, fmt::format("{}.connections", id));
    return count >= many &&
           share_of(count, all) >= evidence.thresholds.value(fmt::format("{}.share", id));
}

std::string program_text(const PartyEnds& ends) {
    const std::string comm = comm_of(ends.process ? ends.process->comm_bytes : ends.party.comm);
    return ends.process && ends.process->pid != 0 && !ends.several_pids
               ? fmt::format("{} (pid {})", comm, ends.process->pid)
               : comm;
}

std::string party_text(const PartyEnds& ends) {
    return fmt::format("{} {} {}", program_text(ends),
                       ends.party.role == tcp::Role::server ? "on" : "to",
                       ends.party.endpoint.text(ends.family));
}

void find_listener_closed(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::listener_closed);
        if (!facts || facts->count < count_threshold(evidence, "listener_closed.connections"))
            continue;
        FindingDraft draft =
            party_draft("listener_closed", report::Severity::warning, ends, *facts);
        draft.what = fmt::format(
            "{} of {} {} reset in the accept queue, because a listening socket was closed{}{}: the "
            "clients believed that they were connected.",
            counted(facts->count, "connection"), party_text(ends),
            facts->count == 1 ? "was" : "were",
            facts->closers.size() == 1
                ? fmt::format(" by {}", process_text(facts->closers.begin()->second))
                : "",
            within_text(*facts));
        draft.advice.push_back(fmt::format(
            "Each socket of SO_REUSEPORT has an accept queue of its own, which is lost with it. {} "
            "hands what waits there to the listeners that remain (Linux 5.14).",
            sysctl_text(evidence, ends.party.netns, "net.ipv4.tcp_migrate_req")));
        draft.advice.push_back(
            "Or drain before the end: stop the distribution to that socket (a BPF program of "
            "SO_ATTACH_REUSEPORT_EBPF, or the load balancer), accept until accept() returns "
            "EAGAIN, and only then close the listener.");
        drafts.push_back(std::move(draft));
    }
}

/// Without a body worth speaking of; the headers of browsers and proxies fit.
constexpr std::uint32_t kOneRequest = 4096;

void find_answered_unread(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::answered_unread);
        if (!facts || !is_many(evidence, "answered_unread", facts->count, ends.connections()))
            continue;
        FindingDraft draft =
            party_draft("answered_unread", report::Severity::warning, ends, *facts);
        draft.what = fmt::format(
            "{} answered and then closed {} of {} connections with data unread{}: close() sends an "
            "RST then, and the client may never see the answer.",
            party_text(ends), facts->count, ends.connections(), within_text(*facts));
        if (facts->most_unread < kOneRequest)
            draft.advice.push_back(fmt::format(
                "No more than {} were unread, so it may have been the next request of the same "
                "connection: a server that restarts, or limits requests per connection, has to "
                "announce the end (Connection: close) with the answer before it.",
                counted(facts->most_unread, "byte")));
        draft.advice.push_back(
            "The server refuses what it is sent (too large, not allowed) and closes without "
            "reading the rest: it has to send its answer, shutdown(SHUT_WR), read to the end or "
            "for some seconds, and then close (nginx: lingering_close always; lingering_time).");
        draft.advice.push_back("Clients can ask first: Expect: 100-continue.");
        drafts.push_back(std::move(draft));
    }
}

/// Who answers all alike without reading a request says nothing by that.
std::string_view unless_text(const CauseFacts& facts, const PartyEnds& ends) {
    return facts.most_sent > 0 && facts.count == ends.connections()
               ? ", or answers without reading what they send"
               : "";
}

void find_turned_away(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::turned_away);
        if (!facts || !is_many(evidence, "turned_away", facts->count, ends.connections())) continue;
        FindingDraft draft = party_draft("turned_away", report::Severity::warning, ends, *facts);
        draft.what = fmt::format(
            "{} closed {} of {} connections at once after accept(), having read {}{}: it turns "
            "clients away{}.",
            party_text(ends), facts->count, ends.connections(),
            facts->most_sent == 0 ? std::string("and sent nothing")
                                  : fmt::format("nothing and sent no more than {}",
                                                counted(facts->most_sent, "byte")),
            within_text(*facts), unless_text(*facts, ends));
        if (facts->most_sent > 0)
            draft.advice.emplace_back(
                "What it sent says why (too many clients, not allowed), but what the clients sent "
                "was unread at the close, or came after it: an RST answers it, and the client may "
                "never see the reason. Its log may have it.");
        draft.advice.push_back(
            "Look into its log and its limits: connections per client or in all, access lists "
            "(tcp_wrappers), descriptors (RLIMIT_NOFILE), or a TLS or proxy protocol that only one "
            "side speaks.");
        drafts.push_back(std::move(draft));
    }
}

} // namespace tcpdwell::analysis
