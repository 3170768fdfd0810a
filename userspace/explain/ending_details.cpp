// SPDX-License-Identifier: Apache-2.0
// Values of `ending_detail`.
#include "explain/texts.h"

namespace tcpdwell::explain::texts {
namespace {

constexpr Explanation kDetails[] = {
    {.word = "so_linger_zero",
     .topic = Topic::ending,
     .summary = "detail of reset_sent: closed with SO_LINGER on, time 0",
     .text = "The program asked for it: close() throws away what isn't delivered and sends an RST. "
             "Load balancers "
             "and health checks do it to save TIME_WAIT. On connections that carry data it can cut "
             "off the end of "
             "what you sent, and the peer sees an error.",
     .sysctls = {},
     .source = "socket(7), SO_LINGER; tcp_close() in net/ipv4/tcp.c"},
    {.word = "unread_data",
     .topic = Topic::ending,
     .summary = "detail of reset_sent: closed while received data was unread",
     .text =
         "The kernel informs the peer that its data was thrown away. Often a server that answers "
         "and closes "
         "without reading the whole request; its answer can get lost with the RST. Have the "
         "program read to the "
         "end before it closes, or shutdown() and drain first. Also what a killed process "
         "leaves behind.",
     .sysctls = {},
     .source = "RFC 9293, section 3.6.1; RFC 2525, section 2.17; tcp_close() in net/ipv4/tcp.c"},
    {.word = "data_after_close",
     .topic = Topic::ending,
     .summary = "detail of reset_sent: data came in after close()",
     .text =
         "This end had closed and waited for the peer's FIN; the peer sent more data, which "
         "nobody can read. "
         "The kernel answers with an RST. The peer wasn't asked to stop, or didn't heed it: check "
         "who is to close "
         "first in your protocol, or use shutdown() and read until the end.",
     .sysctls = {},
     .source = "RFC 9293, section 3.6.1; tcp_rcv_state_process() in net/ipv4/tcp_input.c, "
               "tcp_timewait_state_process() in net/ipv4/tcp_minisocks.c"},
    {.word = "linger2",
     .topic = Topic::ending,
     .summary = "detail of reset_sent: TCP_LINGER2 below 0 skips FIN_WAIT2",
     .text = "The program set it. Once its FIN is acknowledged, or at once in FIN_WAIT2, the "
             "connection is reset "
             "instead of waiting for the peer's FIN.",
     .sysctls = {},
     .source = "tcp(7), TCP_LINGER2; tcp_close() in net/ipv4/tcp.c, tcp_rcv_state_process() in "
               "net/ipv4/tcp_input.c"},
    {.word = "listener_closed",
     .topic = Topic::ending,
     .summary = "detail of reset_sent: the listener was closed before accept()",
     .text = "The client was connected and waited in the queue; nobody will accept it now. Seen "
             "when servers are "
             "restarted. To lose none: hand the listening socket over, or stop new connections, "
             "accept what is "
             "there, and close then. tcp_migrate_req (Linux 5.14) moves them to another "
             "SO_REUSEPORT listener.",
     .sysctls = {},
     .source = "inet_csk_listen_stop() in net/ipv4/inet_connection_sock.c; ip-sysctl.rst"},
    {.word = "disconnect",
     .topic = Topic::ending,
     .summary = "detail of reset_sent: connect(AF_UNSPEC) dissolved it",
     .text = "The program broke the connection off in order to use the same socket again. Rare "
             "outside of tests and "
             "proxies.",
     .sysctls = {},
     .source = "connect(2); tcp_disconnect() in net/ipv4/tcp.c"},
    {.word = "admin_kill",
     .topic = Topic::ending,
     .summary = "detail: somebody ended it with ss -K",
     .text = "Or with another tool that destroys sockets; such things run when an address or a "
             "network goes away. "
             "The program sees ECONNABORTED.",
     .sysctls = {},
     .source = "ss(8), -K; tcp_abort() in net/ipv4/tcp.c"},
    {.word = "orphan_limit",
     .topic = Topic::ending,
     .summary = "detail of reset_sent: too many orphans, or TCP memory is full",
     .text = "The program had closed; the kernel gave the connection up because there were more "
             "orphans than "
             "tcp_max_orphans, or memory for TCP (tcp_mem) was short. The limit is for the whole "
             "host. Look for what "
             "makes orphans (FIN_WAIT1, LAST_ACK): peers that vanished or don't read.",
     .sysctls = kOf<kMaxOrphans>,
     .source = "tcp_check_oom() in net/ipv4/tcp.c, tcp_out_of_resources() in net/ipv4/tcp_timer.c"},
    {.word = "retransmission",
     .topic = Topic::ending,
     .summary = "detail of timed_out: data or FIN was never acknowledged",
     .text =
         "At least 924.6 s with tcp_retries2=15, in truth between 13 and 30 minutes; after close() "
         "tcp_orphan_retries decides. No RST is sent. If your program must know sooner, set "
         "TCP_USER_TIMEOUT; "
         "keepalive doesn't count as long as data is waiting.",
     .sysctls = kOf<kRetries2, kOrphanRetries>,
     .source = "tcp(7); tcp_write_timeout() in net/ipv4/tcp_timer.c; ip-sysctl.rst"},
    {.word = "user_timeout",
     .topic = Topic::ending,
     .summary = "detail of timed_out: the limit that the program has set",
     .text = "TCP_USER_TIMEOUT: how long data may wait for its ACK, in milliseconds. It replaces "
             "tcp_retries2 for "
             "this socket.",
     .sysctls = {},
     .source = "RFC 5482; tcp(7), TCP_USER_TIMEOUT; tcp_write_timeout() in net/ipv4/tcp_timer.c"},
    {.word = "keepalive",
     .topic = Topic::ending,
     .summary = "detail of timed_out: an idle peer answered no probe",
     .text = "The program had set SO_KEEPALIVE. An RST is sent along. By default the first probe "
             "goes out after two "
             "hours and the last after eleven minutes more; TCP_KEEPIDLE, TCP_KEEPINTVL and "
             "TCP_KEEPCNT change that "
             "for one socket. See peers_gone.",
     .sysctls = kOf<kKeepaliveTime, kKeepaliveIntvl, kKeepaliveProbes>,
     .source = "RFC 9293, section 3.8.4; tcp(7); tcp_keepalive_timer() in net/ipv4/tcp_timer.c"},
    {.word = "timeout",
     .topic = Topic::ending,
     .summary = "detail of connect_failed: no SYN was answered (ETIMEDOUT)",
     .text = "All retries are used up: 127 s by default, 131 s since Linux 6.5. Packets are "
             "dropped on the way, the "
             "host is down, or the listener's queue of connections to accept is full. Programs "
             "should have a shorter "
             "connect timeout of their own; then you see given_up.\n"
             "Of handshake_failed: no SYN-ACK was answered.",
     .sysctls = kOf<kSynRetries>,
     .source = "tcp_write_timeout() in net/ipv4/tcp_timer.c; ip-sysctl.rst, tcp_syn_retries"},
    {.word = "unreachable",
     .topic = Topic::ending,
     .summary = "detail of connect_failed: an ICMP error came back",
     .text = "No route to the host or the network, or a firewall that rejects with ICMP. A connect "
             "for which this "
             "host itself has no route sends nothing, and never gets as far as SYN_SENT: it isn't "
             "seen.",
     .sysctls = {},
     .source = "tcp_v4_err() in net/ipv4/tcp_ipv4.c"},
    {.word = "no_port",
     .topic = Topic::ending,
     .summary = "detail of connect_failed: no local port was free",
     .text =
         "connect() failed at once with EADDRNOTAVAIL: all ports of ip_local_port_range are taken "
         "between this "
         "local address and that remote address and port. See ephemeral_ports_low for what helps.",
     .sysctls = kOf<kLocalPortRange, kLocalReservedPorts, kTwReuse>,
     .source = "ip(7); __inet_hash_connect() in net/ipv4/inet_hashtables.c"},
    {.word = "given_up",
     .topic = Topic::ending,
     .summary = "detail of connect_failed: closed before there was an answer",
     .text = "The program's own connect timeout, or it was killed. If several addresses are tried "
             "at a time (Happy "
             "Eyeballs), the losers end like this, and nothing is wrong.",
     .sysctls = {},
     .source = "tcp_close() in net/ipv4/tcp.c"},
    {.word = "mptcp_fastclose",
     .topic = Topic::ending,
     .summary = "detail of a reset: MPTCP ended all subflows at once",
     .text = "An MPTCP connection was aborted with MP_FASTCLOSE, which resets each of its "
             "subflows. The program closed with data unread, with SO_LINGER 0, or didn't finish "
             "closing in time; the kernel ends an MPTCP connection like this when its close "
             "times out, too.",
     .sysctls = {},
     .source = "RFC 8684, section 3.5; mptcp_do_fastclose() in net/mptcp/protocol.c"},
    {.word = "repair",
     .topic = Topic::ending,
     .summary = "detail of dropped_silently: closed in repair mode",
     .text = "TCP_REPAIR was on when the program closed: the kernel forgets the connection and "
             "sends nothing. haproxy's silent-drop and CRIU do so. The peer finds out when it "
             "sends next, and is reset then.",
     .sysctls = {},
     .source = "tcp_close() in net/ipv4/tcp.c"},
    {.word = "peer_fin_not_seen",
     .topic = Topic::ending,
     .summary = "detail of fin: no mini-socket was left to wait for the peer's FIN",
     .text = "This end had closed and its FIN was acknowledged, but tcp_max_tw_buckets "
             "mini-sockets were there "
             "already (time_wait.end says overflow). The connection was forgotten in FIN_WAIT2; if "
             "the peer's FIN "
             "comes, it is answered with an RST.",
     .sysctls = kOf<kMaxTwBuckets>,
     .source = "tcp_time_wait() in net/ipv4/tcp_minisocks.c"},
};

} // namespace

std::span<const Explanation> ending_details() { return kDetails; }

} // namespace tcpdwell::explain::texts
