// SPDX-License-Identifier: Apache-2.0
// Peers that have gone without a word: connections to them, and connections that ended by it.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

/// What is known of the peers behind one program.
struct Gone {
    const HeldSockets* now = nullptr;
    const PartyEnds* ends = nullptr; ///< the one with the most
    std::uint64_t ended = 0;
    EnumArray<tcp::EndingDetail, std::uint64_t> details;
    std::vector<track::ConnectionId> ids;
    std::vector<track::ConnectionId> likes;
    Scope scope;
};

void add_likes(Gone& gone, const Likes& likes) {
    if (gone.likes.size() < Lives::kMostInFinding)
        gone.likes.insert(gone.likes.end(), likes.list().begin(), likes.list().end());
}

std::string ways(const Gone& gone) {
    std::string text;
    for (const tcp::EndingDetail detail : kAllOf<tcp::EndingDetail>) {
        if (gone.details[detail] == 0 || detail == tcp::EndingDetail::none) continue;
        text +=
            fmt::format("{}{} {}", text.empty() ? "" : ", ", name(detail), gone.details[detail]);
    }
    return text;
}

std::string where(const Gone& gone) {
    if (gone.now) return gone.now->oldest_tuple.remote.text(gone.now->oldest_tuple.family);
    const bool client = gone.ends->party.role == tcp::Role::client;
    if (client) return gone.ends->party.endpoint.text(gone.ends->family);
    const CauseFacts* facts = gone.ends->facts(EndCause::peer_gone);
    return facts->hosts.begin()->text(gone.ends->family);
}

/// By network namespace and name of the program.
std::map<std::pair<std::uint32_t, std::string>, Gone> gone_by_program(const RuleInput& evidence) {
    std::map<std::pair<std::uint32_t, std::string>, Gone> programs;
    for (const HeldSockets* holding : evidence.live.unanswering()) {
        Gone& gone = programs[{holding->netns, holding->comm}];
        gone.ids.insert(gone.ids.end(), holding->ids.begin(), holding->ids.end());
        add_likes(gone, holding->likes);
        gone.scope.add(scope_of(*holding));
        if (!gone.now) gone.now = holding; // the one with the most: they are in that order
    }
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::peer_gone);
        if (!facts) continue;
        const std::string comm = ends.process ? std::string(ends.process->comm())
                                              : std::string(event::comm_text(ends.party.comm));
        Gone& gone = programs[{key.netns, comm}];
        if (!gone.ends || gone.ends->count(EndCause::peer_gone) < facts->count) gone.ends = &ends;
        gone.ended += facts->count;
        Scope scope = scope_of(ends, *facts);
        scope.is_began_seen = false; // they waited before they ended
        gone.scope.add(scope);
        for (const tcp::EndingDetail detail : kAllOf<tcp::EndingDetail>)
            gone.details[detail] += facts->details[detail];
        for (const track::ConnectionId id : facts->ids.list()) gone.ids.push_back(id);
        add_likes(gone, facts->likes);
    }
    return programs;
}

void advise_on_gone(const RuleInput& evidence, std::uint32_t netns, FindingDraft& draft) {
    draft.advice.push_back(fmt::format(
        "A connection with unacknowledged data hangs until {} retransmissions have gone out, "
        "some 15 minutes with 15; a program that must know sooner sets TCP_USER_TIMEOUT.",
        sysctl_text(evidence, netns, "net.ipv4.tcp_retries2")));
    draft.advice.push_back(fmt::format(
        "One that only listens never notices without keepalive: SO_KEEPALIVE, and {} s of "
        "silence until the first probe unless the program sets TCP_KEEPIDLE, then {} probes {} "
        "s apart.",
        sysctl_text(evidence, netns, "net.ipv4.tcp_keepalive_time"),
        sysctl_text(evidence, netns, "net.ipv4.tcp_keepalive_probes"),
        sysctl_text(evidence, netns, "net.ipv4.tcp_keepalive_intvl")));
    draft.advice.push_back("Peers crash, lose their network, or sit behind a NAT or firewall "
                           "that forgot the idle connection: if many do after the same idle "
                           "time, keep it below that.");
}

/// What the kernel couldn't get out of the host: its first transmission failed already.
bool is_kept_here(const Gone& gone) {
    return gone.now && gone.now->unacked == 0 && gone.now->unsent > 0;
}

std::string waits_text(const HeldSockets& holding) {
    if (holding.unacked == 0 && holding.unsent > 0)
        return fmt::format("{} that this host doesn't get out", counted(holding.unsent, "byte"));
    return fmt::format("{} unacknowledged, up to {} in a row", counted(holding.unacked, "byte"),
                       counted(holding.most_timeouts, "retransmission"));
}

FindingDraft draft_of_gone(const Gone& gone, std::uint32_t netns) {
    const std::uint64_t waiting = gone.now ? gone.now->old : 0;
    FindingDraft draft{"peers_gone", report::Severity::warning};
    draft.subject = gone.now ? holders_text(*gone.now) : party_text(*gone.ends);
    draft.connections = gone.ids;
    draft.likes = gone.likes;
    draft.scope = gone.scope;
    if (waiting > 0)
        draft.what =
            fmt::format("The peers of {} of {} don't answer: no segment from {} for {}, {}",
                        counted(waiting, "connection"), draft.subject, where(gone),
                        duration_text(gone.now->longest_silence), waits_text(*gone.now));
    if (gone.ended > 0)
        draft.what += fmt::format(
            "{}{} of {} timed out without an answer from the peer ({}), for instance {}",
            waiting > 0 ? "; " : "", counted(gone.ended, "connection"),
            gone.ends ? party_text(*gone.ends) : draft.subject, ways(gone), where(gone));
    draft.what += is_kept_here(gone) ? ": what is to be sent is dropped here, or the path is cut."
                                     : ": the peer has gone, or the path to it is cut.";
    draft.evidence = {
        {"waiting", "waiting now", waiting},
        {"ended", "timed out", gone.ended},
        {"retransmission", "by retransmission", gone.details[tcp::EndingDetail::retransmission]},
        {"user_timeout", "by TCP_USER_TIMEOUT", gone.details[tcp::EndingDetail::user_timeout]},
        {"keepalive", "by keepalive", gone.details[tcp::EndingDetail::keepalive]},
        {"remote", "remote", where(gone)},
        {"netns", "network namespace", std::uint64_t{netns}}};
    if (gone.now) {
        draft.evidence.push_back({"silence_ns", "no segment for", gone.now->longest_silence});
        draft.evidence.push_back({"unacked", "bytes unacknowledged", gone.now->unacked});
        draft.evidence.push_back({"unsent", "bytes unsent", gone.now->unsent});
        draft.evidence.push_back(
            {"retransmissions", "in a row", std::uint64_t{gone.now->most_timeouts}});
        draft.processes.push_back({"holders", "held by", gone.now->processes});
    }
    return draft;
}

} // namespace

void find_peers_gone(const RuleInput& evidence, FindingDrafts& drafts) {
    const std::uint64_t many = count_threshold(evidence, "peers_gone.connections");
    for (const auto& [key, gone] : gone_by_program(evidence)) {
        if ((gone.now ? gone.now->old : 0) + gone.ended < many) continue;
        FindingDraft draft = draft_of_gone(gone, key.first);
        if (is_kept_here(gone))
            draft.advice.push_back("The data was not even sent once: look for what drops it on "
                                   "this host (nft list ruleset, iptables-save, tc -s qdisc).");
        advise_on_gone(evidence, key.first, draft);
        drafts.push_back(std::move(draft));
    }
}

} // namespace tcpdwell::analysis
