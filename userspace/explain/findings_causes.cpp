// SPDX-License-Identifier: Apache-2.0
// Findings that name what ended or holds up connections.
#include "explain/texts.h"

namespace tcpdwell::explain::texts {
namespace {

constexpr Explanation kCauses[] = {
    {.word = "accept_stalled",
     .topic = Topic::finding,
     .summary = "connections wait long for accept()",
     .text =
         "Reported when at least accept_stalled.connections (1) connections are established "
         "and not accepted by any process, the oldest for at least accept_stalled.age (1s). "
         "Those whose peer has closed meanwhile (CLOSE_WAIT) count. Of a sample (--sample), as "
         "many as the kernel has in the queue, if one of the sample is among them. A pause of "
         "accept() that is over is reported if it lasted three times as long, and clients had "
         "closed before they were accepted, or at least 5 connections waited and such pauses "
         "aren't the program's pace.\n"
         "Means: the program that listens is blocked, stopped or too slow, or its accept() fails. "
         "Where each process that can accept has one connection open, what keeps it is reported: "
         "a client that sends nothing or doesn't read, or a request that it hasn't answered, and "
         "whom "
         "it has asked meanwhile. It is named by who has accepted before; where the one that "
         "listened has the listener no longer, those are named that have inherited it. The "
         "handshake is the kernel's work, so clients believe that they are connected, and send. No "
         "process has a descriptor of these sockets.\n"
         "What helps: find out what the program waits for (its stack; a full pool of workers); "
         "only accept() or the end of the listener ends the connections.\n"
         "What doesn't: looking for a leak in /proc/PID/fd, and any sysctl.",
     .sysctls = kOf<kSomaxconn>,
     .source = "accept(2), listen(2); inet_csk_accept() in net/ipv4/inet_connection_sock.c"},
    {.word = "descriptor_inherited",
     .topic = Topic::finding,
     .summary = "another program holds a connection open",
     .text =
         "Reported when at least descriptor_inherited.sockets (1) sockets in CLOSE_WAIT, as old "
         "as close_wait_leak wants, are held by other programs only than the one that accepted "
         "or connected them.\n"
         "Means: that one has called close(), but a child that it started before has the "
         "descriptor, too, or another process that was handed it and forgets it: no FIN is sent "
         "until the last one is closed. Where it is certain that it was handed over, it is a "
         "close_wait_leak.\n"
         "What helps: of a descriptor that was inherited by accident, SOCK_CLOEXEC with socket() "
         "and accept4(), or closing descriptors between fork() and exec(); of one that was handed "
         "over, close() by who has it. Now: end the processes that are named.\n"
         "What doesn't: restarting the program that accepted.",
     .sysctls = {},
     .source = "open(2), O_CLOEXEC; close(2)"},
    {.word = "peers_gone",
     .topic = Topic::finding,
     .summary = "peers have gone without a word",
     .text = "Reported when at least peers_gone.connections (1) connections of one program have "
             "data that was retransmitted and not acknowledged, or keepalive probes that nobody "
             "answered, and no segment from the peer for at least peers_gone.age (3s), or data "
             "that has been retransmitted for as long while segments still come; or ended "
             "timed_out (retransmission, user_timeout, keepalive). Data that was never sent "
             "although the peer's window has room is dropped on this host.\n"
             "Means: the peer crashed, lost its network, or a firewall or NAT on the way forgot "
             "the connection; where the peer is still heard, on this connection or another one, "
             "one direction is cut, or large segments don't get through (path MTU); where only "
             "connections that were opened later are answered, a firewall or NAT has lost its "
             "state, or a restarted server's RSTs don't arrive. The kernel gives up after "
             "tcp_retries2 retransmissions, some 15 minutes with 15, of connections that were "
             "closed here after tcp_orphan_retries; a socket that only waits for data never "
             "notices without keepalive.\n"
             "What helps: TCP_USER_TIMEOUT and SO_KEEPALIVE with times of the program's own; if "
             "the peers are alive, probes before the box in between forgets (many NATs after 5 "
             "minutes).\n"
             "What doesn't: more retries to a path that is gone.",
     .sysctls = kOf<kRetries2, kOrphanRetries, kKeepaliveTime, kKeepaliveIntvl, kKeepaliveProbes>,
     .source = "RFC 9293, section 3.8; RFC 5482; tcp_retransmit_timer() and tcp_keepalive_timer() "
               "in net/ipv4/tcp_timer.c"},
    {.word = "half_open_checks",
     .topic = Topic::finding,
     .summary = "a port is opened and reset at once: health checks",
     .text =
         "Reported, as information, when at least half_open_checks.connections (5) connections "
         "to one listener were reset at once without data (within a second, or within 0.2 s before "
         "the handshake was complete), by no more than 16 hosts, and no more "
         "than 50 per second. They "
         "count neither as failed handshakes nor as resets.\n"
         "Means: a load balancer or a monitor looks whether the port is open (haproxy's check "
         "without a request does so), or somebody scans ports. Of more hosts it may be a "
         "flood: handshakes_failing.\n"
         "What helps: nothing has to. A check with a request finds more.",
     .sysctls = {},
     .source = "tcp_check_req() in net/ipv4/tcp_minisocks.c"},
    {.word = "listener_closed",
     .topic = Topic::finding,
     .summary = "connections were reset with their listener",
     .text = "Reported when at least listener_closed.connections (1) connections were reset in the "
             "accept queue because the listening socket was closed.\n"
             "Means: the clients believed that they were connected. With SO_REUSEPORT each socket "
             "has a queue of its own, so a worker that ends takes its clients along, although "
             "others still listen.\n"
             "What helps: net.ipv4.tcp_migrate_req=1 (5.14) hands the queue on to the others; or "
             "accept until EAGAIN before closing; or one listening socket for all workers.\n"
             "What doesn't: a longer backlog.",
     .sysctls = kOf<kMigrateReq>,
     .source = "inet_csk_listen_stop() in net/ipv4/inet_connection_sock.c; ip-sysctl.rst, "
               "tcp_migrate_req"},
    {.word = "answered_unread",
     .topic = Topic::finding,
     .summary = "a server answers and closes with data unread",
     .text = "Reported when a service closed at least answered_unread.connections (5) connections "
             "with data unread after it had sent an answer, and at least answered_unread.share "
             "(0.1) of its connections.\n"
             "Means: close() with data unread sends an RST, which may overtake the answer: an "
             "upload that is refused (413, 401) looks like a broken connection to the client.\n"
             "What helps: answer, shutdown(SHUT_WR), read for a while, close (nginx: "
             "lingering_close). Clients can ask with Expect: 100-continue.\n"
             "What doesn't: SO_LINGER.",
     .sysctls = {},
     .source = "RFC 9293, section 3.6.1; RFC 9112, section 9.6; tcp_close() in net/ipv4/tcp.c"},
    {.word = "turned_away",
     .topic = Topic::finding,
     .summary = "a server closes right after accept()",
     .text = "Reported when a service closed at least turned_away.connections (5) connections "
             "within 0.1 s of accept(), having read nothing and sent nothing, or no more than a "
             "reason (1024 bytes) to clients that had sent something, and at least "
             "turned_away.share (0.1) of its connections. Connections that the client ends are "
             "not meant, nor those of clients for whose first request the server waited.\n"
             "Means: the program accepts and refuses: a limit of connections, an access list, no "
             "descriptors left, or a proxy without a backend.\n"
             "What helps: the program's log and limits.\n"
             "What doesn't: anything in TCP.",
     .sysctls = {},
     .source = "accept(2), EMFILE"},
    {.word = "idle_close_race",
     .topic = Topic::finding,
     .summary = "what is sent meets the close of an idle connection",
     .text =
         "Reported when at least idle_close_race.connections (3) connections were closed after "
         "an answer and an idle time and then got data, or had lasted for a second or longer and "
         "got data no sooner than 1 s after the close, or "
         "sent data to a peer that had answered and closed, or sent data after an idle time of a "
         "second or longer, longer than its pauses before and always about the same, and got an "
         "RST for it, and at least "
         "idle_close_race.share (0.01) of the connections. Where both ends are here, the one "
         "that closed is named. Not where the client's end shows that it closed as soon as it had "
         "sent: that was a closing message (QUIT, TLS's close_notify), and no request.\n"
         "Means: the server's idle limit is not longer than the client's: a request that is "
         "sent just when the limit runs out is reset, and its answer never comes. The idle "
         "time says what the limit is, unless all were closed at one moment: so a reload or an "
         "administrator does. An RST without a close before it comes from a NAT, "
         "firewall or load balancer that has forgotten the connection, or from a host that "
         "was restarted.\n"
         "What helps: a limit of the client, pool or proxy clearly below the server's; "
         "repeating requests that may be repeated.\n"
         "What doesn't: keepalive probes of TCP, which know nothing of requests; they help only "
         "against what forgets connections on the way.",
     .sysctls = {},
     .source = "RFC 9112, section 9.5"},
    {.word = "process_died",
     .topic = Topic::finding,
     .summary = "connections ended because their process died",
     .text =
         "Reported when at least process_died.connections (1) connections were closed by the "
         "kernel because a signal killed their process, or because it exited with data unread, "
         "with requests read and none answered where others got answers, or before a request "
         "or an answer that was on its way; or that a server closed within 1 s of its listening "
         "socket, because it stops, and that got data after that. "
         "As information where the signal is one that people and supervisors send (HUP, INT, "
         "PIPE, TERM), unless it ended the process before a request was answered while the "
         "service goes on, as a supervisor's time limit does.\n"
         "Means: requests were cut off. A process that closes its connections before it exits, "
         "and loses nothing by it, is not meant.\n"
         "What helps: dmesg (out of memory, segfault), coredumpctl, the supervisor's log; for "
         "restarts, finishing connections before the end.",
     .sysctls = {},
     .source = "do_exit() in kernel/exit.c; signal(7)"},
    {.word = "connections_reset",
     .topic = Topic::finding,
     .summary = "connections end by resets",
     .text = "Reported when at least connections_reset.connections (5) connections of a service, "
             "or of a program to one endpoint, ended by an RST, whoever sent it, and at least "
             "connections_reset.share (0.1) of them. Resets with a finding of their own don't "
             "count, nor regular checks that a client ends so after the answer; where both ends "
             "are here, the one that sent it is named, and where both received one, neither is to "
             "blame. As information where somebody ended them on purpose (ss -K), or probably "
             "nothing is lost: a server answered and closed, and the client's closing message came "
             "later, or regular probes and checks of few clients ended so.\n"
             "Means: data may have been lost, and programs see ECONNRESET or EPIPE. The details "
             "say why a reset was sent here; why one was received, only the other side knows.\n"
             "What helps: reading to the end before close(); for received ones, a trace of the "
             "other side.\n"
             "What doesn't: sysctls.",
     .sysctls = {},
     .source = "RFC 9293, section 3.5.2"},
    {.word = "connects_delayed",
     .topic = Topic::finding,
     .summary = "connects are answered only when the SYN is sent again",
     .text =
         "Reported when at least connects_delayed.connections (5) connects to one endpoint were "
         "answered only when the SYN had been sent again, and at least connects_delayed.share "
         "(0.1) of those that were answered. A warning where that is half of them or more, unless "
         "as many have been answered at once since, or all were opened within 3 s. Not where the "
         "round trip itself takes as "
         "long.\n"
         "Means: the first SYN, or the SYN-ACK, was lost, and TCP waits for 1 s, then longer, "
         "before it sends the SYN again: users wait, though nothing fails. Either the way there "
         "loses it (connection tracking that fails to insert, a firewall that doesn't accept the "
         "first SYN as it is), or the listener drops it, as its queue is full.\n"
         "What helps: a capture of SYNs on both sides; the counters of the listener's host "
         "(TcpExtListenDrops) and of connection tracking (conntrack -S).\n"
         "What doesn't: a longer time-out of the program; tcp_syn_retries.",
     .sysctls = {},
     .source = "RFC 6298, section 2.1 and 5.7; kernel: TCP_TIMEOUT_INIT in include/net/tcp.h"},
    {.word = "connects_refused",
     .topic = Topic::finding,
     .summary = "nobody listens where a program connects",
     .text =
         "Reported when at least connects_refused.connections (5) connects of one program to "
         "one endpoint were refused, and at least connects_refused.share (0.1) of them. Not "
         "where another address of the same try answered (localhost is often ::1 first). As "
         "information where nobody listened before, and somebody has since, or while a "
         "listening socket was away for no more than 1 s.\n"
         "Means: the host is up and answers SYNs with an RST: the service isn't running, "
         "listens elsewhere, or a firewall rejects. Where the address is one of the client's own "
         "network namespace and nothing is filtered out or lost, the finding says when "
         "listening sockets were closed and opened there.\n"
         "What helps: ss -ltn on that host.",
     .sysctls = {},
     .source = "RFC 9293, section 3.5.2; RFC 8305"},
    {.word = "self_connected",
     .topic = Topic::finding,
     .summary = "a socket is connected to itself",
     .text = "Reported when at least self_connected.connections (1) sockets have the same endpoint "
             "at both ends.\n"
             "Means: a program connected again and again to a port of ip_local_port_range on this "
             "host where nobody listened; once in a while the kernel chose that very port as the "
             "local one, and both ends are the same socket (a simultaneous open). The service "
             "can't bind its port while that lasts.\n"
             "What helps: ports of services outside the range, or in ip_local_reserved_ports; "
             "comparing getsockname() and getpeername().",
     .sysctls = kOf<kLocalPortRange, kLocalReservedPorts>,
     .source = "RFC 9293, section 3.5; __inet_hash_connect() in net/ipv4/inet_hashtables.c"},
    {.word = "stray_resets",
     .topic = Topic::finding,
     .summary = "segments of connections that this host doesn't know, reset",
     .text = "Reported when this host answered segments of at least stray_resets.connections (5) "
             "connections with an RST that belong to none of its sockets, and of none that ended "
             "while it was traced; or of a single one whose other end is on this host too and "
             "ended by that RST. Refused connects don't count.\n"
             "Means: the other end believes in a connection that is not here: this host or its "
             "container was restarted, its address moved here from another one, a NAT or load "
             "balancer sent the segments elsewhere than before, or the connection ended before "
             "tracing began and its peer noticed only now. Both ends then say that the other "
             "one reset the connection. Where a client here is connected to another endpoint from "
             "the very port that such segments are sent to, an address translation no longer maps "
             "the answers of its server back.\n"
             "What helps: comparing the addresses at the places in between (conntrack -L); idle "
             "times below the limits of NATs and firewalls.",
     .sysctls = {},
     .source = "RFC 9293, section 3.5.2; tcp_v4_send_reset() in net/ipv4/tcp_ipv4.c"},
    {.word = "counters_disagree",
     .topic = Topic::finding,
     .summary = "the kernel counted otherwise than tcpdwell did",
     .text =
         "Reported when the kernel's counters of a network namespace (ActiveOpens, PassiveOpens, "
         "EstabResets) and the transitions that make them grow differ by at least "
         "counters_disagree.difference (20) and counters_disagree.share (0.01) of them, between "
         "the "
         "first and the last reading; never with a filter or a sample, nor where events are known "
         "to be "
         "lost.\n"
         "Means: something happened that tcpdwell didn't see although nothing was lost, or that it "
         "took for something else. The numbers of this report are as wrong as the difference "
         "shows.\n"
         "What helps: tcpdwell check; comparing with nstat -az over the same time.",
     .sysctls = {},
     .source = "tcp_connect() in net/ipv4/tcp_output.c, tcp_create_openreq_child() in "
               "net/ipv4/tcp_minisocks.c, tcp_set_state() in net/ipv4/tcp.c"},
};

} // namespace

std::span<const Explanation> causes() { return kCauses; }

} // namespace tcpdwell::explain::texts
