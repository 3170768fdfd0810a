// SPDX-License-Identifier: Apache-2.0
// Stories of orderly closing, and of FIN_WAIT2 in a full socket and in a mini-socket.
#include "synth/scenario.h"

namespace tcpdwell::synth {
namespace {

using namespace std::chrono_literals;
using enum tcp::State;

constexpr ExpectedClose kLocalFin{tcp::ClosedFirst::local, tcp::Ending::fin,
                                  tcp::EndingDetail::none, tcp::TimeWaitEnd::expired};
constexpr ExpectedClose kBothFin{tcp::ClosedFirst::both, tcp::Ending::fin, tcp::EndingDetail::none,
                                 tcp::TimeWaitEnd::expired};
constexpr ExpectedClose kRemoteFin{tcp::ClosedFirst::remote, tcp::Ending::fin};
constexpr ExpectedClose kFinWait2Expired{tcp::ClosedFirst::local, tcp::Ending::fin_wait2_expired};
constexpr ExpectedClose kDataAfterClose{tcp::ClosedFirst::local, tcp::Ending::reset_sent,
                                        tcp::EndingDetail::data_after_close};
constexpr ExpectedClose kOverflow{tcp::ClosedFirst::local, tcp::Ending::fin,
                                  tcp::EndingDetail::none, tcp::TimeWaitEnd::overflow};

void open_orphaned_in_mini(RecordGenerator& t) {
    open_as_client(t);
    close_until_fin_wait2(t);
    t.wait(3us);
    t.becomes_mini(FIN_WAIT2);
}

void client_first_fin_later(RecordGenerator& t) {
    open_orphaned_in_mini(t);
    t.wait(500ms);
    t.mini_gets_fin(false);
    t.mini_expires();
    t.ends(kLocalFin);
}

void client_first_fin_with_ack(RecordGenerator& t) {
    open_as_client(t);
    close_until_time_wait(t);
    t.mini_expires();
    t.ends(kLocalFin);
}

void server_first(RecordGenerator& t) {
    open_as_server(t);
    close_until_time_wait(t);
    t.mini_expires();
    t.ends(kLocalFin);
}

void remote_first_in_backlog(RecordGenerator& t) {
    open_as_client(t);
    t.fin_arrives(CLOSE_WAIT, {.owned = true}); // a reading task holds the lock, it doesn't close
    t.wait(2s);
    t.closes();
    t.wait(300us);
    t.moves(CLOSE);
    t.ends(kRemoteFin);
}

void remote_first_shutdown_then_close(RecordGenerator& t) {
    open_as_client(t);
    t.fin_arrives(CLOSE_WAIT);
    t.wait(10ms);
    t.shuts_down_sending();
    t.wait(100us);
    t.closes(); // LAST_ACK -> LAST_ACK, which must not start the dwell anew
    t.wait(30ms);
    t.moves(CLOSE);
    t.ends(kRemoteFin);
}

void simultaneous(RecordGenerator& t) {
    open_as_client(t);
    t.closes();
    t.wait(100us);
    t.fin_arrives(CLOSING);
    t.wait(200ms);
    t.becomes_mini(TIME_WAIT);
    t.mini_expires();
    t.ends(kBothFin);
}

void half_closed(RecordGenerator& t) {
    open_as_client(t);
    t.shuts_down_sending();
    t.wait(200us);
    t.moves(FIN_WAIT2, {.owned = true});
    t.wait(4s);
    t.becomes_mini(TIME_WAIT);
    t.mini_expires();
    t.ends(kLocalFin);
}

void half_closed_then_closed(RecordGenerator& t) {
    open_as_client(t);
    t.shuts_down_sending();
    t.wait(200us);
    t.moves(FIN_WAIT2);
    t.wait(3s);
    t.closes();
    t.wait(3us);
    t.becomes_mini(FIN_WAIT2);
    t.wait(700ms);
    t.mini_gets_fin(false);
    t.mini_expires();
    t.ends(kLocalFin);
}

void half_closed_still(RecordGenerator& t) {
    open_as_client(t);
    t.shuts_down_sending();
    t.wait(200us);
    t.moves(FIN_WAIT2);
    t.wait(1s);
    t.stays_open({tcp::ClosedFirst::local, tcp::Ending::open});
}

void fin_later_timer_moves(RecordGenerator& t) {
    open_as_client(t);
    close_until_fin_wait2(t);
    t.wait(3us);
    t.becomes_mini(FIN_WAIT2, 5s); // tcp_fin_timeout = 5
    t.wait(1500ms);
    t.mini_gets_fin(true);
    t.mini_expires();
    t.ends(kLocalFin);
}

void fin_later_swept(RecordGenerator& t) {
    open_orphaned_in_mini(t);
    t.wait(500ms);
    t.mini_gets_fin(false);
    t.wait(600ms);
    t.mini_is_swept();
    t.wait(600ms);
    t.mini_is_swept();
    t.mini_expires();
    t.ends(kLocalFin);
}

void fin_never_comes(RecordGenerator& t) {
    open_orphaned_in_mini(t);
    t.wait(500ms);
    t.mini_is_swept();
    t.mini_expires();
    t.ends(kFinWait2Expired);
}

void fin_never_comes_linger2(RecordGenerator& t) {
    open_as_client(t);
    close_until_fin_wait2(t);
    t.wait(3100ms); // TCP_LINGER2 = 63: all but a minute in the full socket
    t.becomes_mini(FIN_WAIT2, 3s);
    t.mini_expires();
    t.ends(kFinWait2Expired);
}

void fin_never_comes_full_socket(RecordGenerator& t) {
    open_as_client(t);
    close_until_fin_wait2(t);
    t.wait(60s);
    t.resets(TD_RESET_SENT, false, TD_REASON_STATE); // tcp_keepalive_timer() of an orphan
    t.moves(CLOSE);
    t.ends(kFinWait2Expired);
}

void fin_wait2_mini_gets_data(RecordGenerator& t) {
    open_orphaned_in_mini(t);
    t.wait(300ms);
    t.mini_resets();
    t.wait(2us);
    t.mini_dies(TD_STACK_DESCHEDULE | TD_STACK_RECEIVE);
    t.ends(t.kernel().stacks || t.kernel().reset_reasons
               ? kDataAfterClose
               : ExpectedClose{tcp::ClosedFirst::local, tcp::Ending::unknown});
}

void fin_wait2_mini_gets_reset(RecordGenerator& t) {
    open_orphaned_in_mini(t);
    t.wait(300ms);
    t.mini_dies(TD_STACK_DESCHEDULE | TD_STACK_TIMEWAIT_PROCESS | TD_STACK_RECEIVE);
    t.ends({tcp::ClosedFirst::local,
            t.kernel().stacks ? tcp::Ending::reset_received : tcp::Ending::unknown});
}

void fin_wait2_mini_killed(RecordGenerator& t) {
    open_orphaned_in_mini(t);
    t.wait(300ms);
    t.mini_dies(TD_STACK_DESCHEDULE | TD_STACK_ABORT);
    t.ends({tcp::ClosedFirst::local, tcp::Ending::unknown,
            t.kernel().stacks ? tcp::EndingDetail::admin_kill : tcp::EndingDetail::none});
}

void fin_wait2_mini_purged(RecordGenerator& t) {
    open_orphaned_in_mini(t);
    t.wait(300ms);
    t.mini_dies(TD_STACK_PURGE);
    t.ends({tcp::ClosedFirst::local, tcp::Ending::unknown});
}

void fin_wait1_gets_data(RecordGenerator& t) {
    open_as_client(t);
    t.closes();
    t.wait(20ms);
    t.resets(TD_RESET_RECEIVED, false, TD_REASON_UNKNOWN); // tcp_reset(), called without any RST
    t.moves(CLOSE, {.error = 104});
    t.wait(10us);
    t.resets(TD_RESET_SENT, true, TD_REASON_ABORT_ON_DATA);
    t.ends(kDataAfterClose);
}

void fin_is_acknowledged_with_data(RecordGenerator& t) {
    open_as_client(t);
    t.closes();
    t.wait(20ms);
    t.moves(FIN_WAIT2);
    t.wait(1us);
    t.moves(CLOSE);
    t.wait(10us);
    t.resets(TD_RESET_SENT, true, TD_REASON_ABORT_ON_DATA);
    t.ends(kDataAfterClose);
}

void fin_wait2_gets_data(RecordGenerator& t) {
    open_as_client(t);
    close_until_fin_wait2(t);
    t.wait(1s); // TCP_LINGER2 > 60: a full socket
    t.resets(TD_RESET_RECEIVED, false, TD_REASON_UNKNOWN);
    t.moves(CLOSE, {.error = 104});
    t.wait(10us);
    t.resets(TD_RESET_SENT, true, TD_REASON_ABORT_ON_DATA);
    t.ends(kDataAfterClose);
}

void overflow_after_fin(RecordGenerator& t) {
    open_as_client(t);
    close_until_fin_wait2(t);
    t.wait(30ms);
    t.fin_arrives(CLOSE);
    t.ends(kOverflow);
}

void overflow_in_closing(RecordGenerator& t) {
    open_as_client(t);
    t.closes();
    t.wait(100us);
    t.fin_arrives(CLOSING);
    t.wait(20ms);
    t.moves(CLOSE);
    t.ends({tcp::ClosedFirst::both, tcp::Ending::fin, tcp::EndingDetail::none,
            tcp::TimeWaitEnd::overflow});
}

void overflow_before_fin(RecordGenerator& t) {
    open_as_client(t);
    close_until_fin_wait2(t);
    t.wait(3us);
    t.moves(CLOSE);
    t.ends({tcp::ClosedFirst::local, tcp::Ending::fin, tcp::EndingDetail::peer_fin_not_seen,
            tcp::TimeWaitEnd::overflow});
}

} // namespace

std::span<const Scenario> closing_scenarios() {
    static constexpr Scenario kList[] = {
        {"client_first_fin_later", client_first_fin_later},
        {"client_first_fin_with_ack", client_first_fin_with_ack},
        {"server_first", server_first},
        {"remote_first_in_backlog", remote_first_in_backlog},
        {"remote_first_shutdown_then_close", remote_first_shutdown_then_close},
        {"simultaneous", simultaneous},
        {"half_closed", half_closed},
        {"half_closed_then_closed", half_closed_then_closed},
        {"half_closed_still", half_closed_still, false},
        {"fin_later_timer_moves", fin_later_timer_moves},
        {"fin_later_swept", fin_later_swept},
        {"fin_never_comes", fin_never_comes},
        {"fin_never_comes_linger2", fin_never_comes_linger2},
        {"fin_never_comes_full_socket", fin_never_comes_full_socket},
        {"fin_wait2_mini_gets_data", fin_wait2_mini_gets_data},
        {"fin_wait2_mini_gets_reset", fin_wait2_mini_gets_reset},
        {"fin_wait2_mini_killed", fin_wait2_mini_killed},
        {"fin_wait2_mini_purged", fin_wait2_mini_purged},
        {"fin_wait1_gets_data", fin_wait1_gets_data},
        {"fin_is_acknowledged_with_data", fin_is_acknowledged_with_data},
        {"fin_wait2_gets_data", fin_wait2_gets_data},
        {"overflow_after_fin", overflow_after_fin},
        {"overflow_in_closing", overflow_in_closing},
        {"overflow_before_fin", overflow_before_fin},
    };
    return kList;
}

} // namespace tcpdwell::synth
