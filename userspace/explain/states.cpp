// SPDX-License-Identifier: Apache-2.0
// The eleven states, in the order of a connection's life.
#include "explain/texts.h"

namespace tcpdwell::explain::texts {
namespace {

constexpr Explanation kStates[] = {
    {.word = "LISTEN",
     .topic = Topic::state,
     .summary = "waits for connections; lasts as long as the server does",
     .text = "Who: a server that has called listen(). It isn't a connection.\n"
             "A listener has two queues: handshakes under way (SYN_RECV), and connections that are "
             "ready but not yet "
             "accepted. Both are as long as the backlog given to listen(), which somaxconn limits. "
             "While the second "
             "one is full, SYNs are dropped in silence and the clients stay in SYN_SENT (nstat: "
             "TcpExtListenOverflows, "
             "TcpExtListenDrops; ss -lt shows its fill in Recv-Q and its limit in Send-Q).\n"
             "Ends: when the last process that has it closes it. Connections that nobody has "
             "accepted are then "
             "reset: see listener_closed.",
     .sysctls = kOf<kSomaxconn, kSyncookies, kAbortOnOverflow>,
     .source = "RFC 9293, section 3.3.2; listen(2); tcp_conn_request() in net/ipv4/tcp_input.c"},
    {.word = "SYN_SENT",
     .topic = Topic::state,
     .summary = "connect() has sent its SYN; nobody has answered yet",
     .text = "Who: the client, from connect() on.\n"
             "Ends: by the SYN-ACK (after one round trip), by an RST (refused), by an ICMP error, "
             "by close(), or when "
             "all retries of the SYN went unanswered: 127 s with the default of tcp_syn_retries, "
             "131 s since Linux "
             "6.5. The first retry comes after 1 s, so a connect that took a little over 1, 2 or 3 "
             "s has lost a SYN or "
             "its answer.\n"
             "Kept: in a full socket, and it holds a local port.\n"
             "Many: packets are dropped on the way (firewall, wrong address, host down), or the "
             "listener's queue of "
             "connections to accept is full. Look at the remote address they have in common. No "
             "sysctl on the client "
             "helps; a connect timeout in the program does.",
     .sysctls = kOf<kSynRetries, kLocalPortRange>,
     .source = "RFC 9293, section 3.5; tcp_write_timeout() in net/ipv4/tcp_timer.c; ip-sysctl.rst"},
    {.word = "SYN_RECV",
     .topic = Topic::state,
     .summary = "a SYN came in and was answered; the client's ACK is missing",
     .text = "Who: the server's end of a handshake. It should last one round trip.\n"
             "Ends: by the client's ACK, by an RST, or after the retries of the SYN-ACK (63 s by "
             "default).\n"
             "Kept: in a request socket of some 300 bytes that belongs to no process. The kernel's "
             "own tracepoint for "
             "state changes shows it only for the instant in which it is over; tcpdwell times the "
             "request socket. "
             "When the queue is full and tcp_syncookies is on, nothing is kept at all, and the "
             "time is unknown.\n"
             "It lasts longer than the network explains if the listener uses TCP_DEFER_ACCEPT (the "
             "kernel waits for "
             "data), or if the queue of connections to accept is full: the last ACK is then "
             "ignored, while the client "
             "believes to be ESTABLISHED.\n"
             "Many: a SYN flood, answers that don't find the way back (asymmetric routes, "
             "firewall), or a server that "
             "doesn't accept fast enough. See handshakes_failing.",
     .sysctls = kOf<kSynackRetries, kSyncookies, kMaxSynBacklog, kSomaxconn>,
     .source = "RFC 9293, section 3.5; tcp_check_req() in net/ipv4/tcp_minisocks.c, "
               "reqsk_timer_handler() in "
               "net/ipv4/inet_connection_sock.c"},
    {.word = "ESTABLISHED",
     .topic = Topic::state,
     .summary = "open: both ends can send",
     .text = "Who: both ends, from the end of the handshake to the first FIN or RST.\n"
             "Ends: when one end closes. The kernel sets no limit: an idle connection stays for "
             "years. A peer that "
             "vanished is noticed only if data is waiting for its ACK (tcp_retries2: at least 15 "
             "minutes by default; "
             "TCP_USER_TIMEOUT for one socket), or if the program has set SO_KEEPALIVE (two hours "
             "and eleven minutes "
             "by default).\n"
             "Kept: in a full socket. Before accept() it belongs to no process; the listener is "
             "shown.\n"
             "A long dwell is no fault by itself. Idle connections that die on use point to a "
             "firewall or NAT with a "
             "shorter memory: enable keepalive with a shorter time in the program.",
     .sysctls = kOf<kRetries2, kKeepaliveTime, kKeepaliveIntvl, kKeepaliveProbes>,
     .source = "RFC 9293, sections 3.5 and 3.8.3; tcp(7); tcp_write_timeout() and "
               "tcp_keepalive_timer() in "
               "net/ipv4/tcp_timer.c"},
    {.word = "FIN_WAIT1",
     .topic = Topic::state,
     .summary = "this end closed first; its FIN isn't acknowledged yet",
     .text = "Who: the end that called close() or shutdown() first.\n"
             "The FIN waits behind all data that isn't sent and acknowledged, so this can take far "
             "more than a round "
             "trip: a peer that doesn't read (zero window) holds it up.\n"
             "Ends: by the ACK (-> FIN_WAIT2), by the peer's FIN (-> CLOSING, or TIME_WAIT if it "
             "acknowledges ours), "
             "by an RST, or after the retries: tcp_orphan_retries once no process holds the socket "
             "(at least 100 s by "
             "default), tcp_retries2 before. tcp_fin_timeout has no say here.\n"
             "Kept: in a full socket with its buffers, after close() an orphan.\n"
             "Many: peers that vanished or don't read. Lowering tcp_orphan_retries sheds them "
             "sooner; a shorter "
             "TCP_USER_TIMEOUT does so for one program.",
     .sysctls = kOf<kOrphanRetries, kMaxOrphans, kRetries2>,
     .source = "RFC 9293, section 3.6; tcp_close() in net/ipv4/tcp.c, tcp_orphan_retries() in "
               "net/ipv4/tcp_timer.c"},
    {.word = "CLOSING",
     .topic = Topic::state,
     .summary = "both FINs crossed; ours isn't acknowledged yet",
     .text = "Who: an end whose peer closed at the same moment. closed_first says both.\n"
             "Ends: by the ACK of our FIN (-> TIME_WAIT; this end gets one too), by an RST, or "
             "after the retries, as "
             "in FIN_WAIT1. It should last less than a round trip.\n"
             "Kept: in a full socket. Rare. If it stays for long, the path to the peer is gone: "
             "see closing_stuck.",
     .sysctls = kOf<kOrphanRetries, kRetries2>,
     .source = "RFC 9293, section 3.6, figure 13; tcp_rcv_state_process() in net/ipv4/tcp_input.c"},
    {.word = "FIN_WAIT2",
     .topic = Topic::state,
     .summary = "this end closed first; the peer hasn't closed yet",
     .text = "Who: the end that closed first, once its FIN is acknowledged. The peer is in "
             "CLOSE_WAIT.\n"
             "Ends: by the peer's FIN (-> TIME_WAIT) or an RST. If a process still holds the "
             "socket (it called "
             "shutdown(), and perhaps goes on reading) the kernel sets no limit. After close() the "
             "limit is "
             "tcp_fin_timeout, or the program's TCP_LINGER2: then the ending is fin_wait2_expired, "
             "and there is no "
             "TIME_WAIT.\n"
             "Kept: in a full socket as long as a process holds it, after close() usually in a "
             "mini-socket. ss and "
             "the kernel's tracepoint lose sight of its owner then; tcpdwell remembers it.\n"
             "Many: the peers are slow to close, or never do. The fault is theirs (see "
             "CLOSE_WAIT), unless this end "
             "uses shutdown() and forgets to close(). Lowering tcp_fin_timeout only sheds the "
             "orphans sooner.",
     .sysctls = kOf<kFinTimeout, kMaxTwBuckets>,
     .source = "RFC 9293, section 3.6; tcp_close() in net/ipv4/tcp.c, tcp_time_wait() in "
               "net/ipv4/tcp_minisocks.c; "
               "ip-sysctl.rst"},
    {.word = "TIME_WAIT",
     .topic = Topic::state,
     .summary = "this end closed first and waits for stragglers, about 60 s",
     .text = "Who: the end that closed first, after both FINs; both ends if the FINs crossed. "
             "Client or server makes "
             "no difference.\n"
             "Why: to acknowledge the peer's FIN once more if the last ACK got lost, and so that "
             "late segments aren't "
             "taken for data of a new connection between the same ports.\n"
             "Ends: after 60 s, a constant in the kernel; its timer is coarse and adds up to a few "
             "seconds. No sysctl "
             "changes that, tcp_fin_timeout neither. A repeated FIN starts it anew. It ends early "
             "when the same "
             "ports are used again (reused, recycled), by an RST, by ss -K, or with its network "
             "namespace.\n"
             "Kept: in a mini-socket of some 250 bytes. No descriptor, no buffers, no process.\n"
             "Many: on a server mostly harmless. Where it hurts: on the side that connects, each "
             "one holds a local "
             "port towards one remote address and port (ephemeral_ports_low); and at "
             "tcp_max_tw_buckets.\n"
             "What helps: keep connections open and reuse them, or let the other end close first. "
             "See also: tcpdwell "
             "explain myths.",
     .sysctls = kOf<kMaxTwBuckets, kTwReuse, kRfc1337>,
     .source = "RFC 9293, section 3.6; RFC 1337; TCP_TIMEWAIT_LEN in include/net/tcp.h, "
               "tcp_time_wait() and "
               "tcp_timewait_state_process() in net/ipv4/tcp_minisocks.c"},
    {.word = "CLOSE_WAIT",
     .topic = Topic::state,
     .summary = "the peer has closed; this end's program hasn't yet",
     .text = "Who: the end whose peer closed first. read() has returned 0, or will; the program is "
             "to call close().\n"
             "Ends: when the program closes (-> LAST_ACK). The kernel sets no limit, and no sysctl "
             "does. If the peer is "
             "found to be gone (RST, timeout), the state ends, but the program still holds the "
             "descriptor.\n"
             "Kept: in a full socket with descriptor and buffers.\n"
             "A short stay is normal: the program is still sending. Sockets that stay for minutes "
             "are a bug in the "
             "program that holds them: it doesn't read, or it forgot close() on some path (pools, "
             "error handling). "
             "They pile up until it runs out of descriptors. Find it with tcpdwell census, mend or "
             "restart it.\n"
             "What doesn't help: tcp_fin_timeout, tcp_tw_reuse, tcp_keepalive_time.",
     .sysctls = {},
     .source = "RFC 9293, section 3.6; tcp_fin() in net/ipv4/tcp_input.c, tcp_close_state() in "
               "net/ipv4/tcp.c"},
    {.word = "LAST_ACK",
     .topic = Topic::state,
     .summary = "the peer closed first, this end too; its FIN isn't acknowledged",
     .text = "Who: the end that closed second. It should last one round trip, behind the data that "
             "is still "
             "unsent.\n"
             "Ends: by the ACK; this end gets no TIME_WAIT. By an RST if the peer has forgotten "
             "the connection "
             "(reset_received). Or after the retries: tcp_orphan_retries once no process holds the "
             "socket (at least "
             "100 s by default), tcp_retries2 before.\n"
             "Kept: in a full socket, after close() an orphan.\n"
             "Many, for long: the peer or the path to it is gone, often a firewall or NAT that "
             "dropped the "
             "connection after the first FIN. See closing_stuck.",
     .sysctls = kOf<kOrphanRetries, kRetries2>,
     .source = "RFC 9293, section 3.6; tcp_orphan_retries() in net/ipv4/tcp_timer.c"},
    {.word = "CLOSE",
     .topic = Topic::state,
     .summary = "no connection: before connect() or listen(), and after the end",
     .text =
         "RFC 9293 says CLOSED, ss says UNCONN. A transition to CLOSE is the end of a connection.\n"
         "When the kernel replaces a socket by a mini-socket, its tracepoint says that the socket "
         "went to CLOSE, "
         "microseconds after FIN_WAIT2. That is a hand-over, and tcpdwell doesn't print it: "
         "FIN_WAIT2 -> CLOSE "
         "here means that there was no TIME_WAIT.\n"
         "A socket that was reset while its program still holds the descriptor is in CLOSE until "
         "close(). Such "
         "leaks are in no list of TCP sockets; only the program's number of descriptors shows "
         "them.",
     .sysctls = {},
     .source = "RFC 9293, section 3.3.2; tcp_done() in net/ipv4/tcp.c"},
};

} // namespace

std::span<const Explanation> states() { return kStates; }

} // namespace tcpdwell::explain::texts
