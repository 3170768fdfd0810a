// SPDX-License-Identifier: Apache-2.0
// Idle connections that were over when they were used again.
#include <fmt/format.h>

#include "analysis/findings.h"

namespace tcpdwell::analysis {

bool clusters(const LogHistogram& idle) {
    const Nanoseconds middle = idle.quantile(0.5);
    const Nanoseconds width = std::max<Nanoseconds>(middle / 10, std::chrono::milliseconds(200));
    return idle.quantile(0.9) - idle.quantile(0.1) <= 2 * width;
}

bool is_idle_race(const RuleInput& evidence, const PartyEnds& ends, EndCause cause) {
    const CauseFacts* facts = ends.facts(cause);
    return facts && is_many(evidence, "idle_close_race", facts->count, ends.connections()) &&
           (cause != EndCause::reset_idle || clusters(facts->idle)); // else it may be no limit
}

namespace {

/// The closer had just sent something, such as why it closes.
bool has_said_so(const CauseFacts& facts) {
    return facts.idle.quantile(0.5) < std::chrono::milliseconds(100);
}

/// Whether what the closes have in common is the moment, not how long the connections had been
/// idle: a reload or an administrator closes so. A server that looks for idle ones now and then
/// closes those at one moment, too, that have been idle for about as long.
bool were_closed_at_once(EndCause cause, const CauseFacts& facts) {
    const Nanoseconds closing = facts.closing_last - facts.closing_first;
    const Nanoseconds between = std::max<Nanoseconds>(closing, std::chrono::milliseconds(10));
    return cause == EndCause::idle_close && facts.count >= 3 &&
           facts.idle.max() * 2 > facts.idle.min() * 3 &&
           facts.idle.max() - facts.idle.min() > 4 * between;
}

/// Whether the closer had been sending until then, as heartbeats: its last sending says nothing of
/// an idle limit.
bool has_sent_until_close(EndCause cause, const CauseFacts& facts) {
    return cause == EndCause::idle_close && !has_said_so(facts) &&
           facts.sent_until_close * 2 >= facts.count;
}

/// "that had been idle for 1.0 s"
std::string closed_text(const CauseFacts& facts) {
    const std::string after = duration_text(facts.idle.quantile(0.5));
    if (has_said_so(facts)) return "on which it had just sent something";
    if (has_sent_until_close(EndCause::idle_close, facts))
        return fmt::format("on which it was sending again and again, "
                           "{} before the close for the last time",
                           after);
    return fmt::format("that had been idle for {}{}",
                       clusters(facts.idle) ? "" : "some time, about ", after);
}

/// Over which time the segments are spread that met the closes.
std::string met_within_text(const CauseFacts& facts) {
    if (facts.count < 2 || facts.ids.count < 2) return {};
    return within_text(facts.first, facts.last);
}

constexpr EndCause kIdleCauses[] = {EndCause::idle_close, EndCause::met_idle_close,
                                    EndCause::reset_idle};

/// Connections are counted: how many requests they carried isn't known, nor whether what was sent
/// last was one.
std::string idle_text(const PartyEnds& ends, EndCause cause, const CauseFacts& facts) {
    const std::string after = duration_text(facts.idle.quantile(0.5));
    const bool is_limit = clusters(facts.idle);
    if (were_closed_at_once(cause, facts))
        return fmt::format(
            "{} closed connections at one moment (within {}), which had been idle for {} to {}, "
            "and on {} of {} the client sent something after that{}: an RST answered it, and if it "
            "was a request, it is lost.",
            party_text(ends),
            duration_text(std::max<Nanoseconds>(facts.closing_last - facts.closing_first,
                                                std::chrono::milliseconds(1))),
            duration_text(facts.idle.min()), duration_text(facts.idle.max()), facts.count,
            ends.connections(), met_within_text(facts));
    if (cause == EndCause::idle_close)
        return fmt::format(
            "{} closed connections {}, and on {} of {} connections the client sent something after "
            "that{}: an RST answered it, and if it was a request, it is lost.",
            party_text(ends), closed_text(facts), facts.count, ends.connections(),
            met_within_text(facts));
    if (cause == EndCause::met_idle_close)
        return fmt::format("On {} of {} connections of {} something was sent {}{} after the server "
                           "had closed them{}: an RST answered it, and if it was a request, it is "
                           "lost.",
                           facts.count, ends.connections(), party_text(ends),
                           is_limit ? "" : "about ", after, met_within_text(facts));
    return fmt::format(
        "On {} of {} connections of {} something was sent after they had been idle "
        "for {}, and answered by an RST{}: it may be lost. {}",
        facts.count, ends.connections(), party_text(ends), after, met_within_text(facts),
        facts.open_there > 0 ? open_there_text(facts.open_there)
                             : "The peer, or something on the way to it, probably no longer knew "
                               "the connections.");
}

void advise_on_idle(EndCause cause, const CauseFacts& facts, FindingDraft& draft) {
    if (cause == EndCause::reset_idle) {
        draft.advice.push_back(
            "NATs, firewalls and load balancers forget connections that are idle for longer than "
            "their limit: keep the idle time of the client's pool below it, or send keepalive "
            "probes before (SO_KEEPALIVE, TCP_KEEPIDLE).");
        draft.advice.push_back("If it happened once, the peer was restarted without closing, or "
                               "its address moved to another host: let the client repeat requests "
                               "that may be repeated.");
        return;
    }
    if (were_closed_at_once(cause, facts)) {
        draft.advice.push_back(
            "No idle limit closes so, but a reload, upgrade or restart of the server (a worker of "
            "nginx that is replaced closes whatever has been answered), or an administrator: its "
            "log may say which. Give it the time to finish what is under way (nginx: "
            "worker_shutdown_timeout).");
        draft.advice.push_back("Let the client look before each use whether the server has closed, "
                               "and repeat requests that may be repeated.");
        return;
    }
    if (has_sent_until_close(cause, facts)) {
        draft.advice.push_back(
            "The server was sending itself until it closed: probably it had missed something from "
            "the client for too long (heartbeats of AMQP or MQTT, pings of WebSocket); its log may "
            "say so. Let the client send its heartbeats also while it is busy, or lengthen the "
            "time-out of both.");
        draft.advice.push_back("Let the client look before each use whether the server has closed, "
                               "and repeat what may be repeated.");
        return;
    }
    const std::string how =
        cause == EndCause::met_idle_close
            ? ", and look before each use whether the server has closed"
        : has_said_so(facts) ? " (PostgreSQL: idle_session_timeout; its log says why it closed)"
        : clusters(facts.idle)
            ? fmt::format(", which is {} here", duration_text(facts.idle.quantile(0.5)))
            : "";
    draft.advice.push_back(
        fmt::format("Who reuses connections must give them up before the server does: set the "
                    "client's (pool's, proxy's) idle limit clearly below the server's{}.",
                    how));
    draft.advice.push_back("Or raise the server's limit above the client's (Node: "
                           "server.keepAliveTimeout; nginx: keepalive_timeout), and let "
                           "the client repeat requests that may be repeated.");
    draft.advice.push_back("Nothing is lost where the client only sent a closing message (QUIT, "
                           "TLS's close_notify): a server that has closed doesn't need it.");
    if (cause == EndCause::met_idle_close)
        draft.advice.push_back("A server that is restarted, or killed, closes all of them at once: "
                               "against that no limit helps, only the look and the repetition.");
}

} // namespace

void find_idle_close_race(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const auto& [key, ends] : evidence.causes.parties()) {
        for (const EndCause cause : kIdleCauses) {
            if (!is_idle_race(evidence, ends, cause)) continue;
            const CauseFacts& facts = *ends.facts(cause);
            FindingDraft draft =
                party_draft("idle_close_race", report::Severity::warning, ends, facts);
            draft.what = idle_text(ends, cause, facts);
            // The client doesn't know what the server's limit is: the FIN was the last segment.
            draft.evidence.push_back({"idle_ns",
                                      has_sent_until_close(cause, facts)  ? "since its last sending"
                                      : cause == EndCause::idle_close     ? "idle before the close"
                                      : cause == EndCause::met_idle_close ? "from the close on"
                                                                          : "idle before",
                                      facts.idle.quantile(0.5)});
            draft.evidence.push_back({"idle_min_ns", "the shortest", facts.idle.min()});
            if (facts.open_there > 0)
                draft.evidence.push_back(
                    {"open_there", "other ends here that are open", facts.open_there});
            draft.evidence.push_back({"idle_max_ns", "the longest", facts.idle.max()});
            advise_on_idle(cause, facts, draft);
            drafts.push_back(std::move(draft));
        }
    }
}

} // namespace tcpdwell::analysis
