// SPDX-License-Identifier: Apache-2.0
// Values of `ending`, `closed_first`, `role` and `seen`.
#include "explain/texts.h"

namespace tcpdwell::explain::texts {
namespace {

constexpr Explanation kEndings[] = {
    {.word = "fin",
     .topic = Topic::ending,
     .summary = "ending: both ends closed with a FIN, the orderly way",
     .text = "All that was sent has reached the other kernel. Who closed first had the TIME_WAIT; "
             "closed_first says "
             "who that was, and "
             "time_wait what became of it. If time_wait.end is overflow, there was none.",
     .sysctls = {},
     .source = "RFC 9293, section 3.6"},
    {.word = "reset_sent",
     .topic = Topic::ending,
     .summary = "ending: this end broke the connection off with an RST",
     .text = "Data under way is lost, the peer's program sees ECONNRESET, and neither end gets a "
             "TIME_WAIT. "
             "ending_detail says why: so_linger_zero, unread_data, data_after_close, linger2, "
             "listener_closed, "
             "disconnect, admin_kill, orphan_limit or mptcp_fastclose.\n"
             "Whether it closed first is another question: an RST after the peer's FIN doesn't "
             "change closed_first.\n"
             "As a detail of handshake_failed: this host answered a segment of the handshake by an "
             "RST (a SYN within the window; or tcp_abort_on_overflow is 1 and the accept queue was "
             "full).",
     .sysctls = {},
     .source = "RFC 9293, sections 3.5.2 and 3.9.1; tcp_close() in net/ipv4/tcp.c"},
    {.word = "reset_received",
     .topic = Topic::ending,
     .summary = "ending: the peer, or something on the path, sent an RST",
     .text =
         "The program sees ECONNRESET, or EPIPE after the peer's FIN. Usual reasons: the peer's "
         "program was "
         "killed or closed with data unread, it no longer knows the connection (restart, timeout), "
         "or a firewall "
         "or load balancer broke it off. Trace at the peer to see its reset_sent and the detail.\n"
         "Received in LAST_ACK it mostly means that the peer had forgotten the connection by "
         "then.\n"
         "As a detail of handshake_failed: the client ended the handshake by an RST, as health "
         "checks and port scanners do.",
     .sysctls = {},
     .source = "RFC 9293, section 3.5.3; tcp_reset() in net/ipv4/tcp_input.c"},
    {.word = "timed_out",
     .topic = Topic::ending,
     .summary = "ending: the peer no longer answered, and the kernel gave up",
     .text = "The program sees ETIMEDOUT (or an ICMP error that came in meanwhile). ending_detail: "
             "retransmission "
             "(data or FIN was never acknowledged), user_timeout (the same, with the program's own "
             "limit), keepalive "
             "(an idle connection whose probes went unanswered).\n"
             "The host or the path to it is gone. Nobody closed: closed_first is none, unless a "
             "FIN had gone out or "
             "come in before.",
     .sysctls = kOf<kRetries2, kOrphanRetries, kKeepaliveTime>,
     .source = "RFC 9293, section 3.8.3; tcp_write_err() and tcp_keepalive_timer() in "
               "net/ipv4/tcp_timer.c"},
    {.word = "refused",
     .topic = Topic::ending,
     .summary = "ending: connect() was answered with an RST (ECONNREFUSED)",
     .text = "The host is there, but nothing listens on that address and port, or a firewall "
             "rejects with an RST. "
             "Check the port, the address that the server listens on (127.0.0.1 only?) and whether "
             "it runs. A full "
             "queue on the server isn't the cause: there SYNs are dropped, not refused.",
     .sysctls = {},
     .source =
         "RFC 9293, section 3.10.7.3; tcp_rcv_synsent_state_process() in net/ipv4/tcp_input.c"},
    {.word = "connect_failed",
     .topic = Topic::ending,
     .summary = "ending: connect() came to nothing, without being refused",
     .text = "ending_detail: timeout (no answer to any SYN), unreachable (an ICMP error came "
             "back), no_port (no "
             "local port was free), given_up (the program closed before there was an answer), "
             "admin_kill.",
     .sysctls = kOf<kSynRetries, kLocalPortRange>,
     .source =
         "tcp_v4_connect() in net/ipv4/tcp_ipv4.c, tcp_write_timeout() in net/ipv4/tcp_timer.c"},
    {.word = "handshake_failed",
     .topic = Topic::ending,
     .summary = "ending: a SYN came in, but the handshake never completed",
     .text = "The client sent an RST, or its ACK never came although the SYN-ACK was repeated (63 "
             "s by default), or "
             "ss -K ended it. An RST and ss -K look alike here.\n"
             "Single ones are port scans and impatient clients. Many from many addresses are a SYN "
             "flood; many from "
             "few addresses are an asymmetric route or a firewall. See handshakes_failing.",
     .sysctls = kOf<kSynackRetries, kAbortOnOverflow>,
     .source = "reqsk_timer_handler() in net/ipv4/inet_connection_sock.c, tcp_check_req() in "
               "net/ipv4/tcp_minisocks.c"},
    {.word = "fin_wait2_expired",
     .topic = Topic::ending,
     .summary = "ending: this end closed, the peer's FIN never came",
     .text = "The program had closed the socket, and the kernel stopped waiting after "
             "tcp_fin_timeout (or the "
             "program's TCP_LINGER2). There is no TIME_WAIT, and a FIN that comes later is "
             "answered with an RST.\n"
             "The peer's program is slow to close, or never does (look for CLOSE_WAIT there), or "
             "the peer vanished.",
     .sysctls = kOf<kFinTimeout>,
     .source = "tcp_close() in net/ipv4/tcp.c, tcp_time_wait() in net/ipv4/tcp_minisocks.c; "
               "kernel's ip-sysctl.rst"},
    {.word = "dropped_silently",
     .topic = Topic::ending,
     .summary = "ending: this end forgot the connection and sent nothing",
     .text = "No FIN and no RST: the peer still believes in the connection until it sends "
             "something. ending_detail says why: repair.",
     .sysctls = {},
     .source = "tcp_close() in net/ipv4/tcp.c"},
    {.word = "open",
     .topic = Topic::ending,
     .summary = "ending, time_wait.end: not over when tracing stopped",
     .text = "As an ending: the connection was still there. As time_wait.end: it had ended, but "
             "its TIME_WAIT "
             "hadn't. The last dwell is how long the state had lasted by then.",
     .sysctls = {},
     .source = "tcpdwell"},
    {.word = "unknown",
     .topic = Topic::ending,
     .summary = "ending, closed_first, time_wait.end, role: not seen, not guessed",
     .text = "The evidence is missing: the connection was older than the trace, or events were "
             "lost (see seen), or "
             "the kernel leaves no trace of the cause. tcpdwell says so rather than guess.",
     .sysctls = {},
     .source = "tcpdwell"},
    {.word = "local",
     .topic = Topic::ending,
     .summary = "closed_first: this end sent the first FIN or RST",
     .text = "It is the one that gets the TIME_WAIT (none after an RST). On a service with many of "
             "them see "
             "server_closes_first.\n"
             "It is this end's view. If both closed at the same moment, an end that was in CLOSING "
             "says both; one "
             "that wasn't can't know, and says local.",
     .sysctls = {},
     .source = "RFC 9293, section 3.6"},
    {.word = "remote",
     .topic = Topic::ending,
     .summary = "closed_first: the peer sent the first FIN or RST",
     .text = "This end went through CLOSE_WAIT and LAST_ACK, or was reset. TIME_WAIT, if there is "
             "one, is at the "
             "peer.",
     .sysctls = {},
     .source = "RFC 9293, section 3.6"},
    {.word = "both",
     .topic = Topic::ending,
     .summary = "closed_first: the FINs crossed; this end was in CLOSING",
     .text = "Both ends closed before they saw the other's FIN, and both have a TIME_WAIT.",
     .sysctls = {},
     .source = "RFC 9293, section 3.6, figure 13"},
    {.word = "none",
     .topic = Topic::ending,
     .summary = "closed_first: nobody closed",
     .text = "The connection was never established, timed out while it was, or is still open.",
     .sysctls = {},
     .source = "tcpdwell"},
    {.word = "client",
     .topic = Topic::ending,
     .summary = "role: this end called connect() (active open)",
     .text = "With both ends on one host you see each connection twice, once as client, once as "
             "server. Role says "
             "nothing about who closes first.",
     .sysctls = {},
     .source = "RFC 9293, section 3.5"},
    {.word = "server",
     .topic = Topic::ending,
     .summary = "role: this end's listener was connected to (passive open)",
     .text = "The local port is the service. For connections that are older than the trace, an "
             "existing listener on "
             "that port is taken as the evidence.",
     .sysctls = {},
     .source = "RFC 9293, section 3.5"},
    {.word = "whole",
     .topic = Topic::ending,
     .summary = "seen: followed from its birth",
     .text = "Every dwell and the role are known.",
     .sysctls = {},
     .source = "tcpdwell"},
    {.word = "joined",
     .topic = Topic::ending,
     .summary = "seen: it was already open when tracing began",
     .text = "When it was opened, and how long it had been in its first state, aren't known "
             "(null). What happened "
             "since is exact.",
     .sysctls = {},
     .source = "tcpdwell"},
    {.word = "gap",
     .topic = Topic::ending,
     .summary = "seen: events were lost while it lived",
     .text = "States may be missing and dwells are null where an edge wasn't seen. Give trace or "
             "record a larger "
             "--buffer-size, or filter. See events_lost.",
     .sysctls = {},
     .source = "tcpdwell"},
};

} // namespace

std::span<const Explanation> endings() { return kEndings; }

} // namespace tcpdwell::explain::texts
