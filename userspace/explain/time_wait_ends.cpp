// SPDX-License-Identifier: Apache-2.0
// Values of `time_wait.end`; `open` and `unknown` are among the endings.
#include "explain/texts.h"

namespace tcpdwell::explain::texts {
namespace {

constexpr Explanation kTimeWaitEnds[] = {
    {.word = "expired",
     .topic = Topic::ending,
     .summary = "time_wait.end: its time was over, about 60 s",
     .text = "The normal end. The timer is coarse, so it is later than 60 s by up to 2 s with "
             "HZ=250, 4 s with "
             "HZ=1000, 5 s with HZ=100; and later still if the peer repeated its FIN (restarts).",
     .sysctls = {},
     .source = "TCP_TIMEWAIT_LEN in include/net/tcp.h, tw_timer_handler() in "
               "net/ipv4/inet_timewait_sock.c; "
               "kernel/time/timer.c"},
    {.word = "reused",
     .topic = Topic::ending,
     .summary = "time_wait.end: a connect() from here took the same ports",
     .text =
         "Either tcp_tw_reuse allowed it, or the program had bound the port itself. Both need "
         "timestamps (see "
         "tcp_timestamps) on the old connection, which make it safe. Counted as TcpExtTWRecycled.",
     .sysctls = kOf<kTwReuse, kTwReuseDelay, kTimestamps>,
     .source = "tcp_twsk_unique() in net/ipv4/tcp_ipv4.c, __inet_check_established() in "
               "net/ipv4/inet_hashtables.c"},
    {.word = "recycled",
     .topic = Topic::ending,
     .summary = "time_wait.end: a new SYN from the same remote port came in",
     .text = "The client used its port again, and its SYN was newer than the old connection (by "
             "timestamp or "
             "sequence number): the server accepts it at once. No sysctl is needed, no counter "
             "shows it. That is why "
             "TIME_WAIT on a server rarely keeps a client out.",
     .sysctls = {},
     .source = "RFC 9293, section 3.6.1; RFC 6191; tcp_timewait_state_process() in "
               "net/ipv4/tcp_minisocks.c, result "
               "TCP_TW_SYN"},
    {.word = "reset",
     .topic = Topic::ending,
     .summary = "time_wait.end: an RST ended it (TIME-WAIT assassination)",
     .text = "Usually a peer that has no socket any more and answers a late segment. Harmless as a "
             "rule, but old "
             "segments could now reach a new connection. tcp_rfc1337=1 ignores such RSTs.",
     .sysctls = kOf<kRfc1337>,
     .source = "RFC 1337; tcp_timewait_state_process() in net/ipv4/tcp_minisocks.c"},
    {.word = "killed",
     .topic = Topic::ending,
     .summary = "time_wait.end: somebody ended it with ss -K",
     .text =
         "Or with another tool that destroys sockets. 5.10 refuses to; it works on 6.1 and later.",
     .sysctls = {},
     .source = "ss(8), -K; tcp_abort() in net/ipv4/tcp.c"},
    {.word = "purged",
     .topic = Topic::ending,
     .summary = "time_wait.end: its network namespace ended",
     .text = "A container stopped; its mini-sockets went with it.",
     .sysctls = {},
     .source = "inet_twsk_purge() in net/ipv4/inet_timewait_sock.c"},
    {.word = "overflow",
     .topic = Topic::ending,
     .summary = "time_wait.end: never created, tcp_max_tw_buckets was reached",
     .text = "The connection closed without its TIME_WAIT; late segments of it can meet a new "
             "connection, and a "
             "repeated FIN of the peer is answered with an RST. Counted as "
             "TcpExtTCPTimeWaitOverflow. See "
             "time_wait_table_full.",
     .sysctls = kOf<kMaxTwBuckets>,
     .source = "inet_twsk_alloc() in net/ipv4/inet_timewait_sock.c, tcp_time_wait() in "
               "net/ipv4/tcp_minisocks.c"},
};

} // namespace

std::span<const Explanation> time_wait_ends() { return kTimeWaitEnds; }

} // namespace tcpdwell::explain::texts
