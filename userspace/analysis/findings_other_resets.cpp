// SPDX-License-Identifier: Apache-2.0
// Connections that ended by resets that have no finding of their own.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"
#include "analysis/resets.h"

namespace tcpdwell::analysis {
std::string open_there_text(std::uint64_t count) {
    return count == 1 ? std::string("The other end of one is here, and still ESTABLISHED: it sent "
                                    "no RST.")
                      : fmt::format("The other ends of {} are here, and still ESTABLISHED: they "
                                    "sent no RST.",
                                    count);
}

namespace {

void add(Resets& resets, EndCause cause, const CauseFacts& facts) {
    (is_of_this_end(cause) ? resets.here : resets.there) += facts.count;
    for (const tcp::EndingDetail detail : kAllOf<tcp::EndingDetail>)
        if (detail != tcp::EndingDetail::none) resets.details[detail] += facts.details[detail];
    resets.open_there += facts.open_there;
    resets.first = resets.causes == 0 ? facts.first : std::min(resets.first, facts.first);
    resets.last = resets.causes == 0 ? facts.last : std::max(resets.last, facts.last);
    resets.closing_first = resets.causes == 0 ? facts.closing_first
                                              : std::min(resets.closing_first, facts.closing_first);
    resets.closing_last = std::max(resets.closing_last, facts.closing_last);
    ++resets.causes;
    if (resets.most && resets.most->count >= facts.count) return;
    resets.most = &facts;
    resets.most_cause = cause;
}

/// Whether another finding speaks of them, or none has to.
bool is_reported_elsewhere(const RuleInput& evidence, const PartyEnds& ends, EndCause cause,
                           const CauseFacts& facts) {
    if (cause == EndCause::reset_idle) return is_idle_race(evidence, ends, cause);
    return cause == EndCause::lingered &&
           facts.count >= count_threshold(evidence, "time_wait_skipped.connections");
}

/// Checkers come again and again with the same request or none. Of those that send none a server
/// knows only that they are gone: it can be taken for well where it serves others.
bool is_harmless(const RuleInput& evidence, const PartyEnds& ends, EndCause cause,
                 const CauseFacts& facts) {
    const auto ended_well = [](const auto& each) {
        return each.first.first == tcp::Ending::fin && each.second > 0;
    };
    switch (cause) {
    case EndCause::admin_killed:
    case EndCause::discarded:
    case EndCause::left_stream:
    case EndCause::late_word:
    case EndCause::met_late_word: return true;
    case EndCause::probe: return is_check(evidence, facts);
    case EndCause::probed:
        return is_check(evidence, facts) && std::ranges::any_of(ends.endings, ended_well);
    case EndCause::reset_answered:
        return is_check(evidence, facts) && facts.least_received == facts.most_received;
    default: return false;
    }
}

/// By clients that had had their answer (hung_up) nothing is lost.
Resets resets_of(const RuleInput& evidence, const PartyEnds& ends) {
    Resets resets;
    for (const EndCause cause :
         {EndCause::reset_here, EndCause::reset_there, EndCause::met_close, EndCause::reset_idle,
          EndCause::closed_unanswered, EndCause::met_unanswered, EndCause::lingered,
          EndCause::gave_up_sending, EndCause::ended_idle, EndCause::probe, EndCause::probed,
          EndCause::reset_answered}) {
        const CauseFacts* facts = ends.facts(cause);
        if (facts && !is_reported_elsewhere(evidence, ends, cause, *facts) &&
            !is_harmless(evidence, ends, cause, *facts))
            add(resets, cause, *facts);
    }
    return resets;
}

FindingDraft reset_draft(report::Severity severity, const PartyEnds& ends, const Resets& resets,
                         std::string_view more) {
    const std::uint64_t count = resets.here + resets.there;
    FindingDraft draft = party_draft("connections_reset", severity, ends, *resets.most);
    draft.what = reset_text(ends, resets) + (more.empty() ? "" : fmt::format(" {}", more));
    if (resets.open_there > 0) draft.what += " " + open_there_text(resets.open_there);
    draft.scope.connections = count;
    draft.scope.first = draft.scope.began = resets.first;
    draft.scope.last = resets.last;
    draft.evidence[0].value = count;
    draft.evidence[2].value = share_of(count, ends.connections());
    draft.evidence.push_back({"reset_sent", "sent here", resets.here});
    draft.evidence.push_back({"reset_received", "received", resets.there});
    if (resets.open_there > 0)
        draft.evidence.push_back(
            {"open_there", "other ends here that are open", resets.open_there});
    if (resets.most->between > 0)
        draft.evidence.push_back({"both_received", "received by both ends, which are here",
                                  std::min(resets.most->between, count)});
    if (const auto idle = idle_before_reset(*resets.most);
        idle && (resets.there > 0 || resets.most_cause == EndCause::ended_idle))
        draft.evidence.push_back({"idle_ns", "idle before that", *idle});
    if (resets.most->hung_up_on > 0)
        draft.evidence.push_back({"hung_up_on", "each when a client of the process had hung up",
                                  std::min(resets.most->hung_up_on, count)});
    if (const std::uint64_t half =
            resets.most->clients_ended.half_closed + resets.most->clients_waiting.half_closed;
        half > 0)
        draft.evidence.push_back({"half_closed", "whose client had half-closed", half});
    for (const tcp::EndingDetail detail : kAllOf<tcp::EndingDetail>)
        if (resets.details[detail] != 0)
            draft.evidence.push_back({detail, name(detail), resets.details[detail]});
    return draft;
}

/// Of resets by which probably nothing is lost, each kind by itself.
struct Harmless {
    EndCause cause;
    std::string_view what;
    std::string_view advice;
};

constexpr std::string_view kClosingAdvice =
    "Probably a closing message (QUIT, TLS's close_notify), by which nothing is lost. If it was a "
    "request instead, it is lost: the client has to look before each use whether the server has "
    "closed.";

constexpr std::string_view kProbeAdvice =
    "Probably probes whether the port is open (Kubernetes: tcpSocket; load balancers), by which "
    "nothing is lost. A probe that reads what the server says first ends without a reset.";

constexpr std::string_view kDiscardedAdvice =
    "What this program had sent was acknowledged. Probably it needed nothing of what it left: the "
    "answer to a closing message (QUIT), TLS's close_notify, the rest of a page whose beginning is "
    "enough for a check (haproxy: option httpchk). Then nothing is lost. If it needs an answer "
    "that comes so late, it has to read to the end before it closes.";

constexpr std::string_view kProxyDiscardedAdvice =
    "This program serves clients itself: probably one of those had gone, or a check needed no more "
    "than the beginning of a page (haproxy: option httpchk). What it had sent was acknowledged, "
    "so the RST took nothing of that away.";

constexpr std::string_view kLeftAdvice =
    "Data had come again and again until they were closed: probably readers of a stream "
    "(server-sent events, a long download) that left, by which nothing is lost. The server learns "
    "of it when it writes next (EPIPE, ECONNRESET), and has to take that for the end of the "
    "client.";

constexpr Harmless kHarmless[] = {
    {EndCause::admin_killed, "",
     "Somebody, or a program with the right to, ended these sockets (ss -K; SOCK_DESTROY): on "
     "purpose, and no fault of either program. The shell history, sudo's log or an audit rule for "
     "netlink shows who."},
    {EndCause::discarded, "", kDiscardedAdvice},
    {EndCause::left_stream, "", kLeftAdvice},
    {EndCause::probe, "", kProbeAdvice},
    {EndCause::probed, "That is while others end well.", kProbeAdvice},
    {EndCause::reset_answered, "The requests were all of the same size.",
     "Probably health checks, which end so when they have their answer (haproxy: option "
     "tcp-check), by which nothing is lost. A client that closes with its answer unread looks the "
     "same from here."},
    {EndCause::late_word, "", kClosingAdvice},
    {EndCause::met_late_word, "", kClosingAdvice},
};

/// Whether the program that connects serves clients itself.
bool has_clients(const RuleInput& evidence, const PartyEnds& ends) {
    if (ends.party.role != tcp::Role::client || !ends.process) return false;
    const event::Process& program = *ends.process;
    return std::ranges::any_of(evidence.causes.parties(), [&](const auto& each) {
        const PartyEnds& other = each.second;
        return other.party.role == tcp::Role::server && other.process &&
               (other.process->pid == program.pid ||
                (ends.several_pids && other.process->comm() == program.comm()));
    });
}

void find_harmless_resets(const RuleInput& evidence, const PartyEnds& ends, FindingDrafts& drafts) {
    for (const Harmless& kind : kHarmless) {
        const CauseFacts* facts = ends.facts(kind.cause);
        if (!facts || !is_harmless(evidence, ends, kind.cause, *facts) ||
            !is_many(evidence, "connections_reset", facts->count, ends.connections()))
            continue;
        Resets resets;
        add(resets, kind.cause, *facts);
        FindingDraft draft = reset_draft(report::Severity::info, ends, resets, kind.what);
        const bool is_proxy = kind.cause == EndCause::discarded && has_clients(evidence, ends);
        draft.advice.emplace_back(is_proxy ? kProxyDiscardedAdvice : kind.advice);
        drafts.push_back(std::move(draft));
    }
}

} // namespace

void find_connections_reset(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const auto& [key, ends] : evidence.causes.parties()) {
        find_harmless_resets(evidence, ends, drafts);
        const Resets resets = resets_of(evidence, ends);
        if (!resets.most ||
            !is_many(evidence, "connections_reset", resets.here + resets.there, ends.connections()))
            continue;
        FindingDraft draft = reset_draft(report::Severity::warning, ends, resets, "");
        draft.advice.emplace_back(reset_advice(ends, resets, has_clients(evidence, ends)));
        draft.advice.push_back("trace --connections shows each of them, with its detail and what "
                               "it had carried.");
        drafts.push_back(std::move(draft));
    }
}

} // namespace tcpdwell::analysis
