// SPDX-License-Identifier: Apache-2.0
// Peers that have gone without a word: connections to them, and connections that ended by it.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/peers_gone_words.h"

namespace tcpdwell::analysis {
namespace {

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

std::string waits_text(const Gone& gone) {
    if (gone.is_kept_here())
        return fmt::format("{} that this host doesn't get out", counted(gone.unsent, "byte"));
    if (gone.unacked == 0 && gone.most_keepalive > 0)
        return fmt::format("up to {} in a row unanswered",
                           counted(gone.most_keepalive, "keepalive probe"));
    return fmt::format(
        "{}{} unacknowledged, up to {} in a row",
        gone.closing == 0              ? ""
        : gone.closing == gone.waiting ? "closed here, "
                                       : fmt::format("{} of them closed here, ", gone.closing),
        counted(gone.unacked, "byte"), counted(gone.most_timeouts, "retransmission"));
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

/// "for about 4.4 s", "for 2.0 s to 1.5 min".
std::string idle_text(const Gone& gone) {
    if (gone.most_idle <= gone.least_idle + gone.least_idle / 4)
        return "for about " + duration_text(gone.least_idle);
    return fmt::format("for {} to {}", duration_text(gone.least_idle),
                       duration_text(gone.most_idle));
}

/// Only some of many connections are looked at (Silences): then no number is known.
FindingDraft::Cell known_count(const Gone& gone, std::uint64_t count) {
    return gone.heard.of == gone.waiting + gone.ended ? FindingDraft::Cell(count)
                                                      : FindingDraft::Cell();
}

void describe(const Gone& gone, std::uint32_t netns, FindingDraft& draft) {
    draft.subject = gone.now ? processes_text(gone.now->processes) : party_text(*gone.ends);
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
    if (gone.is_idle()) draft.evidence.push_back({"idle_ns", "idle before that", gone.least_idle});
    if (gone.closing > 0)
        draft.evidence.push_back({"closing", "of which closed here", gone.closing});
    if (gone.orphaned > 0) {
        draft.evidence.push_back({"orphaned", "of which closed here before", gone.orphaned});
        draft.evidence.push_back({"lost", "bytes unsent that were lost", gone.lost});
    }
    if (gone.heard.never_acked > 0)
        draft.evidence.push_back({"never_acked", "of which nothing was ever acknowledged",
                                  known_count(gone, gone.heard.never_acked)});
    if (gone.heard.open_there > 0)
        draft.evidence.push_back({"open_there", "other ends here that are open",
                                  known_count(gone, gone.heard.open_there)});
    if (gone.heard.elsewhere > 0)
        draft.evidence.push_back({"answered_elsewhere", "whose hosts answered on other connections",
                                  known_count(gone, gone.heard.elsewhere)});
    if (gone.heard.elsewhere > 0)
        draft.evidence.push_back({"answered_on_older", "of which on older ones",
                                  known_count(gone, gone.heard.on_older)});
    if (gone.heard.since > 0)
        draft.evidence.push_back({"answered_since", "whose hosts have answered since",
                                  known_count(gone, gone.heard.since)});
    if (gone.now) {
        draft.evidence.push_back(
            {"silence_ns", gone.is_never_acked() ? "nothing acknowledged for" : "no segment for",
             gone.now->longest_silence});
        draft.evidence.push_back({"unacked", "bytes unacknowledged", gone.unacked});
        draft.evidence.push_back({"unsent", "bytes unsent", gone.unsent});
        draft.evidence.push_back(
            {"retransmissions", "in a row", std::uint64_t{gone.most_timeouts}});
        if (gone.most_keepalive > 0)
            draft.evidence.push_back(
                {"probes", "keepalive probes in a row", std::uint64_t{gone.most_keepalive}});
        draft.processes.push_back({"holders", "held by", gone.now->processes});
    }
}

/// ", all of them when they had been closed here, after up to 1 retransmission in a row, and 300
/// bytes unsent were lost"
std::string orphaned_text(const Gone& gone) {
    std::string text = fmt::format(
        ", {} when {} had been closed here",
        gone.orphaned == gone.ended ? "all of them" : fmt::format("{} of them", gone.orphaned),
        gone.orphaned == 1 ? "it" : "they");
    if (gone.most_ended_timeouts > 0)
        text += fmt::format(", after up to {} in a row",
                            counted(gone.most_ended_timeouts, "retransmission"));
    if (gone.lost > 0) text += fmt::format(", and {} unsent were lost", counted(gone.lost, "byte"));
    return text;
}

FindingDraft draft_of_gone(const Gone& gone, std::uint32_t netns) {
    FindingDraft draft{"peers_gone", report::Severity::warning};
    describe(gone, netns, draft);
    const bool was_used = gone.waiting > 0 && gone.is_idle() && gone.unacked > 0;
    if (gone.waiting > 0)
        draft.what =
            fmt::format("The peers of {} of {}{} don't answer{}: no {} from {} for {}{}, {}",
                        counted(gone.waiting, "connection"), draft.subject,
                        was_used ? fmt::format(", idle {} before,", idle_text(gone)) : "",
                        peers_text(gone), gone.is_never_acked() ? "acknowledgement" : "segment",
                        where(gone), duration_text(gone.now->longest_silence),
                        was_used ? ", the idle time included" : "", waits_text(gone));
    if (gone.ended > 0) draft.what += (gone.waiting > 0 ? "; " : "") + ended_text(gone);
    if (gone.orphaned > 0) draft.what += orphaned_text(gone);
    if (gone.waiting == 0 && gone.is_idle()) draft.what += ", having been idle " + idle_text(gone);
    draft.what += '.';
    draft.inference = why_text(gone);
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
    advise_on_one_way(gone, draft);
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

/// Of a service some clients lose their network every day.
bool is_one_of_many(const RuleInput& evidence, const GoneByProgram::key_type& program,
                    const Gone& gone) {
    constexpr double kFew = 0.1;
    if (!gone.scope.remotes.empty()) return false;
    std::uint64_t all = 0;
    for (const ServiceRow& row : evidence.services)
        if (row.key.role == tcp::Role::server && row.key.netns == program.first &&
            event::comm_text(row.key.comm) == program.second)
            all += row.total().connections;
    return share_of(gone.waiting + gone.ended, all) < kFew && all > 0;
}

} // namespace

void find_peers_gone(const RuleInput& evidence, FindingDrafts& drafts) {
    const std::uint64_t many = count_threshold(evidence, "peers_gone.connections");
    for (const auto& [key, gone] : gone_by_program(evidence)) {
        if (gone.waiting + gone.ended < many) continue;
        FindingDraft draft = draft_of_gone(gone, key.first);
        if (is_one_of_many(evidence, key, gone)) draft.severity = report::Severity::info;
        advise_on_gone(evidence, gone, key.first, draft);
        drafts.push_back(std::move(draft));
    }
    for (const auto& [key, gone] : waiting_by_program(evidence, evidence.live.one_way()))
        if (gone.waiting >= many) drafts.push_back(draft_of_one_way(gone, key.first));
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::not_read);
        if (facts && facts->count >= many) drafts.push_back(draft_of_not_read(ends, *facts));
    }
}

} // namespace tcpdwell::analysis
