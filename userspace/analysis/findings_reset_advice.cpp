// SPDX-License-Identifier: Apache-2.0
// What connections_reset advises.
#include <fmt/format.h>

#include "analysis/findings.h"
#include "analysis/resets.h"

namespace tcpdwell::analysis {
namespace {

std::string received_advice(CommonEnd common) {
    switch (common) {
    case CommonEnd::between:
        return "Something else sent the RSTs: a firewall that rejects (iptables -L -v, nft list "
               "ruleset; also on the server's host), a load balancer or a NAT on the way, or "
               "another host that has the address as well. tcpdump shows by the TTL of an RST how "
               "far away it was sent.";
    case CommonEnd::met_timed_reading:
        return "The server had closed without having sent anything, and this program sent more "
               "after that: as by the server's time-out for reading requests, or by its end or "
               "restart where it only receives. Its log may say so; hold that time-out against "
               "the time that this program takes to send.";
    case CommonEnd::met_close:
        return "If what was sent was a request, it is lost: the server closed by its limit of idle "
               "time (keep-alive) or of requests for each connection, at its end or restart, or "
               "because it refused what it was sent. Its log may say which. Give up idle "
               "connections before the server does (the pool's idle limit), and repeat requests "
               "that may be repeated. Nothing is lost where it was a closing message only (QUIT, "
               "TLS's close_notify).";
    case CommonEnd::probed:
        return "These clients closed within moments of connecting, having sent nothing: probes of "
               "the port (Kubernetes: tcpSocket; load balancers), or a scan. What the server says "
               "first meets the close.";
    case CommonEnd::reset_answered:
        return "These clients reset the connection as soon as they were answered: they close with "
               "part of the answer unread, or with SO_LINGER 0. Trace there, too: tcpdwell report "
               "over both recordings joins the ends.";
    case CommonEnd::at_both:
        return "A load balancer, a firewall or a NAT on the way sent RSTs to both sides: by its "
               "idle "
               "limit if it was always the same time, else by a limit, a policy or a restart of "
               "it. Keep connections in use, or their idle time below that limit (the pool's idle "
               "limit; TCP keepalive), or raise it. tcpdump shows by the TTL of an RST how far "
               "away it was sent.";
    case CommonEnd::when_idle:
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

std::string hung_up_advice(HangUpKind how) {
    if (how == HangUpKind::half_closed)
        return "A client that half-closes may have sent all, and wait for the answer (nc -N): this "
               "program takes that for a hang-up and closes without one (nginx logs 499; "
               "proxy_ignore_client_abort on waits for the answer). Or let the clients keep their "
               "side open until they have it.";
    return fmt::format(
        "This program serves clients, which gave up waiting (nginx logs 499): hold their time-out "
        "against the time that the server behind it takes.{}",
        how == HangUpKind::closed ? ""
                                  : " A client that has only half-closed (shutdown()), and waits, "
                                    "looks the same from here.");
}

std::string gave_up_advice(const CauseFacts& facts, bool has_clients) {
    if (const std::string kept = kept_text(facts); !kept.empty())
        return fmt::format("The answers came after this program had closed: it waits for {} once "
                           "{} has half-closed (socat: -t). Raise that above the time that the "
                           "server takes.",
                           kept, has_clients ? "a client of its own" : "its input");
    const std::string patience = patience_text(facts);
    const std::string_view who =
        has_clients ? ", or a client of its own that hung up (nginx logs 499)," : "";
    if (patience.empty())
        return fmt::format("Something came after this program had closed: it{} gave up waiting, or "
                           "wanted no more. If it gave up, hold {} time-out against the time that "
                           "the server takes.",
                           who, has_clients ? "that" : "its");
    return fmt::format("The answers came after this program had closed: it{} gave up waiting{}. "
                       "Hold {} time-out against the time that the server takes.",
                       who, patience, has_clients ? "that" : "its");
}

} // namespace

std::string reset_advice(const PartyEnds& ends, const Resets& resets, bool has_clients) {
    const CommonEnd common = common_of(ends, resets);
    const CauseFacts& facts = *resets.most;
    switch (common) {
    case CommonEnd::probe:
        return "This program closed within moments of connecting, having sent nothing: it waited "
               "for nothing, and what the peer says first met the close, or stayed unread.";
    case CommonEnd::gave_up: return gave_up_advice(facts, has_clients);
    case CommonEnd::hung_up_on: return hung_up_advice(hang_up_of(facts));
    case CommonEnd::lingered_out:
        return fmt::format("This program ended each{} of silence, as by a time-out of its own "
                           "(haproxy: timeout server, timeout client){}: hold it against the time "
                           "that the server takes. It closes with SO_LINGER 0, so what comes later "
                           "is refused.",
                           patience_text(facts),
                           has_clients ? ", or of a client of its own that hung up" : "");
    case CommonEnd::ended_idle:
        return fmt::format("{}: what the clients send next fails. Let them give up idle "
                           "connections sooner, or send something meanwhile (the heartbeats of "
                           "their protocol), or raise that limit. If they were waiting for an "
                           "answer, it was the time for which this program waits "
                           "for the server behind it.",
                           idle_before_reset(facts)
                               ? "All had been silent for the same time, as by an idle limit of "
                                 "this program (stunnel: TIMEOUTidle; haproxy: timeout client)"
                               : "This program ended connections that were silent");
    case CommonEnd::gave_up_sending:
        return "These peers stopped reading what they are sent, and this program gave them up, as "
               "by a time-out for sending (nginx: send_timeout with reset_timedout_connection): "
               "look at the peers (stopped, suspended, or too slow), or give them more time. With "
               "SO_LINGER 0 the data that waits is freed at once; after a plain close() it would "
               "wait in FIN_WAIT1.";
    case CommonEnd::timed_reading:
        return fmt::format(
            "This server closed{} without having sent anything, and the client sent more after "
            "that: as by a time-out for reading requests (nginx: client_header_timeout, "
            "client_body_timeout), which has to fit the time that the clients take to send, or, if "
            "it only receives, by its end or restart: then what came after that is lost.",
            patience_text(facts));
    case CommonEnd::left_unread:
        return "close() with data unread sends an RST instead of a FIN: read to the end before "
               "closing, or the peer may lose the last answer.";
    case CommonEnd::met_more:
        return "The peer still sent data after close(), so it was reset: use shutdown(SHUT_WR), "
               "read to the end, then close.";
    case CommonEnd::lingered:
        return "SO_LINGER with a time of 0 makes close() send an RST: the peer gets an error, and "
               "may lose data that it has not read yet. Remove it.";
    default: break;
    }
    return resets.there > resets.here
               ? received_advice(common)
               : "This side resets; trace --connections shows why, for each.";
}

} // namespace tcpdwell::analysis
