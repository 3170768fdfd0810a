// SPDX-License-Identifier: Apache-2.0
// What `tcpdwell report` can find: when it is reported, what it means, what helps and what doesn't.
#include "explain/texts.h"

namespace tcpdwell::explain::texts {
namespace {

constexpr Explanation kFindings[] = {
    {.word = "server_closes_first",
     .topic = Topic::finding,
     .summary = "a server closes first, and so has the TIME_WAIT",
     .text =
         "Reported when a service with role server closed first on at least "
         "server_closes_first.connections (100) "
         "connections, and on at least server_closes_first.share (0.5) of those that anybody "
         "closed first. As information where none of its TIME_WAITs is left, and less than half "
         "of tcp_max_tw_buckets was in use.\n"
         "Means: each of these connections leaves a mini-socket here for about 60 s. That "
         "costs little memory "
         "and no port, and keeps no client out as a rule; it counts towards "
         "tcp_max_tw_buckets. It matters more "
         "for what stands behind it: keep-alive is off, or its idle limit here is shorter than "
         "the client's, and "
         "a client that sends just then gets an RST.\n"
         "What helps: keep connections open for more than one request, with a longer idle "
         "limit than the client "
         "or proxy in front has. Where you own both programs, let the client close first.\n"
         "What doesn't: tcp_tw_reuse (for outgoing connections only), tcp_fin_timeout, "
         "SO_REUSEADDR.",
     .sysctls = kOf<kMaxTwBuckets>,
     .source = "RFC 9293, section 3.6; RFC 9112, section 9.6"},
    {.word = "close_wait_leak",
     .topic = Topic::finding,
     .summary = "a program doesn't close connections that the peer closed",
     .text = "Reported when at least close_wait_leak.sockets (1) sockets that one program holds "
             "are in CLOSE_WAIT for at least close_wait_leak.age (60s), and for as long no data "
             "was sent and no ACK came. Sockets that nobody has accepted are accept_stalled.\n"
             "Means: the peer has closed, the program hasn't noticed or has forgotten close(). "
             "Each socket holds a "
             "descriptor and memory until the process ends; in the end accept() or open() fails "
             "with EMFILE.\n"
             "What helps: mend the program. Usual suspects are connections that were handed back "
             "to a pool without "
             "being read, and error paths without close(). The connections named in the finding "
             "tell which peer. "
             "Until then, restart it, and raise its limit of descriptors if need be.\n"
             "What doesn't: any sysctl. Keepalive can at best turn such a socket into one in "
             "CLOSE; the descriptor "
             "stays.",
     .sysctls = {},
     .source = "RFC 9293, section 3.6; close(2), EMFILE in accept(2)"},
    {.word = "time_wait_table_full",
     .topic = Topic::finding,
     .summary = "tcp_max_tw_buckets is reached, or nearly",
     .text = "Reported when the mini-sockets of one network namespace are at least "
             "time_wait_table_full.share (0.9) of "
             "tcp_max_tw_buckets, or when any TIME_WAIT ended as overflow. Of a sample (--sample) "
             "their number is an estimate, and overflows are those that the kernel counted "
             "(TcpExtTCPTimeWaitOverflow).\n"
             "Means: beyond the limit, connections close without TIME_WAIT (or FIN_WAIT2), and "
             "late segments can "
             "meet a new connection between the same ports. The limit is for each network "
             "namespace; it guards "
             "memory, about 250 bytes apiece.\n"
             "What helps: raise the limit, in the namespace that is named. Then see to it that "
             "fewer are made: "
             "server_closes_first says by whom.\n"
             "What doesn't: lowering it.",
     .sysctls = kOf<kMaxTwBuckets, kFinTimeout>,
     .source =
         "inet_twsk_alloc() in net/ipv4/inet_timewait_sock.c; ip-sysctl.rst, tcp_max_tw_buckets"},
    {.word = "ephemeral_ports_low",
     .topic = Topic::finding,
     .summary = "connects to one address and port use up the local ports",
     .text =
         "Reported when the local ports held between one local address and one remote address and "
         "port are at least "
         "ephemeral_ports_low.share (0.8) of ip_local_port_range, or when any connect failed "
         "with no_port. "
         "TIME_WAIT holds a port as well as ESTABLISHED does. Never of a sample (--sample): which "
         "ports are in use isn't known then.\n"
         "Means: soon connect() fails with EADDRNOTAVAIL, and before that it gets slow, since "
         "the kernel "
         "searches longer. With the default range of 28232 ports, if this side closes first, "
         "no more than 470 "
         "connections a second to one endpoint are possible for long.\n"
         "What helps, best first: reuse connections (pool, keep-alive); let the remote end "
         "close first; "
         "tcp_tw_reuse=1, if both ends use timestamps; a wider ip_local_port_range, minus what "
         "your services "
         "listen on (ip_local_reserved_ports); more local or remote addresses or ports. A "
         "program that calls "
         "bind() before connect() should set IP_BIND_ADDRESS_NO_PORT.\n"
         "What doesn't: tcp_fin_timeout, tcp_max_tw_buckets, SO_REUSEADDR on the server.",
     .sysctls = kOf<kLocalPortRange, kLocalReservedPorts, kTwReuse, kTwReuseDelay, kTimestamps>,
     .source = "__inet_hash_connect() in net/ipv4/inet_hashtables.c; ip(7), "
               "IP_BIND_ADDRESS_NO_PORT; ip-sysctl.rst"},
    {.word = "connects_unanswered",
     .topic = Topic::finding,
     .summary = "connects of a program get no answer",
     .text =
         "Reported when at least connects_unanswered.connections (3) connects of one program to "
         "one endpoint, and connects_unanswered.share (0.1) of them, got no SYN-ACK, however soon "
         "they were given up (timeout, unreachable, given_up), or wait in SYN_SENT for at least "
         "connects_unanswered.age (1s); or 20 to at least 10 hosts. Not where another address of "
         "the same try answered (RFC 8305).\n"
         "Means: SYNs or their answers are dropped, or the program gives up sooner than answers "
         "come (which is said where they came). One remote address in common: that host is "
         "down, a firewall "
         "drops, or its queue of connections to accept is full (there: nstat "
         "TcpExtListenOverflows). Many: look "
         "at routes, NAT and connection tracking nearer to this host.\n"
         "What helps: find the drop (tcpdump on both ends; dmesg for \"nf_conntrack: table "
         "full\"). Give the "
         "program a connect timeout of a few seconds, so that it can try another address.\n"
         "What doesn't: more retries.",
     .sysctls = kOf<kSynRetries>,
     .source = "RFC 9293, section 3.8.3; tcp_write_timeout() in net/ipv4/tcp_timer.c"},
    {.word = "handshakes_failing",
     .topic = Topic::finding,
     .summary = "handshakes at a listener don't complete",
     .text = "Reported when a listening endpoint has at least handshakes_failing.connections (20) "
             "failed handshakes, "
             "which are at least handshakes_failing.share (0.1) of its handshakes, or as many that "
             "have been in SYN_RECV for longer than 1 s, or when the kernel sent as many SYN "
             "cookies (its own counter: a SYN "
             "that gets a cookie leaves no other trace), or dropped as many SYNs at a full queue "
             "(TCPReqQFullDrop), or, with tcp_syncookies at 0, before that (ListenDrops beyond "
             "ListenOverflows). Health checks don't count: half_open_checks.\n"
             "Means: a SYN flood (many addresses that never answer), answers that get lost "
             "(asymmetric route, "
             "firewall; few addresses, always the same), or a program that accepts too slowly, so "
             "that last ACKs "
             "are ignored (nstat TcpExtListenOverflows).\n"
             "What helps: leave tcp_syncookies at 1. For a slow program: accept faster, more "
             "workers, then a longer "
             "backlog in listen() and somaxconn with it.\n"
             "What doesn't: tcp_max_syn_backlog, unless cookies are off: then SYNs are dropped "
             "once three quarters of it are under way; "
             "tcp_abort_on_overflow, "
             "which only makes the failures loud.",
     .sysctls = kOf<kSynackRetries, kSyncookies, kMaxSynBacklog, kSomaxconn, kAbortOnOverflow>,
     .source = "tcp_conn_request() in net/ipv4/tcp_input.c, tcp_check_req() in "
               "net/ipv4/tcp_minisocks.c; RFC 4987"},
    {.word = "fin_wait2_pileup",
     .topic = Topic::finding,
     .summary = "many peers don't close after this end has",
     .text = "Reported when at least fin_wait2_pileup.sockets (100) sockets of one program are in "
             "FIN_WAIT2 for at least fin_wait2_pileup.age (5s), and as long without a segment from "
             "the peer where the program can read, or as many ended as fin_wait2_expired.\n"
             "Means: this end closed first, and the peers are slow to follow, or never do. Look "
             "for CLOSE_WAIT at "
             "the peers: the leak is there. If a process here still holds the sockets, it called "
             "shutdown() and "
             "forgot close(): then the leak is here.\n"
             "What helps: mend the program that doesn't close. A lower tcp_fin_timeout sheds the "
             "orphans sooner, "
             "at the risk that a slow but honest peer gets an RST for its FIN.\n"
             "What doesn't: tcp_tw_reuse; tcp_fin_timeout for sockets that a process holds.",
     .sysctls = kOf<kFinTimeout>,
     .source =
         "RFC 9293, section 3.6; tcp_close() in net/ipv4/tcp.c; ip-sysctl.rst, tcp_fin_timeout"},
    {.word = "closing_stuck",
     .topic = Topic::finding,
     .summary = "last FINs are never acknowledged",
     .text =
         "Reported when at least closing_stuck.sockets (1) sockets are in FIN_WAIT1, LAST_ACK or "
         "CLOSING for at least closing_stuck.age (30s). A round trip is what it should take; what "
         "still drains, however slowly, isn't counted.\n"
         "Means: the peer vanished, a firewall or NAT on the way has already dropped the "
         "connection, or the "
         "peer doesn't read, so that the FIN is held up behind data.\n"
         "What helps: look at what is on the way; connection tracking that forgets a "
         "connection at the first FIN "
         "is a classic. A lower tcp_orphan_retries ends orphans sooner. They end by themselves "
         "after some minutes, "
         "at most half an hour.\n"
         "What doesn't: tcp_fin_timeout.",
     .sysctls = kOf<kOrphanRetries, kRetries2>,
     .source = "RFC 9293, section 3.6; tcp_orphan_retries() in net/ipv4/tcp_timer.c"},
    {.word = "time_wait_skipped",
     .topic = Topic::finding,
     .summary = "this end closes first, yet leaves no TIME_WAIT",
     .text = "Reported when at least time_wait_skipped.connections (20) active closes left no "
             "TIME_WAIT, and they are at "
             "least time_wait_skipped.share (0.1) of the active closes, by so_linger_zero or "
             "linger2; other causes have findings of their own. As information where only clients "
             "did so that had been answered in full.\n"
             "Means: the program resets instead of closing, mostly to be spared TIME_WAIT. The "
             "peer sees an error and may lose data that it has not read; without TIME_WAIT late "
             "segments can meet a new connection.\n"
             "What helps: removing SO_LINGER with a time of 0. A TIME_WAIT is cheaper than lost "
             "data.",
     .sysctls = {},
     .source = "RFC 9293, sections 3.6 and 3.6.1; tcp_close() in net/ipv4/tcp.c"},
    {.word = "accept_queue_full",
     .topic = Topic::finding,
     .summary = "a listener's accept queue overflowed",
     .text =
         "Reported when TcpExt.ListenOverflows grew by at least accept_queue_full.overflows (1) "
         "in one network namespace. It is critical from 100 overflows per second on.\n"
         "Means: more connections were complete and not yet accepted than the backlog allows. "
         "The kernel drops further SYNs and the last ACK of handshakes in silence: clients "
         "retransmit after 1, 3, 7 s, and some believe that they are connected. The kernel "
         "counts for all listeners of a namespace together. Those are ruled out to which too few "
         "connections came, and those at loopback addresses whose clients were all answered at "
         "once; of the rest those are named whose queue is full, or whose clients here had to "
         "send their SYN again. In a namespace where the filter selects no listener it isn't "
         "reported.\n"
         "What helps: accept() faster: look for a program that is blocked, stopped, or has too "
         "few workers. If bursts are the reason, a longer backlog in listen(), and a "
         "net.core.somaxconn that allows it. ss -lnt has the queue as Recv-Q and the backlog as "
         "Send-Q.\n"
         "What doesn't: tcp_max_syn_backlog and tcp_syncookies (for handshakes that are not "
         "complete); tcp_abort_on_overflow only turns the wait into a reset.",
     .sysctls = kOf<kSomaxconn, kAbortOnOverflow>,
     .source = "listen(2); tcp_conn_request() in net/ipv4/tcp_input.c"},
    {.word = "events_lost",
     .topic = Topic::finding,
     .summary = "the report is incomplete: events were lost",
     .text = "Reported when any event was lost between the kernel and tcpdwell, when one must have "
             "been that nobody counted as lost (not seen: a state that only that event leads to, "
             "an end that never came), or when a recording has holes: damaged or "
             "missing parts, or time between two of its files.\n"
             "Means: counts are too low, and the connections that were affected say seen: gap. "
             "Nothing is made up "
             "in their place.\n"
             "What helps: a larger --buffer-size; a filter (--port, --netns, ...), which works in "
             "the kernel where "
             "it can; a CPU that isn't fully used by others. --strict makes it exit status 4.",
     .sysctls = {},
     .source = "tcpdwell"},
};

} // namespace

std::span<const Explanation> findings() { return kFindings; }

} // namespace tcpdwell::explain::texts
