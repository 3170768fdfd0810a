// SPDX-License-Identifier: Apache-2.0
// Usual recipes and beliefs. `summary` is what is said; `text` begins with what is true.
#include "explain/texts.h"

namespace tcpdwell::explain::texts {
namespace {

constexpr Explanation kMyths[] = {
    {.word = "tw_recycle_cures_time_wait",
     .topic = Topic::myth,
     .summary = "\"tcp_tw_recycle=1 gets rid of TIME_WAIT\"",
     .text = "It doesn't exist any more: removed in Linux 4.12 (2017). Before that it refused "
             "connections from clients "
             "behind NAT, at random as it seemed. A sysctl file that still sets it only makes an "
             "error at boot.",
     .sysctls = kOf<kTwRecycle>,
     .source = "Linux 4.12, commit 4396e46187ca"},
    {.word = "fin_timeout_shortens_time_wait",
     .topic = Topic::myth,
     .summary = "\"tcp_fin_timeout=30 shortens TIME_WAIT\"",
     .text = "No. It is about orphans in FIN_WAIT2, where the peer's FIN is missing. The length of "
             "TIME_WAIT is a constant "
             "in the kernel's source, 60 s; no sysctl and no socket option changes it. Both are 60 "
             "by default, which is "
             "where the belief comes from. Measure it: tcpdwell report shows how long TIME_WAIT "
             "really lasted.",
     .sysctls = kOf<kFinTimeout>,
     .source =
         "TCP_TIMEWAIT_LEN in include/net/tcp.h, tcp_time_wait() in net/ipv4/tcp_minisocks.c"},
    {.word = "tw_reuse_helps_servers",
     .topic = Topic::myth,
     .summary = "\"tcp_tw_reuse=1 helps a server with many TIME_WAIT\"",
     .text = "It only concerns connect(). The TIME_WAITs of accepted connections stay as they are, "
             "and they are rarely in "
             "anybody's way: a client that uses the same port again is let in as a rule "
             "(recycled). It does help a host "
             "that connects out a lot and closes first, such as a proxy towards its backends.",
     .sysctls = kOf<kTwReuse, kTimestamps>,
     .source = "tcp_twsk_unique() in net/ipv4/tcp_ipv4.c, called by __inet_check_established()"},
    {.word = "fewer_tw_buckets_are_better",
     .topic = Topic::myth,
     .summary = "\"a lower tcp_max_tw_buckets cures TIME_WAIT\"",
     .text = "It makes the number smaller, not the problem. Connections beyond the limit close "
             "without the protection "
             "that TIME_WAIT gives, the next one with the same ports may get old segments, and a "
             "peer whose last ACK "
             "was lost gets an RST. The kernel's documentation says: you must not lower it. "
             "Raising it is no cure "
             "either, but right if TcpExtTCPTimeWaitOverflow counts.",
     .sysctls = kOf<kMaxTwBuckets>,
     .source =
         "ip-sysctl.rst, tcp_max_tw_buckets; inet_twsk_alloc() in net/ipv4/inet_timewait_sock.c"},
    {.word = "linger_zero_avoids_time_wait",
     .topic = Topic::myth,
     .summary = "\"set SO_LINGER to 0 to avoid TIME_WAIT\"",
     .text = "It does avoid it, by sending an RST instead of a FIN. What the peer hasn't "
             "acknowledged yet is thrown "
             "away, what its program hasn't read yet may be, and its program gets an error. It is "
             "right for "
             "connections whose data you have given up, and for health checks; not as the way to "
             "end good ones. "
             "Reuse connections, or let the peer close first.",
     .sysctls = {},
     .source = "socket(7), SO_LINGER; tcp_close() in net/ipv4/tcp.c; RFC 9293, section 3.9.1"},
    {.word = "keepalive_cures_close_wait",
     .topic = Topic::myth,
     .summary = "\"CLOSE_WAIT goes away with a lower tcp_keepalive_time\"",
     .text = "Only close() in the program ends it for good. Keepalive does nothing unless the "
             "program set SO_KEEPALIVE; "
             "if it did, and the peer is gone, the socket leaves CLOSE_WAIT, so the number that "
             "you watch gets "
             "smaller. But the program still holds the descriptor, and runs out of them all the "
             "same. If the peer is "
             "alive and half-closed, the probes are answered, and nothing changes.",
     .sysctls = kOf<kKeepaliveTime>,
     .source =
         "tcp_keepalive_timer() in net/ipv4/tcp_timer.c, tcp_reset() in net/ipv4/tcp_input.c"},
    {.word = "keepalive_is_on",
     .topic = Topic::myth,
     .summary = "\"tcp_keepalive_time=300 finds dead peers\"",
     .text = "Only for sockets whose program has set SO_KEEPALIVE; ss -o shows which "
             "(timer:(keepalive,...)). For "
             "others the sysctl does nothing. And while data waits for its ACK, it isn't keepalive "
             "that decides but "
             "tcp_retries2 or TCP_USER_TIMEOUT.",
     .sysctls = kOf<kKeepaliveTime, kRetries2>,
     .source = "tcp(7); tcp_keepalive_timer() in net/ipv4/tcp_timer.c"},
    {.word = "time_wait_eats_descriptors",
     .topic = Topic::myth,
     .summary = "\"TIME_WAIT eats file descriptors and memory\"",
     .text =
         "It has no descriptor: the program has closed. It has no buffers: the kernel keeps a "
         "mini-socket of some "
         "250 bytes. 10 000 of them are 2.5 MB. \"Too many open files\" comes from ESTABLISHED or "
         "CLOSE_WAIT. "
         "What TIME_WAIT does hold is a pair of ports, which matters on the side that connects.",
     .sysctls = {},
     .source = "struct tcp_timewait_sock in include/linux/tcp.h; tw_sock_TCP in /proc/slabinfo"},
    {.word = "2msl_is_4_minutes",
     .topic = Topic::myth,
     .summary = "\"TIME_WAIT lasts 2MSL: 2 or 4 minutes\"",
     .text = "RFC 9293 takes 2 minutes for the MSL, so 4 for TIME_WAIT, and calls that an "
             "engineering choice. Linux "
             "chose 60 s for the whole, plus up to a few seconds since the timer is coarse. The "
             "120 s that conntrack "
             "shows are those of netfilter's own table (nf_conntrack_tcp_timeout_time_wait). Some "
             "vendors' kernels "
             "have a sysctl for the length: measure, don't assume.",
     .sysctls = {},
     .source =
         "RFC 9293, section 3.4.2; TCP_TIMEWAIT_LEN in include/net/tcp.h; nf_conntrack-sysctl.rst"},
    {.word = "fin_wait2_is_a_leak",
     .topic = Topic::myth,
     .summary = "\"many FIN_WAIT2 mean that this host leaks\"",
     .text = "They mean that this host has closed and the peers haven't. Orphans go away after "
             "tcp_fin_timeout by "
             "themselves. Look for CLOSE_WAIT at the peers; the bug is in the program there. It is "
             "here only if a "
             "process still holds the sockets: it called shutdown() without close(). tcpdwell "
             "census marks "
             "them (NO-FILE).",
     .sysctls = kOf<kFinTimeout>,
     .source = "RFC 9293, section 3.6; tcp_close() in net/ipv4/tcp.c"},
    {.word = "time_wait_is_the_clients",
     .topic = Topic::myth,
     .summary = "\"TIME_WAIT is at the client\" (or \"at the server\")",
     .text = "It is at the end that closes first, whoever that is, and at both if the FINs cross. "
             "With HTTP the server "
             "often closes first: no keep-alive, its idle limit, a limit of requests per "
             "connection. tcpdwell report "
             "says for each service how often.",
     .sysctls = {},
     .source = "RFC 9293, section 3.6"},
    {.word = "reuseaddr_removes_time_wait",
     .topic = Topic::myth,
     .summary = "\"SO_REUSEADDR removes TIME_WAIT\"",
     .text = "It removes nothing. It lets a server bind() its port while old connections of that "
             "port are still in "
             "TIME_WAIT, so that it can be restarted at once; every server should set it. It "
             "doesn't shorten them, "
             "and doesn't give connect() more ports.",
     .sysctls = {},
     .source = "socket(7), SO_REUSEADDR; inet_csk_get_port() in net/ipv4/inet_connection_sock.c"},
    {.word = "servers_run_out_of_ports",
     .topic = Topic::myth,
     .summary = "\"a server can't have more than 65535 connections\"",
     .text = "A connection is identified by both addresses and both ports. All accepted "
             "connections share the "
             "server's one port; their number is limited by memory and descriptors. The limit of "
             "ports is for "
             "connect(), and there for each remote address and port: a wider ip_local_port_range "
             "helps clients and "
             "proxies, not servers.",
     .sysctls = kOf<kLocalPortRange>,
     .source = "RFC 9293, section 3.4.1; __inet_hash_connect() in net/ipv4/inet_hashtables.c"},
    {.word = "syn_backlog_for_busy_servers",
     .topic = Topic::myth,
     .summary = "\"a busy server needs a large tcp_max_syn_backlog\"",
     .text = "As long as tcp_syncookies is on, which is the default, the kernel doesn't look at "
             "it. What counts is the "
             "backlog that the program gives to listen(), cut off at somaxconn. And a queue of "
             "connections to accept "
             "that is always full wants a faster program, not a longer queue.",
     .sysctls = kOf<kMaxSynBacklog, kSyncookies, kSomaxconn>,
     .source = "tcp_conn_request() in net/ipv4/tcp_input.c, inet_csk_reqsk_queue_is_full() in "
               "include/net/inet_connection_sock.h"},
};

} // namespace

std::span<const Explanation> myths() { return kMyths; }

} // namespace tcpdwell::explain::texts
