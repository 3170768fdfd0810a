// SPDX-License-Identifier: Apache-2.0
// Connections that ended by resets that have no finding of their own.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
std::string open_there_text(std::uint64_t count) {
    return count == 1 ? std::string("The other end of one is here, and still ESTABLISHED: it sent "
                                    "no RST.")
                      : fmt::format("The other ends of {} are here, and still ESTABLISHED: they "
                                    "sent no RST.",
                                    count);
}

namespace {

/// Resets without a cause of their own, by who sent them. Those by SO_LINGER belong to them where
/// they are too few for time_wait_skipped, and no checks.
struct Resets {
    std::uint64_t here = 0;
    std::uint64_t there = 0;
    EnumArray<tcp::EndingDetail, std::uint64_t> details;
    std::uint64_t open_there = 0; ///< other ends that are here, and open
    std::vector<const CauseFacts*> causes;
    const CauseFacts* most = nullptr;
    EndCause most_cause = EndCause::none;
};

void add(Resets& resets, EndCause cause, const CauseFacts& facts) {
    (is_of_this_end(cause) ? resets.here : resets.there) += facts.count;
    for (const tcp::EndingDetail detail : kAllOf<tcp::EndingDetail>)
        if (detail != tcp::EndingDetail::none) resets.details[detail] += facts.details[detail];
    resets.open_there += facts.open_there;
    resets.causes.push_back(&facts);
    if (resets.most && resets.most->count >= facts.count) return;
    resets.most = &facts;
    resets.most_cause = cause;
}

/// Whether another finding speaks of them, or none has to.
bool is_reported_elsewhere(const RuleInput& evidence, const PartyEnds& ends, EndCause cause,
                           const CauseFacts& facts) {
    if (cause == EndCause::reset_idle) return is_idle_race(evidence, ends, cause);
    if (cause == EndCause::hung_up && is_check(evidence, facts)) return true;
    return (cause == EndCause::lingered || cause == EndCause::hung_up) &&
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

Resets resets_of(const RuleInput& evidence, const PartyEnds& ends) {
    Resets resets;
    for (const EndCause cause :
         {EndCause::reset_here, EndCause::reset_there, EndCause::reset_idle,
          EndCause::closed_unanswered, EndCause::met_unanswered, EndCause::lingered,
          EndCause::hung_up, EndCause::probe, EndCause::probed, EndCause::reset_answered}) {
        const CauseFacts* facts = ends.facts(cause);
        if (facts && !is_reported_elsewhere(evidence, ends, cause, *facts) &&
            !is_harmless(evidence, ends, cause, *facts))
            add(resets, cause, *facts);
    }
    return resets;
}

std::string details_text(const Resets& resets) {
    std::string text;
    for (const tcp::EndingDetail detail : kAllOf<tcp::EndingDetail>)
        if (resets.details[detail] != 0)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name(detail),
                                resets.details[detail]);
    return text;
}

/// After which silence a client gave up, where that is always the same; else empty.
std::string patience_text(const CauseFacts& facts) {
    const Nanoseconds silence = facts.idle.quantile(0.5);
    return silence < std::chrono::milliseconds(100) || !clusters(facts.idle)
               ? std::string()
               : fmt::format(" after {}", duration_text(silence));
}

/// A server that reads for so long and no longer.
std::string unanswered_advice(const CauseFacts& facts) {
    return fmt::format(
        "This server closed{} without having sent anything, and the client sent more after that: "
        "as by a time-out for reading requests (nginx: client_header_timeout, "
        "client_body_timeout). Hold it against the time that the clients take to send.",
        patience_text(facts));
}

std::string received_advice(const Resets& resets) {
    if (resets.open_there * 2 >= resets.there)
        return "Something else sent the RSTs: a firewall that rejects (iptables -L -v, nft list "
               "ruleset; also on the server's host), a load balancer or a NAT on the way, or "
               "another host that has the address as well. tcpdump shows by the TTL of an RST how "
               "far away it was sent.";
    switch (resets.most_cause) {
    case EndCause::met_unanswered:
        return "The server had closed without having sent anything, and this program sent more "
               "after that: as by the server's time-out for reading requests. Its log may say so; "
               "hold that time-out against the time that this program takes to send.";
    case EndCause::probed:
        return "These clients closed within moments of connecting, having sent nothing: probes of "
               "the port (Kubernetes: tcpSocket; load balancers), or a scan. What the server says "
               "first meets the close.";
    case EndCause::reset_answered:
        return "These clients reset the connection as soon as they were answered: they close with "
               "part of the answer unread, or with SO_LINGER 0. Trace there, too: tcpdwell report "
               "over both recordings joins the ends.";
    default:
        return "From here it can't be seen who resets: the other side (it closes with data unread, "
               "or aborts: a limit, a time-out, a restart), the host that has its address now, or "
               "a firewall or load balancer on the way. Trace there, too: tcpdwell report over "
               "both recordings joins the ends.";
    }
}

std::string reset_advice(const PartyEnds& ends, const Resets& resets) {
    using enum tcp::EndingDetail;
    const tcp::Role role = ends.party.role;
    if (resets.there > resets.here) return received_advice(resets);
    if (resets.most_cause == EndCause::closed_unanswered) return unanswered_advice(*resets.most);
    if (resets.most_cause == EndCause::probe)
        return "This program closed within moments of connecting, having sent nothing: it waited "
               "for nothing, and what the peer says first met the close, or stayed unread.";
    if (resets.details[unread_data] * 2 >= resets.here)
        return "close() with data unread sends an RST instead of a FIN: read to the end before "
               "closing, or the peer may lose the last answer.";
    if (resets.details[data_after_close] * 2 >= resets.here && role == tcp::Role::client)
        return fmt::format("The answers came after this program had closed: it gave up waiting{}. "
                           "Hold its time-out against the time that the server takes.",
                           patience_text(*resets.most));
    if (resets.details[data_after_close] * 2 >= resets.here)
        return "The peer still sent data after close(), so it was reset: use shutdown(SHUT_WR), "
               "read to the end, then close.";
    if (resets.details[so_linger_zero] * 2 >= resets.here && role == tcp::Role::client &&
        !patience_text(*resets.most).empty())
        return fmt::format("This program ended each{} of silence, as by a time-out of its own "
                           "(haproxy: timeout server, timeout client): hold it against the time "
                           "that the server takes. It closes with SO_LINGER 0, so what comes later "
                           "is refused.",
                           patience_text(*resets.most));
    if (resets.details[so_linger_zero] * 2 >= resets.here)
        return "SO_LINGER with a time of 0 makes close() send an RST: the peer gets an error, and "
               "may lose data that it has not read yet. Remove it.";
    return "This side resets; trace --connections shows why, for each.";
}

/// When the first and the last of them ended.
std::pair<MonoTime, MonoTime> times_of(const Resets& resets) {
    MonoTime first = resets.most->first;
    MonoTime last = resets.most->last;
    for (const CauseFacts* each : resets.causes) {
        first = std::min(first, each->first);
        last = std::max(last, each->last);
    }
    return {first, last};
}

FindingDraft reset_draft(report::Severity severity, const PartyEnds& ends, const Resets& resets,
                         std::string_view more) {
    const std::uint64_t count = resets.here + resets.there;
    FindingDraft draft = party_draft("connections_reset", severity, ends, *resets.most);
    const std::string details = details_text(resets);
    const auto times = times_of(resets);
    draft.what =
        fmt::format("{} of {} connections of {} ended by a reset: {} sent here, {} received{}{}{}.",
                    count, ends.connections(), party_text(ends), resets.here, resets.there,
                    details.empty() ? "" : fmt::format(" ({})", details),
                    resets.causes.size() == 1 ? within_text(*resets.most)
                                              : within_text(times.first, times.second),
                    more);
    if (resets.open_there > 0) draft.what += " " + open_there_text(resets.open_there);
    draft.scope.connections = count;
    draft.scope.first = draft.scope.began = times.first;
    draft.scope.last = times.second;
    draft.evidence[0].value = count;
    draft.evidence[2].value = share_of(count, ends.connections());
    draft.evidence.push_back({"reset_sent", "sent here", resets.here});
    draft.evidence.push_back({"reset_received", "received", resets.there});
    if (resets.open_there > 0)
        draft.evidence.push_back(
            {"open_there", "other ends here that are open", resets.open_there});
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

constexpr Harmless kHarmless[] = {
    {EndCause::probe,
     "; this program closed within moments of connecting, having sent nothing, and what the peer "
     "says first met the close, or stayed unread",
     kProbeAdvice},
    {EndCause::probed,
     "; the client closed within moments of connecting, having sent nothing, while others end well",
     kProbeAdvice},
    {EndCause::reset_answered,
     "; each came at once after an answer, and the requests were all of the same size",
     "Probably health checks, which end so when they have their answer (haproxy: option "
     "tcp-check), by which nothing is lost. A client that closes with its answer unread looks the "
     "same from here."},
    {EndCause::late_word,
     "; the server had closed soon after the opening, having sent its answer, and the client sent "
     "something no sooner than 1.0 s after that",
     kClosingAdvice},
    {EndCause::met_late_word,
     "; the server had closed soon after the opening, having sent its answer, and this program "
     "sent something a while after that",
     kClosingAdvice},
};

void find_harmless_resets(const RuleInput& evidence, const PartyEnds& ends, FindingDrafts& drafts) {
    for (const Harmless& kind : kHarmless) {
        const CauseFacts* facts = ends.facts(kind.cause);
        if (!facts || !is_harmless(evidence, ends, kind.cause, *facts) ||
            !is_many(evidence, "connections_reset", facts->count, ends.connections()))
            continue;
        Resets resets;
        add(resets, kind.cause, *facts);
        FindingDraft draft = reset_draft(report::Severity::info, ends, resets, kind.what);
        draft.advice.emplace_back(kind.advice);
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
        draft.advice.emplace_back(reset_advice(ends, resets));
        draft.advice.push_back("trace --connections shows each of them, with its detail and what "
                               "it had carried.");
        drafts.push_back(std::move(draft));
    }
}

} // namespace tcpdwell::analysis
