// SPDX-License-Identifier: Apache-2.0
// The table of legal edges. Section numbers are those of RFC 9293; functions are those of the Linux
// kernel, net/ipv4.
//
// Edges of the RFC that Linux never takes are in the table too, since a true trace of them would be
// legal. Not in it: X -> TIME_WAIT after an RST was sent (3.3.2, note 3) - Linux goes to CLOSE;
// TIME_WAIT -> SYN_RECV (3.6.1, MAY-2) - in Linux the mini-socket ends and another connection
// begins (tcp_timewait_state_process() returns TCP_TW_SYN).
#include "tcp/transition.h"

#include <algorithm>

namespace tcpdwell::tcp {
namespace {

using enum State;
using enum EdgeKind;

struct LegalEdge {
    State from;
    State to;
    EdgeKind kind;
};

constexpr LegalEdge kEdges[] = {
    // Opening
    {CLOSE, LISTEN, rfc9293},   // 3.10.1 passive OPEN; inet_csk_listen_start()
    {CLOSE, SYN_SENT, rfc9293}, // 3.10.1 active OPEN; tcp_v4_connect(), tcp_v6_connect()
    {LISTEN, SYN_SENT,
     rfc9293}, // 3.10.1, 3.10.2 OPEN or SEND on a listener; not in Linux, connect() gives EISCONN
    {LISTEN, SYN_RECV,
     rfc9293}, // 3.10.7.2 SYN arrives; tcp_conn_request(), later inet_csk_clone_lock()
    {SYN_SENT, SYN_RECV,
     rfc9293}, // 3.10.7.3 SYN without ACK: simultaneous open; tcp_rcv_synsent_state_process()
    {SYN_SENT, ESTABLISHED, rfc9293}, // 3.10.7.3 SYN,ACK arrives; tcp_finish_connect()
    {SYN_RECV, ESTABLISHED, rfc9293}, // 3.10.7.4 fifth: ACK of the SYN; tcp_rcv_state_process()
    {SYN_RECV, LISTEN,
     rfc9293}, // 3.10.7.4 second: RST after passive OPEN; in Linux the request socket is freed

    // Closing on this side
    {SYN_RECV, FIN_WAIT1, rfc9293}, // 3.10.4 CLOSE; tcp_close_state(), on a child of TCP Fast Open
    {ESTABLISHED, FIN_WAIT1, rfc9293}, // 3.10.4 CLOSE; tcp_close_state()
    {CLOSE_WAIT, LAST_ACK, rfc9293},   // 3.10.4 CLOSE; tcp_close_state()
    {FIN_WAIT1, FIN_WAIT2, rfc9293},   // 3.10.7.4 fifth: ACK of our FIN; tcp_rcv_state_process()

    // The peer's FIN
    {SYN_RECV, CLOSE_WAIT, rfc9293},    // 3.10.7.4 eighth; tcp_fin(), on a child of TCP Fast Open
    {ESTABLISHED, CLOSE_WAIT, rfc9293}, // 3.10.7.4 eighth; tcp_fin()
    {FIN_WAIT1, CLOSING, rfc9293}, // 3.10.7.4 eighth: our FIN isn't acknowledged yet; tcp_fin()
    {FIN_WAIT1, TIME_WAIT,
     rfc9293}, // 3.10.7.4 eighth, 3.3.2 note 2: FIN with the ACK of ours; Linux passes FIN_WAIT2
    {FIN_WAIT2, TIME_WAIT,
     rfc9293},                     // 3.10.7.4 eighth; tcp_time_wait(), tcp_timewait_state_process()
    {CLOSING, TIME_WAIT, rfc9293}, // 3.10.7.4 fifth: ACK of our FIN; tcp_time_wait()

    // To the end. From everywhere:
    //   ABORT, 3.10.5: tcp_disconnect(), tcp_abort(), __tcp_close() with data unread or SO_LINGER
    //   0;
    //   an RST arrives, 3.10.7.3 and 3.10.7.4 second: tcp_reset();
    //   USER TIMEOUT, 3.10.8: tcp_write_err().
    // In FIN_WAIT2, Linux also gives up after tcp_fin_timeout (tw_timer_handler(),
    // tcp_keepalive_timer()), and at once
    // where TCP_LINGER2 < 0 (__tcp_close(), tcp_rcv_state_process()).
    {LISTEN, CLOSE,
     rfc9293}, // 3.10.4 CLOSE; tcp_close_state(); also a listen() that finds its port taken
    {SYN_SENT, CLOSE,
     rfc9293}, // 3.10.4 CLOSE; 3.10.7.3 RST: refused; tcp_write_err() at the end of tcp_syn_retries
    {SYN_RECV, CLOSE,
     rfc9293}, // 3.10.7.4 second; reqsk_timer_handler() at the end of tcp_synack_retries
    {ESTABLISHED, CLOSE,
     rfc9293}, // 3.10.5, 3.10.7.4 second, 3.10.8; 3.8.4 keep-alives: tcp_keepalive_timer()
    {FIN_WAIT1, CLOSE, rfc9293},  // the same; tcp_out_of_resources() at tcp_max_orphans
    {FIN_WAIT2, CLOSE, rfc9293},  // 3.10.5, 3.10.7.4 second; tw_timer_handler()
    {CLOSE_WAIT, CLOSE, rfc9293}, // 3.10.5, 3.10.7.4 second, 3.10.8
    {CLOSING, CLOSE,
     rfc9293}, // 3.10.5, 3.10.7.4 second, 3.10.8; tcp_time_wait() at tcp_max_tw_buckets
    {LAST_ACK, CLOSE,
     rfc9293}, // 3.10.7.4 fifth: ACK of our FIN; tcp_rcv_state_process(), tcp_done()
    {TIME_WAIT, CLOSE,
     rfc9293}, // 3.10.8 TIME-WAIT TIMEOUT; tw_timer_handler(), inet_twsk_deschedule_put()

    // No change: close() after shutdown(), where the FIN is out already. The RFC calls it an error
    // (3.10.4).
    {FIN_WAIT1, FIN_WAIT1, linux_specific}, // tcp_close_state()
    {FIN_WAIT2, FIN_WAIT2, linux_specific}, // tcp_close_state()
    {CLOSING, CLOSING, linux_specific},     // tcp_close_state()
    {LAST_ACK, LAST_ACK, linux_specific},   // tcp_close_state()
    {CLOSE, CLOSE, linux_specific}, // tcp_abort() of a listener: tcp_set_state(), then tcp_done()
};

using Table = EnumArray<State, EnumArray<State, EdgeKind>>;

constexpr Table kTable = [] {
    Table table;
    for (auto& row : table) std::ranges::fill(row, unexpected);
    for (const LegalEdge& edge : kEdges) table[edge.from][edge.to] = edge.kind;
    return table;
}();

} // namespace

EdgeKind edge_kind(State from, State to) { return kTable[from][to]; }

std::string_view name(EdgeKind kind) {
    switch (kind) {
    case EdgeKind::rfc9293: return "rfc9293";
    case EdgeKind::linux_specific: return "linux_specific";
    case EdgeKind::unexpected: return "unexpected";
    }
    return {};
}

} // namespace tcpdwell::tcp
