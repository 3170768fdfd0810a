// SPDX-License-Identifier: Apache-2.0
// Connections that ended by resets that have no finding of their own.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

/// Resets without a cause of their own, by who sent them. Those by SO_LINGER belong to them where
/// they are too few for time_wait_skipped, and no checks.
struct Resets {
    std::uint64_t here = 0;
    std::uint64_t there = 0;
    EnumArray<tcp::EndingDetail, std::uint64_t> details;
    const CauseFacts* most = nullptr;
};

void add(Resets& resets, EndCause cause, const CauseFacts& facts) {
    (is_of_this_end(cause) ? resets.here : resets.there) += facts.count;
    for (const tcp::EndingDetail detail : kAllOf<tcp::EndingDetail>)
        if (detail != tcp::EndingDetail::none) resets.details[detail] += facts.details[detail];
    if (!resets.most || resets.most->count < facts.count) resets.most = &facts;
}

/// Whether another finding speaks of them, or none has to.
bool is_reported_elsewhere(const RuleInput& evidence, const PartyEnds& ends, EndCause cause,
                           const CauseFacts& facts) {
    if (cause == EndCause::reset_idle) return is_idle_race(evidence, ends, cause);
    if (cause == EndCause::hung_up && is_check(evidence, facts)) return true;
    return (cause == EndCause::lingered || cause == EndCause::hung_up) &&
           facts.count >= count_threshold(evidence, "time_wait_skipped.connections");
}

Resets resets_of(const RuleInput& evidence, const PartyEnds& ends) {
    Resets resets;
    for (const EndCause cause : {EndCause::reset_here, EndCause::reset_there, EndCause::reset_idle,
                                 EndCause::closed_unanswered, EndCause::met_unanswered,
                                 EndCause::lingered, EndCause::hung_up}) {
        const CauseFacts* facts = ends.facts(cause);
        if (facts && !is_reported_elsewhere(evidence, ends, cause, *facts))
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

std::string reset_advice(const PartyEnds& ends, const Resets& resets) {
    using enum tcp::EndingDetail;
    const tcp::Role role = ends.party.role;
    if (resets.there > resets.here && ends.count(EndCause::met_unanswered) * 2 >= resets.there)
        return "The server had closed without having sent anything, and this program sent more "
               "after that: as by the server's time-out for reading requests. Its log may say so; "
               "hold that time-out against the time that this program takes to send.";
    if (resets.there > resets.here)
        return "The other side resets: it closes with data unread, or aborts (a limit, a time-out, "
               "a restart). Trace there, too: tcpdwell report over both recordings joins the ends.";
    if (resets.details[unread_data] * 2 >= resets.here)
        return "close() with data unread sends an RST instead of a FIN: read to the end before "
               "closing, or the peer may lose the last answer.";
    if (resets.here > 0 && ends.count(EndCause::closed_unanswered) * 2 >= resets.here)
        return unanswered_advice(*ends.facts(EndCause::closed_unanswered));
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

FindingDraft reset_draft(report::Severity severity, const PartyEnds& ends, const Resets& resets,
                         std::string_view more) {
    const std::uint64_t count = resets.here + resets.there;
    FindingDraft draft = party_draft("connections_reset", severity, ends, *resets.most);
    const std::string details = details_text(resets);
    draft.what = fmt::format(
        "{} of {} connections of {} ended by a reset: {} sent here, {} received{}{}{}.", count,
        ends.connections(), party_text(ends), resets.here, resets.there,
        details.empty() ? "" : fmt::format(" ({})", details), within_text(*resets.most), more);
    draft.scope.connections = count;
    draft.evidence[0].value = count;
    draft.evidence[2].value = share_of(count, ends.connections());
    draft.evidence.push_back({"reset_sent", "sent here", resets.here});
    draft.evidence.push_back({"reset_received", "received", resets.there});
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

constexpr Harmless kHarmless[] = {
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
        if (!facts || !is_many(evidence, "connections_reset", facts->count, ends.connections()))
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
