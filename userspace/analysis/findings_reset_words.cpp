// SPDX-License-Identifier: Apache-2.0
// What connections_reset says: what the resets of a party have in common.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"
#include "analysis/resets.h"

namespace tcpdwell::analysis {
namespace {

using enum tcp::EndingDetail;

/// What at least half of the resets have in common.
enum class Common {
    nothing,
    killed,            ///< ss -K
    hung_up_on,        ///< a proxy, when its own client had gone
    gave_up,           ///< a client, before the answer came
    lingered_out,      ///< the same, with SO_LINGER
    probe,             ///< a client closed at once, having sent nothing
    probed,            ///< the same as the server sees it
    reset_answered,    ///< received at once after an answer
    timed_reading,     ///< a server closed without an answer, and more came
    met_timed_reading, ///< the same as the client sees it
    late_word,         ///< a server closed after its answer, and more came much later
    met_late_word,
    left_unread, ///< closed with data unread
    met_more,    ///< closed while the peer was still sending
    lingered,    ///< SO_LINGER
    between,     ///< received by ends whose peers are open
    at_both,     ///< received by both ends, which are here
    when_idle,   ///< received after an idle time that is always the same
};

bool is_half(std::uint64_t part, const Resets& resets) { return part * 2 >= resets.here; }

bool is_client(const PartyEnds& ends) { return ends.party.role == tcp::Role::client; }

/// After which silence it ended them, where that is always the same; else empty.
std::string patience_text(const CauseFacts& facts) {
    const Nanoseconds silence = facts.idle.quantile(0.5);
    return silence < std::chrono::milliseconds(100) || !clusters(facts.idle)
               ? std::string()
               : fmt::format(" after {}", duration_text(silence));
}

std::string idle_text(const CauseFacts& facts) {
    const auto idle = idle_before_reset(facts);
    return idle ? fmt::format(" idle for {}", duration_text(*idle)) : std::string();
}

Common common_of_received(const Resets& resets) {
    if (resets.open_there * 2 >= resets.there) return Common::between;
    if (resets.most->between * 2 >= resets.there) return Common::at_both;
    switch (resets.most_cause) {
    case EndCause::met_unanswered: return Common::met_timed_reading;
    case EndCause::met_late_word: return Common::met_late_word;
    case EndCause::probed: return Common::probed;
    case EndCause::reset_answered: return Common::reset_answered;
    default: return idle_text(*resets.most).empty() ? Common::nothing : Common::when_idle;
    }
}

/// A process that waits for a server, because a client of its own waits.
bool was_hung_up_on(const PartyEnds& ends, const CauseFacts& facts) {
    return is_client(ends) && facts.hung_up_on * 10 >= facts.count * 9;
}

Common common_of(const PartyEnds& ends, const Resets& resets) {
    if (resets.there > resets.here) return common_of_received(resets);
    switch (resets.most_cause) {
    case EndCause::admin_killed: return Common::killed;
    case EndCause::closed_unanswered: return Common::timed_reading;
    case EndCause::late_word: return Common::late_word;
    case EndCause::probe: return Common::probe;
    default: break;
    }
    if (was_hung_up_on(ends, *resets.most)) return Common::hung_up_on;
    if (is_half(resets.details[unread_data], resets)) return Common::left_unread;
    if (is_half(resets.details[data_after_close], resets))
        return is_client(ends) ? Common::gave_up : Common::met_more;
    if (!is_half(resets.details[so_linger_zero], resets)) return Common::nothing;
    return is_client(ends) && !patience_text(*resets.most).empty() ? Common::lingered_out
                                                                   : Common::lingered;
}

/// How many have it in common.
std::uint64_t count_of(Common common, const Resets& resets) {
    switch (common) {
    case Common::nothing: return resets.all();
    case Common::left_unread: return resets.details[unread_data];
    // Of the most frequent cause only it is known what came before.
    case Common::gave_up: return std::min(resets.details[data_after_close], resets.most->count);
    case Common::lingered_out: return std::min(resets.details[so_linger_zero], resets.most->count);
    case Common::met_more: return resets.details[data_after_close];
    case Common::lingered: return resets.details[so_linger_zero];
    case Common::between: return resets.open_there;
    case Common::hung_up_on: return std::min(resets.most->hung_up_on, resets.most->count);
    case Common::at_both: return std::min(resets.most->between, resets.most->count);
    case Common::killed:
    case Common::when_idle:
    case Common::probe:
    case Common::probed:
    case Common::reset_answered:
    case Common::timed_reading:
    case Common::met_timed_reading:
    case Common::late_word:
    case Common::met_late_word: return resets.most->count;
    }
    return resets.all();
}

std::string details_text(const Resets& resets) {
    std::string text;
    for (const tcp::EndingDetail detail : kAllOf<tcp::EndingDetail>)
        if (resets.details[detail] != 0)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name(detail),
                                resets.details[detail]);
    return text;
}

/// "(7 RSTs sent here: data_after_close 7; 2 received)"
std::string counts_text(const Resets& resets) {
    if (resets.here == 0) return fmt::format("({} received)", counted(resets.there, "RST"));
    const std::string details = details_text(resets);
    return fmt::format("({} sent here{}{}{})", counted(resets.here, "RST"),
                       details.empty() ? "" : ": ", details,
                       resets.there == 0 ? "" : fmt::format("; {} received", resets.there));
}

/// For how long nearly all were kept after shutdown(), where that is always the same; else empty.
std::string kept_text(const CauseFacts& facts) {
    const Nanoseconds kept = facts.kept_half_closed.quantile(0.5);
    const bool are_most = facts.kept_half_closed.count() * 10 >= facts.count * 9;
    return !are_most || kept < std::chrono::milliseconds(100) || !clusters(facts.kept_half_closed)
               ? std::string()
               : duration_text(kept);
}

/// What the clients of a process had done that it took for a hang-up.
enum class HangUp { closed, half_closed, either };

HangUp hang_up_of(const CauseFacts& facts) {
    const std::uint64_t known = facts.clients_ended.known + facts.clients_waiting.known;
    const std::uint64_t half = facts.clients_ended.half_closed + facts.clients_waiting.half_closed;
    if (half * 10 >= facts.hung_up_on * 9) return HangUp::half_closed;
    return half == 0 && known * 10 >= facts.hung_up_on * 9 ? HangUp::closed : HangUp::either;
}

std::string_view hang_up_text(HangUp how) {
    switch (how) {
    case HangUp::closed: return "had hung up";
    case HangUp::half_closed:
        return "had half-closed its connection (shutdown()) and still had the socket";
    case HangUp::either: break;
    }
    return "had closed, or half-closed, its connection";
}

/// Of a client that closed before data came. Where it had received something before, that may have
/// been part of the answer, or another one.
std::string gave_up_text(const std::string& so_many, const CauseFacts& facts) {
    const std::string patience = patience_text(facts);
    const std::string_view answers =
        facts.most_received > 0 ? "the answers, or the rest of them," : "the answers";
    if (const std::string kept = kept_text(facts); !kept.empty())
        return fmt::format("{} were half-closed by it (shutdown()), and closed {} after that, "
                           "before {} came",
                           so_many, kept, answers);
    return fmt::format("{} were closed by it before {} came{}", so_many, answers,
                       patience.empty() ? "" : ": it gave up waiting" + patience);
}

std::string lingered_out_text(const std::string& so_many, const CauseFacts& facts) {
    const std::string silence = duration_text(facts.idle.quantile(0.5));
    if (facts.most_received > 0)
        return fmt::format("{} were closed by it {} after it had last sent something, with "
                           "SO_LINGER 0",
                           so_many, silence);
    return fmt::format("{} were closed by it with SO_LINGER 0: it gave up waiting after {}",
                       so_many, silence);
}

/// Of RSTs that came from somewhere else, or whose cause isn't known.
std::string received_text(const PartyEnds& ends, const CauseFacts& facts, Common common,
                          const std::string& so_many) {
    const std::string idle = idle_text(facts);
    switch (common) {
    case Common::between:
        return fmt::format("{} ended by an RST that something else than the other end sent",
                           so_many);
    case Common::at_both:
        return fmt::format("{} were reset by something between it and {}{}: both ends are here, "
                           "and neither sent an RST",
                           so_many, process_text(facts.clients),
                           idle.empty() ? "" : ", having been" + idle);
    case Common::when_idle:
        return fmt::format("{} ended by an RST that came when they had been{}", so_many, idle);
    case Common::met_timed_reading:
        return fmt::format("{} were closed by {} without having sent anything: an RST answered "
                           "what was sent then",
                           so_many, ends.party.endpoint.text(ends.family));
    case Common::met_late_word:
        return fmt::format("{} were closed by {} soon after the opening, having sent its answer, "
                           "and something was sent a while after that",
                           so_many, ends.party.endpoint.text(ends.family));
    default: return fmt::format("{} ended by a reset", so_many);
    }
}

/// Without an end and without counts: "8 of 10 connections of nginx (pid 7) on [::]:80 ...".
std::string lead_text(const PartyEnds& ends, const Resets& resets, Common common) {
    const CauseFacts& facts = *resets.most;
    const std::string so_many = fmt::format("{} of {} connections of {}", count_of(common, resets),
                                            ends.connections(), party_text(ends));
    switch (common) {
    case Common::killed: return fmt::format("{} were ended by ss -K here", so_many);
    case Common::hung_up_on:
        return fmt::format("{} were closed by it{}{}, each when a client of its own {}", so_many,
                           patience_text(facts),
                           facts.most_received == 0 ? " without an answer" : "",
                           hang_up_text(hang_up_of(facts)));
    case Common::gave_up: return gave_up_text(so_many, facts);
    case Common::lingered_out: return lingered_out_text(so_many, facts);
    case Common::probe:
        return fmt::format("{} were closed by it within moments of connecting, having sent "
                           "nothing: what the peer says first met the close, or stayed unread",
                           so_many);
    case Common::probed:
        return fmt::format("{} were closed by the clients within moments of connecting, having "
                           "sent nothing",
                           so_many);
    case Common::reset_answered:
        return fmt::format("{} were reset from the clients' side at once after an answer", so_many);
    case Common::timed_reading:
        return fmt::format("{} were closed by it{} without having sent anything, and the clients "
                           "sent more after that",
                           so_many, patience_text(facts));
    case Common::late_word:
        return fmt::format("{} were closed by it soon after the opening, having sent its answer, "
                           "and the clients sent something no sooner than 1.0 s after that",
                           so_many);
    case Common::left_unread:
        return fmt::format("{} were closed by it with data unread, for which close() sends an RST",
                           so_many);
    case Common::met_more:
        return fmt::format("{} were closed by it while the clients were still sending", so_many);
    case Common::lingered:
        return fmt::format("{} were closed by it with SO_LINGER 0, by which close() sends an RST",
                           so_many);
    default: return received_text(ends, facts, common, so_many);
    }
}

std::string received_advice(Common common) {
    switch (common) {
    case Common::between:
        return "Something else sent the RSTs: a firewall that rejects (iptables -L -v, nft list "
               "ruleset; also on the server's host), a load balancer or a NAT on the way, or "
               "another host that has the address as well. tcpdump shows by the TTL of an RST how "
               "far away it was sent.";
    case Common::met_timed_reading:
        return "The server had closed without having sent anything, and this program sent more "
               "after that: as by the server's time-out for reading requests, or by its end or "
               "restart where it only receives. Its log may say so; hold that time-out against "
               "the time that this program takes to send.";
    case Common::probed:
        return "These clients closed within moments of connecting, having sent nothing: probes of "
               "the port (Kubernetes: tcpSocket; load balancers), or a scan. What the server says "
               "first meets the close.";
    case Common::reset_answered:
        return "These clients reset the connection as soon as they were answered: they close with "
               "part of the answer unread, or with SO_LINGER 0. Trace there, too: tcpdwell report "
               "over both recordings joins the ends.";
    case Common::at_both:
        return "A load balancer, a firewall or a NAT on the way sent RSTs to both sides: by its "
               "idle "
               "limit if it was always the same time, else by a limit, a policy or a restart of "
               "it. Keep connections in use, or their idle time below that limit (the pool's idle "
               "limit; TCP keepalive), or raise it. tcpdump shows by the TTL of an RST how far "
               "away it was sent.";
    case Common::when_idle:
        return "All had been idle for the same time, as by the idle limit of a load balancer, a "
               "firewall or a NAT on the way, or of the other side: keep the idle time below it "
               "(the pool's idle limit; TCP keepalive), or raise it. If they all came at once, it "
               "may have been one event instead, such as a restart there. Trace there, too: "
               "tcpdwell report over both recordings joins the ends.";
    default:
        return "From here it can't be seen who resets: the other side (it closes with data unread, "
               "or aborts: a limit, a time-out, a restart), the host that has its address now, or "
               "a firewall or load balancer on the way. Trace there, too: tcpdwell report over "
               "both recordings joins the ends.";
    }
}

std::string hung_up_advice(HangUp how) {
    if (how == HangUp::half_closed)
        return "A client that half-closes may have sent all, and wait for the answer (nc -N): this "
               "program takes that for a hang-up and closes without one (nginx logs 499; "
               "proxy_ignore_client_abort on waits for the answer). Or let the clients keep their "
               "side open until they have it.";
    return fmt::format(
        "This program serves clients, which gave up waiting (nginx logs 499): hold their time-out "
        "against the time that the server behind it takes.{}",
        how == HangUp::closed ? ""
                              : " A client that has only half-closed (shutdown()), and waits, "
                                "looks the same from here.");
}

std::string gave_up_advice(const CauseFacts& facts, bool has_clients) {
    if (const std::string kept = kept_text(facts); !kept.empty())
        return fmt::format("The answers came after this program had closed: it waits for {} once "
                           "{} has half-closed (socat: -t). Raise that above the time that the "
                           "server takes.",
                           kept, has_clients ? "a client of its own" : "its input");
    return fmt::format("The answers came after this program had closed: it{} gave up waiting{}. "
                       "Hold {} time-out against the time that the server takes.",
                       has_clients ? ", or a client of its own that hung up (nginx logs 499)," : "",
                       patience_text(facts), has_clients ? "that" : "its");
}

} // namespace

std::optional<Nanoseconds> idle_before_reset(const CauseFacts& facts) {
    const Nanoseconds quiet = facts.quiet.quantile(0.5);
    if (quiet < std::chrono::seconds(1) || !clusters(facts.quiet)) return std::nullopt;
    return quiet;
}

std::string reset_text(const PartyEnds& ends, const Resets& resets) {
    const Common common = common_of(ends, resets);
    const std::string lead = lead_text(ends, resets, common);
    const std::string within =
        resets.causes == 1 ? within_text(*resets.most) : within_text(resets.first, resets.last);
    const std::string details = details_text(resets);
    if (common == Common::nothing)
        return fmt::format("{}: {} sent here, {} received{}{}.", lead, resets.here, resets.there,
                           details.empty() ? "" : fmt::format(" ({})", details), within);
    const std::uint64_t others = resets.all() - std::min(resets.all(), count_of(common, resets));
    return fmt::format("{}{} {}{}.", lead,
                       others == 0 ? "" : fmt::format("; {} more ended by a reset", others),
                       counts_text(resets), within);
}

std::string reset_advice(const PartyEnds& ends, const Resets& resets, bool has_clients) {
    const Common common = common_of(ends, resets);
    const CauseFacts& facts = *resets.most;
    switch (common) {
    case Common::probe:
        return "This program closed within moments of connecting, having sent nothing: it waited "
               "for nothing, and what the peer says first met the close, or stayed unread.";
    case Common::gave_up: return gave_up_advice(facts, has_clients);
    case Common::hung_up_on: return hung_up_advice(hang_up_of(facts));
    case Common::lingered_out:
        return fmt::format("This program ended each{} of silence, as by a time-out of its own "
                           "(haproxy: timeout server, timeout client){}: hold it against the time "
                           "that the server takes. It closes with SO_LINGER 0, so what comes later "
                           "is refused.",
                           patience_text(facts),
                           has_clients ? ", or of a client of its own that hung up" : "");
    case Common::timed_reading:
        return fmt::format(
            "This server closed{} without having sent anything, and the client sent more after "
            "that: as by a time-out for reading requests (nginx: client_header_timeout, "
            "client_body_timeout), which has to fit the time that the clients take to send, or, if "
            "it only receives, by its end or restart: then what came after that is lost.",
            patience_text(facts));
    case Common::left_unread:
        return "close() with data unread sends an RST instead of a FIN: read to the end before "
               "closing, or the peer may lose the last answer.";
    case Common::met_more:
        return "The peer still sent data after close(), so it was reset: use shutdown(SHUT_WR), "
               "read to the end, then close.";
    case Common::lingered:
        return "SO_LINGER with a time of 0 makes close() send an RST: the peer gets an error, and "
               "may lose data that it has not read yet. Remove it.";
    default: break;
    }
    return resets.there > resets.here
               ? received_advice(common)
               : "This side resets; trace --connections shows why, for each.";
}

} // namespace tcpdwell::analysis
