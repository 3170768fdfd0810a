// SPDX-License-Identifier: Apache-2.0
// Peers that have gone without a word: connections to them, and connections that ended by it.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

constexpr std::string_view kSizeAdvice =
    "If small segments get through, the path takes no large ones and no ICMP error comes back: "
    "ping -M do -s 1472 (IPv4), the MTU of the interfaces and tunnels, and "
    "net.ipv4.tcp_mtu_probing.";

/// How many connections to each remote endpoint, of served ones to each remote host.
using Peers = std::map<tcp::Endpoint, std::uint64_t>;

/// What is known of the peers behind one program.
struct Gone {
    const HeldSockets* now = nullptr; ///< those with the most
    std::uint64_t waiting = 0;
    bool is_heard_elsewhere = true; ///< the hosts of all of these, on other connections
    Peers waiting_for;
    std::uint64_t unacked = 0; ///< bytes
    std::uint64_t unsent = 0;  ///< bytes
    std::uint32_t most_timeouts = 0;
    const PartyEnds* ends = nullptr; ///< the one with the most
    std::uint64_t ended = 0;
    std::vector<std::pair<std::uint64_t, const PartyEnds*>> parties; ///< that these are of
    EnumArray<tcp::EndingDetail, std::uint64_t> details;
    std::vector<track::ConnectionId> ids;
    std::vector<track::ConnectionId> likes;
    Scope scope;

    void add(const HeldSockets& holding, const OpenSockets& live);
    void add(const PartyEnds& party, const CauseFacts& facts);
};

void add_likes(Gone& gone, const Likes& likes) {
    if (gone.likes.size() < Lives::kMostInFinding)
        gone.likes.insert(gone.likes.end(), likes.list().begin(), likes.list().end());
}

void Gone::add(const HeldSockets& holding, const OpenSockets& live) {
    if (!now) now = &holding; // they are in that order
    waiting += holding.old;
    for (const auto& [peer, count] : holding.tried) waiting_for[peer] += count;
    unacked += holding.unacked;
    unsent += holding.unsent;
    most_timeouts = std::max(most_timeouts, holding.most_timeouts);
    ids.insert(ids.end(), holding.ids.begin(), holding.ids.end());
    add_likes(*this, holding.likes);
    scope.add(scope_of(holding));
    is_heard_elsewhere = is_heard_elsewhere && live.are_heard_elsewhere(holding);
}

void Gone::add(const PartyEnds& party, const CauseFacts& facts) {
    if (!ends || ends->count(EndCause::peer_gone) < facts.count) ends = &party;
    ended += facts.count;
    parties.emplace_back(facts.count, &party);
    Scope its = scope_of(party, facts);
    its.is_began_seen = false; // they waited before they ended
    scope.add(its);
    for (const tcp::EndingDetail detail : kAllOf<tcp::EndingDetail>)
        details[detail] += facts.details[detail];
    for (const track::ConnectionId id : facts.ids.list()) ids.push_back(id);
    add_likes(*this, facts.likes);
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

std::string where(const PartyEnds& ends, const CauseFacts& facts) {
    if (ends.party.role == tcp::Role::client) return ends.party.endpoint.text(ends.family);
    return facts.hosts.begin()->text(ends.family);
}

std::string where(const PartyEnds& ends) { return where(ends, *ends.facts(EndCause::peer_gone)); }

std::string where(const Gone& gone) {
    if (gone.now) return gone.now->oldest_tuple.remote.text(gone.now->oldest_tuple.family);
    return where(*gone.ends);
}

/// The most first: "5 to 10.0.0.5:80, 3 to 10.0.0.6:80, 2 others".
std::string list_text(std::vector<std::pair<std::uint64_t, std::string>> list) {
    constexpr std::size_t kMost = 3;
    std::ranges::stable_sort(list, std::greater<>(), [](const auto& each) { return each.first; });
    std::string text;
    std::uint64_t others = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (i >= kMost)
            others += list[i].first;
        else
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", list[i].first, list[i].second);
    }
    return others == 0 ? text : fmt::format("{}, {} to others", text, others);
}

/// A remote endpoint, or a host.
std::string text_of(const tcp::Endpoint& peer) {
    const tcp::Family family = peer.address.is_v4() ? tcp::Family::ipv4 : tcp::Family::ipv6;
    return peer.port == 0 ? peer.address.text(family) : peer.text(family);
}

/// " (5 to 10.0.0.5:80, 3 to 10.0.0.6:80)"; empty where there is one only.
std::string peers_text(const Gone& gone) {
    if (gone.waiting_for.size() < 2) return {};
    std::vector<std::pair<std::uint64_t, std::string>> list;
    for (const auto& [peer, count] : gone.waiting_for)
        list.emplace_back(count, "to " + text_of(peer));
    return fmt::format(" ({})", list_text(std::move(list)));
}

/// By network namespace and name of the program.
using GoneByProgram = std::map<std::pair<std::uint32_t, std::string>, Gone>;

GoneByProgram waiting_by_program(const OpenSockets& live,
                                 const std::vector<const HeldSockets*>& waiting) {
    GoneByProgram programs;
    for (const HeldSockets* holding : waiting)
        programs[{holding->netns, holding->comm}].add(*holding, live);
    return programs;
}

GoneByProgram gone_by_program(const RuleInput& evidence) {
    GoneByProgram programs = waiting_by_program(evidence.live, evidence.live.unanswering());
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::peer_gone);
        if (!facts) continue;
        const std::string comm = ends.process ? std::string(ends.process->comm())
                                              : std::string(event::comm_text(ends.party.comm));
        programs[{key.netns, comm}].add(ends, *facts);
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
    return gone.waiting > 0 && gone.unacked == 0 && gone.unsent > 0;
}

std::string waits_text(const Gone& gone) {
    if (is_kept_here(gone))
        return fmt::format("{} that this host doesn't get out", counted(gone.unsent, "byte"));
    return fmt::format("{} unacknowledged, up to {} in a row", counted(gone.unacked, "byte"),
                       counted(gone.most_timeouts, "retransmission"));
}

/// "5 connections of app (pid 7) to 10.0.0.5:80 timed out without an answer from the peer
/// (keepalive 5), for instance 10.0.0.5:80", or with the number for each endpoint.
std::string ended_text(const Gone& gone) {
    if (gone.parties.size() == 1)
        return fmt::format("{} of {} timed out without an answer from the peer ({}), for instance "
                           "{}",
                           counted(gone.ended, "connection"), party_text(*gone.ends), ways(gone),
                           where(*gone.ends));
    std::vector<std::pair<std::uint64_t, std::string>> list;
    for (const auto& [count, party] : gone.parties)
        list.emplace_back(count,
                          fmt::format("{} {}", party->party.role == tcp::Role::server ? "on" : "to",
                                      party->party.endpoint.text(party->family)));
    return fmt::format(
        "{} of {} timed out without an answer from the peers ({}): {}",
        counted(gone.ended, "connection"),
        comm_of(gone.ends->process ? gone.ends->process->comm_bytes : gone.ends->party.comm),
        ways(gone), list_text(std::move(list)));
}

/// More than fits into the segments that get through wherever any do (RFC 1122, 4.2.2.6).
bool sends_much(const Gone& gone) {
    constexpr std::uint64_t kSmall = 536;
    return gone.waiting > 0 && gone.unacked > kSmall * gone.waiting;
}

/// Of those that wait, and none has ended: those may have been of others.
bool answers_elsewhere(const Gone& gone) {
    return gone.waiting > 0 && gone.ended == 0 && gone.is_heard_elsewhere;
}

std::string why_text(const Gone& gone) {
    if (is_kept_here(gone)) return "what is to be sent is dropped here, or the path is cut";
    if (answers_elsewhere(gone))
        return fmt::format("{} on other connections, so what these send is lost on the way (by its "
                           "size or its ports), or several hosts share an address",
                           gone.waiting_for.size() == 1 ? "that host answers"
                                                        : "these hosts answer");
    const bool is_one = gone.waiting_for.size() + gone.parties.size() == 1;
    if (is_one)
        return fmt::format("the peer has gone, or the path to it is cut{}",
                           sends_much(gone) ? " or takes no large segments" : "");
    return fmt::format("the peers have gone, or the paths to them are cut{}",
                       sends_much(gone) ? " or take no large segments" : "");
}

void describe(const Gone& gone, std::uint32_t netns, FindingDraft& draft) {
    draft.subject = gone.now ? holders_text(*gone.now) : party_text(*gone.ends);
    draft.connections = gone.ids;
    draft.likes = gone.likes;
    draft.scope = gone.scope;
    draft.evidence = {
        {"waiting", "waiting now", gone.waiting},
        {"ended", "timed out", gone.ended},
        {"retransmission", "by retransmission", gone.details[tcp::EndingDetail::retransmission]},
        {"user_timeout", "by TCP_USER_TIMEOUT", gone.details[tcp::EndingDetail::user_timeout]},
        {"keepalive", "by keepalive", gone.details[tcp::EndingDetail::keepalive]},
        {"remote", "remote", where(gone)},
        {"netns", "network namespace", std::uint64_t{netns}}};
    if (gone.now) {
        draft.evidence.push_back({"silence_ns", "no segment for", gone.now->longest_silence});
        draft.evidence.push_back({"unacked", "bytes unacknowledged", gone.unacked});
        draft.evidence.push_back({"unsent", "bytes unsent", gone.unsent});
        draft.evidence.push_back(
            {"retransmissions", "in a row", std::uint64_t{gone.most_timeouts}});
        draft.processes.push_back({"holders", "held by", gone.now->processes});
    }
}

FindingDraft draft_of_gone(const Gone& gone, std::uint32_t netns) {
    FindingDraft draft{"peers_gone", report::Severity::warning};
    describe(gone, netns, draft);
    if (gone.waiting > 0)
        draft.what =
            fmt::format("The peers of {} of {} don't answer{}: no segment from {} for {}, {}",
                        counted(gone.waiting, "connection"), draft.subject, peers_text(gone),
                        where(gone), duration_text(gone.now->longest_silence), waits_text(gone));
    if (gone.ended > 0) draft.what += (gone.waiting > 0 ? "; " : "") + ended_text(gone);
    draft.what += fmt::format(": {}.", why_text(gone));
    return draft;
}

FindingDraft draft_of_one_way(const Gone& gone, std::uint32_t netns) {
    FindingDraft draft{"peers_gone", report::Severity::warning};
    describe(gone, netns, draft);
    draft.what = fmt::format(
        "What {} sends on {}{} isn't acknowledged{} for {} at least ({}), although segments came "
        "from {} no longer than {} ago: what is sent is lost on the way.",
        draft.subject, counted(gone.waiting, "connection"), peers_text(gone),
        gone.waiting == 1 ? "" : ", on one of them", duration_text(gone.now->oldest),
        waits_text(gone),
        gone.waiting_for.size() == 1 ? text_of(gone.waiting_for.begin()->first) : "the peers",
        duration_text(gone.now->longest_silence));
    draft.advice.push_back("One direction is cut: look for what drops it here (nft list ruleset, "
                           "tc -s qdisc), on the way (routes that differ by direction, a firewall "
                           "that has seen one direction only), and at the peer.");
    draft.advice.push_back(std::string(kSizeAdvice));
    return draft;
}

/// Alive, but their programs don't read; the program here has set how long that may last.
FindingDraft draft_of_not_read(const PartyEnds& ends, const CauseFacts& facts) {
    FindingDraft draft{"peers_gone", report::Severity::warning};
    const bool is_one = facts.count == 1;
    draft.subject = party_text(ends);
    draft.what = fmt::format(
        "{} of {} {} ended by the time-out that the program has set (TCP_USER_TIMEOUT): {} alive "
        "and answered, but with a receive window of 0{} for {}, so that {} stayed unsent: {} read.",
        counted(facts.count, "connection"), draft.subject, is_one ? "was" : "were",
        is_one ? "the peer was" : "the peers were", is_one ? "" : ", one of them",
        duration_text(facts.longest_limited), counted(facts.unsent, "byte"),
        is_one ? "it doesn't" : "they don't");
    const std::uint64_t none = 0;
    draft.evidence = {{"waiting", "waiting now", none},
                      {"ended", "timed out", facts.count},
                      {"retransmission", "by retransmission", none},
                      {"user_timeout", "by TCP_USER_TIMEOUT", facts.count},
                      {"keepalive", "by keepalive", none},
                      {"remote", "remote", where(ends, facts)},
                      {"netns", "network namespace", std::uint64_t{ends.party.netns}},
                      {"zero_window", "with a window of 0", facts.count},
                      {"unsent", "bytes unsent", facts.unsent},
                      {"limited_ns", "kept from sending for", facts.longest_limited}};
    draft.connections = facts.ids.list();
    draft.likes = facts.likes.list();
    draft.scope = scope_of(ends, facts);
    draft.scope.is_began_seen = false; // they waited before they ended
    draft.advice.push_back("The cure is at the peers: their programs have to read. Look for what "
                           "they wait for (a lock, a slow disk), and whether they can take as "
                           "much as is sent.");
    draft.advice.push_back("TCP_USER_TIMEOUT also ends connections whose peers are alive: if slow "
                           "readers are to be kept, set it to more than they need to catch up.");
    return draft;
}

} // namespace

void find_peers_gone(const RuleInput& evidence, FindingDrafts& drafts) {
    const std::uint64_t many = count_threshold(evidence, "peers_gone.connections");
    for (const auto& [key, gone] : gone_by_program(evidence)) {
        if (gone.waiting + gone.ended < many) continue;
        FindingDraft draft = draft_of_gone(gone, key.first);
        if (is_kept_here(gone))
            draft.advice.push_back("The data was not even sent once: look for what drops it on "
                                   "this host (nft list ruleset, iptables-save, tc -s qdisc).");
        if (answers_elsewhere(gone) || sends_much(gone)) draft.advice.emplace_back(kSizeAdvice);
        advise_on_gone(evidence, key.first, draft);
        drafts.push_back(std::move(draft));
    }
    for (const auto& [key, gone] : waiting_by_program(evidence.live, evidence.live.one_way()))
        if (gone.waiting >= many) drafts.push_back(draft_of_one_way(gone, key.first));
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::not_read);
        if (facts && facts->count >= many) drafts.push_back(draft_of_not_read(ends, *facts));
    }
}

} // namespace tcpdwell::analysis
