// SPDX-License-Identifier: Apache-2.0
// The sysctls that govern states, and those that are believed to. Defaults are the kernel's;
// distributions differ.
#include "explain/texts.h"

namespace tcpdwell::explain::texts {
namespace {

// A sysctl is in its own list, so that its value on this host is shown with it.
constexpr Explanation kSysctls[] = {
    {.word = kTwReuse,
     .topic = Topic::sysctl,
     .summary = "may connect() take a local port that is in TIME_WAIT?",
     .text = "0: no. 1: yes. 2 (default since Linux 4.19): only over loopback.\n"
             "For outgoing connections only: it lets connect() replace a TIME_WAIT of this host "
             "towards the same "
             "remote address and port. It needs TCP timestamps on both ends, and the TIME_WAIT "
             "must be older than "
             "about 1 s (tcp_tw_reuse_delay). It shortens no TIME_WAIT that isn't in the way.\n"
             "Set it to 1 on hosts that open many connections to few endpoints and close first. It "
             "does nothing for "
             "a server's accepted connections. Ports that the program binds itself don't ask it.",
     .sysctls = kOf<kTwReuse, kTwReuseDelay, kTimestamps>,
     .source = "tcp_twsk_unique() in net/ipv4/tcp_ipv4.c; ip-sysctl.rst"},
    {.word = kTwReuseDelay,
     .topic = Topic::sysctl,
     .summary = "ms a TIME_WAIT must have lasted before it is reused",
     .text = "Default 1000. Since Linux 6.14; before, one second is built in. Lower values let a "
             "very busy client "
             "take its ports back sooner, but must not be below the peer's timestamp clock tick, "
             "on which the "
             "protection against old segments rests. Means nothing where tcp_tw_reuse doesn't "
             "allow reuse.",
     .sysctls = kOf<kTwReuseDelay, kTwReuse>,
     .source = "tcp_twsk_unique() in net/ipv4/tcp_ipv4.c (6.14); ip-sysctl.rst"},
    {.word = kTwRecycle,
     .topic = Topic::sysctl,
     .summary = "gone since Linux 4.12; it broke clients behind NAT",
     .text = "It made TIME_WAIT last 3.5 retransmission timeouts, and refused SYNs whose timestamp "
             "was older than the "
             "last one "
             "from the same address. Behind a NAT many hosts with different clocks share one "
             "address, so some of them "
             "couldn't connect. No kernel that tcpdwell runs on has it; take it out of your sysctl "
             "files.",
     .sysctls = {},
     .source = "Linux 4.12, commit 4396e46187ca (\"tcp: remove tcp_tw_recycle\")"},
    {.word = kFinTimeout,
     .topic = Topic::sysctl,
     .summary = "seconds an orphan waits in FIN_WAIT2 for the peer's FIN",
     .text = "Default 60. It counts for sockets that the program has closed; those that a process "
             "holds (half-closed "
             "with shutdown()) wait without limit. TCP_LINGER2 replaces it for one socket.\n"
             "It does not change the length of TIME_WAIT, which is a constant of 60 s in the "
             "kernel, whatever you "
             "read elsewhere.\n"
             "Lower it if orphans in FIN_WAIT2 pile up. The least is 3.5 retransmission timeouts. "
             "Above 60 the wait "
             "is twice what is over 60: 90 means 60 s, 120 means 120 s.",
     .sysctls = kOf<kFinTimeout>,
     .source = "tcp_fin_time() in include/net/tcp.h, tcp_close() in net/ipv4/tcp.c, "
               "tcp_keepalive_timer() in "
               "net/ipv4/tcp_timer.c; ip-sysctl.rst"},
    {.word = kMaxTwBuckets,
     .topic = Topic::sysctl,
     .summary = "how many mini-sockets a network namespace may have",
     .text = "TIME_WAIT and orphans in FIN_WAIT2 together. The default depends on memory. At the "
             "limit, a connection "
             "that closes gets none: no TIME_WAIT, and TcpExtTCPTimeWaitOverflow "
             "counts it. Those that exist stay, even if you lower the limit.\n"
             "Raise it if that counter moves; 250 bytes each are the price. Don't lower it to see "
             "fewer TIME_WAIT: "
             "they are skipped, not done faster, and what they guard against is let in.",
     .sysctls = kOf<kMaxTwBuckets>,
     .source = "inet_twsk_alloc() in net/ipv4/inet_timewait_sock.c; ip-sysctl.rst"},
    {.word = kRfc1337,
     .topic = Topic::sysctl,
     .summary = "1: an RST doesn't end TIME_WAIT",
     .text = "Default 0: an RST that fits ends it early. 1: such RSTs are ignored, as RFC 1337 "
             "proposes, and "
             "TIME_WAIT lasts its full time. The kernel's documentation can be read the other way "
             "round; the code "
             "can't. Only for TIME_WAIT, not for FIN_WAIT2. Few hosts need it.",
     .sysctls = kOf<kRfc1337>,
     .source = "RFC 1337; tcp_timewait_state_process() in net/ipv4/tcp_minisocks.c"},
    {.word = kTimestamps,
     .topic = Topic::sysctl,
     .summary = "send TCP timestamps (needed to reuse TIME_WAIT)",
     .text = "0: no. 1 (default): yes, with a random offset for each connection. 2: without the "
             "offset. Both ends must "
             "use them. They distinguish old segments from new ones (PAWS), which is why "
             "tcp_tw_reuse and "
             "quick reuse of "
             "ports by clients rest on them. Leave it at 1.",
     .sysctls = kOf<kTimestamps>,
     .source = "RFC 7323; ip-sysctl.rst"},
    {.word = kLocalPortRange,
     .topic = Topic::sysctl,
     .summary = "local ports for connect() without bind()",
     .text = "First and last; default 32768 60999, that is 28232 ports. Each can be used once per "
             "remote address and "
             "port, so this is a limit for each remote endpoint, not for the host. A server's "
             "accepted connections "
             "use none of it.\n"
             "Widen it (1024 65535) if ephemeral_ports_low is found, and take your services' ports "
             "out with "
             "ip_local_reserved_ports. Per network namespace. Since Linux 6.3 the socket option "
             "IP_LOCAL_PORT_RANGE "
             "narrows it for one socket.",
     .sysctls = kOf<kLocalPortRange, kLocalReservedPorts>,
     .source = "ip(7); __inet_hash_connect() in net/ipv4/inet_hashtables.c; ip-sysctl.rst"},
    {.word = kLocalReservedPorts,
     .topic = Topic::sysctl,
     .summary = "ports of the range that are never chosen automatically",
     .text = "A list such as 8080,9000-9010; empty by default. Keeps connect() off the ports that "
             "services will "
             "listen on. An explicit bind() to them works as before. What is reserved counts off "
             "ip_local_port_range.",
     .sysctls = kOf<kLocalReservedPorts, kLocalPortRange>,
     .source = "ip-sysctl.rst"},
    {.word = kSyncookies,
     .topic = Topic::sysctl,
     .summary = "answer SYNs without keeping anything when the queue is full",
     .text = "0: never; SYNs are dropped then. 1 (default): when a listener's queue of handshakes "
             "is full. 2: always "
             "(for tests). A cookie is the SYN-ACK's sequence number; the connection appears when "
             "the ACK brings it "
             "back. Without timestamps such connections lose window scaling and SACK.\n"
             "With cookies there is no SYN_RECV socket, and its dwell is unknown. They guard "
             "against floods; seen "
             "without a flood, the backlog is too short or the program accepts too slowly.",
     .sysctls = kOf<kSyncookies>,
     .source = "RFC 4987, section 3.6; tcp_conn_request() in net/ipv4/tcp_input.c; ip-sysctl.rst"},
    {.word = kMaxSynBacklog,
     .topic = Topic::sysctl,
     .summary = "handshakes per listener, if tcp_syncookies is 0",
     .text = "With tcp_syncookies on, the kernel doesn't ask it: the queue of handshakes is as "
             "long as the backlog of "
             "listen(), up to somaxconn, and beyond that there are cookies. With cookies off, the "
             "last quarter of it "
             "is kept for clients that the host knows. Raising it is rarely what you want.",
     .sysctls = kOf<kMaxSynBacklog, kSyncookies, kSomaxconn>,
     .source = "tcp_conn_request() in net/ipv4/tcp_input.c, inet_csk_reqsk_queue_is_full() in "
               "include/net/inet_connection_sock.h"},
    {.word = kSomaxconn,
     .topic = Topic::sysctl,
     .summary = "the most that listen() gets as its backlog",
     .text = "Default 4096 (128 before Linux 5.4). It limits both queues of a listener. It is "
             "looked at when listen() "
             "is called, so the program must ask for more, and be restarted. ss -lt shows the "
             "limit in force as "
             "Send-Q. A longer queue helps against bursts, not against a program that is always "
             "too slow.",
     .sysctls = kOf<kSomaxconn>,
     .source = "listen(2); __sys_listen() in net/socket.c; ip-sysctl.rst"},
    {.word = kAbortOnOverflow,
     .topic = Topic::sysctl,
     .summary = "1: RST to clients when the queue to accept is full",
     .text = "Default 0: the last ACK of the handshake is ignored, and the client's next "
             "retransmission gets another "
             "chance. 1: the client gets an RST. That makes a short burst fail that would have "
             "passed; use it only "
             "to make failures visible. A SYN that finds the queue full is dropped in silence "
             "either way.",
     .sysctls = kOf<kAbortOnOverflow>,
     .source = "tcp_check_req() in net/ipv4/tcp_minisocks.c; ip-sysctl.rst"},
    {.word = kMigrateReq,
     .topic = Topic::sysctl,
     .summary = "1: a closed listener's queue goes to the others",
     .text = "Default 0: when one of several listening sockets of an endpoint (SO_REUSEPORT) is "
             "closed, what waits in its accept queue is reset. 1 (Linux 5.14): the kernel hands it "
             "to another one of the same group.",
     .sysctls = kOf<kMigrateReq>,
     .source = "reuseport_migrate_sock() in net/core/sock_reuseport.c; ip-sysctl.rst"},
    {.word = kSynRetries,
     .topic = Topic::sysctl,
     .summary = "how often connect() repeats its SYN",
     .text = "Default 6, which makes 127 s until ETIMEDOUT: waits of 1, 2, 4 ... s. Since Linux "
             "6.5 the first ones are "
             "1 s each (tcp_syn_linear_timeouts, 4 more tries), which makes 131 s. TCP_SYNCNT sets "
             "it for one "
             "socket. A timeout in the program is the better tool.",
     .sysctls = kOf<kSynRetries>,
     .source = "tcp_write_timeout() in net/ipv4/tcp_timer.c; ip-sysctl.rst"},
    {.word = kSynackRetries,
     .topic = Topic::sysctl,
     .summary = "how often a server repeats its SYN-ACK",
     .text = "Default 5, which makes 63 s in SYN_RECV for a handshake whose ACK never comes. Lower "
             "it (2 makes 7 s) to "
             "shed dead handshakes sooner; clients with much packet loss pay for it.",
     .sysctls = kOf<kSynackRetries>,
     .source = "reqsk_timer_handler() in net/ipv4/inet_connection_sock.c; ip-sysctl.rst"},
    {.word = kRetries2,
     .topic = Topic::sysctl,
     .summary = "how long unacknowledged data is repeated",
     .text =
         "Default 15, which stands for at least 924.6 s, in truth 13 to 30 minutes: it is turned "
         "into a time, not "
         "counted. For sockets that a process holds, in ESTABLISHED, CLOSE_WAIT and the closing "
         "states. "
         "TCP_USER_TIMEOUT sets the time for one socket. RFC 1122 wants at least 100 s, that is 8.",
     .sysctls = kOf<kRetries2>,
     .source = "retransmits_timed_out() in net/ipv4/tcp_timer.c; tcp(7); ip-sysctl.rst"},
    {.word = kOrphanRetries,
     .topic = Topic::sysctl,
     .summary = "how long data and FIN are repeated after the program closed",
     .text = "Default 0, which means 8: at least 100 s. Governs FIN_WAIT1, CLOSING and LAST_ACK "
             "once no process holds "
             "the socket. 3 makes some 3 s on a fast network, and cuts off clients that are slow "
             "or lose packets.",
     .sysctls = kOf<kOrphanRetries>,
     .source = "tcp_orphan_retries() in net/ipv4/tcp_timer.c; ip-sysctl.rst"},
    {.word = kMaxOrphans,
     .topic = Topic::sysctl,
     .summary = "how many closed but unfinished sockets the host may have",
     .text = "Orphans are full sockets that no process holds: FIN_WAIT1, LAST_ACK, CLOSING. "
             "Mini-sockets (TIME_WAIT, "
             "most FIN_WAIT2) don't count. Beyond the limit they are reset: orphan_limit. For the "
             "whole host, not per "
             "network namespace; the default depends on memory. The number in use is in "
             "/proc/net/sockstat; other "
             "namespaces than the first don't show the limit.\n"
             "Raise it only after you know why there are so many; each can hold up to 64 KB.",
     .sysctls = kOf<kMaxOrphans>,
     .source = "tcp_check_oom() in net/ipv4/tcp.c; ip-sysctl.rst"},
    {.word = kKeepaliveTime,
     .topic = Topic::sysctl,
     .summary = "seconds of silence before the first keepalive probe",
     .text = "Default 7200. Only for sockets whose program has set SO_KEEPALIVE; nobody else sends "
             "probes. "
             "TCP_KEEPIDLE sets it for one socket. A dead peer is noticed after keepalive_time + "
             "keepalive_intvl * "
             "keepalive_probes: 2 h 11 min by default. Set it below the memory of the firewalls on "
             "the way, 300 or "
             "less for many NATs.",
     .sysctls = kOf<kKeepaliveTime, kKeepaliveIntvl, kKeepaliveProbes>,
     .source = "tcp(7); tcp_keepalive_timer() in net/ipv4/tcp_timer.c; ip-sysctl.rst"},
    {.word = kKeepaliveIntvl,
     .topic = Topic::sysctl,
     .summary = "seconds between keepalive probes",
     .text =
         "Default 75. Only for sockets with SO_KEEPALIVE; TCP_KEEPINTVL sets it for one socket.",
     .sysctls = kOf<kKeepaliveTime, kKeepaliveIntvl, kKeepaliveProbes>,
     .source = "tcp(7); ip-sysctl.rst"},
    {.word = kKeepaliveProbes,
     .topic = Topic::sysctl,
     .summary = "unanswered keepalive probes until the connection is reset",
     .text = "Default 9. Only for sockets with SO_KEEPALIVE; TCP_KEEPCNT sets it for one socket. "
             "If TCP_USER_TIMEOUT "
             "is set, that time decides instead.",
     .sysctls = kOf<kKeepaliveTime, kKeepaliveIntvl, kKeepaliveProbes>,
     .source = "tcp(7); tcp_keepalive_timer() in net/ipv4/tcp_timer.c; ip-sysctl.rst"},
};

} // namespace

std::span<const Explanation> sysctls() { return kSysctls; }

} // namespace tcpdwell::explain::texts
