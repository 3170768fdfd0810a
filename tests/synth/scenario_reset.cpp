// SPDX-License-Identifier: Apache-2.0
// Stories of resets, sent and received, and of connections that time out.
#include "synth/scenario.h"

namespace tcpdwell::synth {
namespace {

using namespace std::chrono_literals;
using enum tcp::State;

void open_until_close_wait(RecordGenerator& t) {
    open_as_client(t);
    t.fin_arrives(CLOSE_WAIT);
    t.wait(50ms);
}

void reset_received(RecordGenerator& t, std::uint8_t error, const ExpectedClose& verdict,
                    bool in_backlog = false) {
    t.resets(TD_RESET_RECEIVED, false, TD_REASON_UNKNOWN);
    t.moves(CLOSE, {.error = error, .owned = in_backlog});
    t.ends(verdict);
}

constexpr ExpectedClose reset_received_after(tcp::ClosedFirst first) {
    return {first, tcp::Ending::reset_received};
}

void reset_in_established(RecordGenerator& t) {
    open_as_client(t);
    reset_received(t, 104, reset_received_after(tcp::ClosedFirst::remote));
}

void reset_in_backlog(RecordGenerator& t) {
    open_as_server(t);
    reset_received(t, 104, reset_received_after(tcp::ClosedFirst::remote), true);
}

void reset_in_fin_wait1(RecordGenerator& t) {
    open_as_client(t);
    t.closes();
    t.wait(20ms);
    reset_received(t, 104, reset_received_after(tcp::ClosedFirst::local));
}

void reset_in_fin_wait2(RecordGenerator& t) {
    open_as_client(t);
    t.shuts_down_sending();
    t.wait(200us);
    t.moves(FIN_WAIT2);
    t.wait(70ms);
    reset_received(t, 104, reset_received_after(tcp::ClosedFirst::local));
}

void reset_in_closing(RecordGenerator& t) {
    open_as_client(t);
    t.closes();
    t.wait(100us);
    t.fin_arrives(CLOSING);
    t.wait(50ms);
    reset_received(t, 104, reset_received_after(tcp::ClosedFirst::both));
}

void reset_in_close_wait(RecordGenerator& t) {
    open_until_close_wait(t);
    reset_received(t, 32, reset_received_after(tcp::ClosedFirst::remote));
}

void reset_in_last_ack(RecordGenerator& t) {
    open_until_close_wait(t);
    t.closes();
    t.wait(20ms);
    reset_received(t, 104, reset_received_after(tcp::ClosedFirst::remote));
}

/// The task closes the socket at once; the RST is seen after it has been sent.
void aborts(RecordGenerator& t, std::uint16_t flags, td_reset_reason reason,
            const ExpectedClose& verdict) {
    t.dies_by_close(flags);
    t.wait(30us);
    t.resets(TD_RESET_SENT, false, reason);
    t.ends(verdict);
}

void linger_zero(RecordGenerator& t) {
    open_as_client(t);
    aborts(t, TD_STATE_LINGER_ZERO, TD_REASON_STATE,
           {tcp::ClosedFirst::local, tcp::Ending::reset_sent, tcp::EndingDetail::so_linger_zero});
}

void unread_data(RecordGenerator& t) {
    open_as_server(t);
    aborts(t, 0, TD_REASON_ABORT_ON_CLOSE,
           {tcp::ClosedFirst::local, tcp::Ending::reset_sent, tcp::EndingDetail::unread_data});
}

void linger_zero_in_close_wait(RecordGenerator& t) {
    open_until_close_wait(t);
    aborts(t, TD_STATE_LINGER_ZERO, TD_REASON_STATE,
           {tcp::ClosedFirst::remote, tcp::Ending::reset_sent, tcp::EndingDetail::so_linger_zero});
}

void unread_data_in_close_wait(RecordGenerator& t) {
    open_until_close_wait(t);
    aborts(t, 0, TD_REASON_ABORT_ON_CLOSE,
           {tcp::ClosedFirst::remote, tcp::Ending::reset_sent, tcp::EndingDetail::unread_data});
}

/// Nothing is sent.
void closed_in_repair_mode(RecordGenerator& t) {
    open_as_client(t);
    t.dies_by_close(TD_STATE_REPAIR);
    t.ends({tcp::ClosedFirst::local, tcp::Ending::dropped_silently, tcp::EndingDetail::repair});
}

/// A subflow, of which MPTCP makes the abort (mptcp_do_fastclose()).
void mptcp_fastclose(RecordGenerator& t) {
    open_as_client(t);
    aborts(t, TD_STATE_LINGER_ZERO | TD_STATE_MPTCP | TD_STATE_FASTCLOSE, TD_REASON_STATE,
           {tcp::ClosedFirst::local, tcp::Ending::reset_sent, tcp::EndingDetail::mptcp_fastclose});
}

void disconnect_then_reconnect(RecordGenerator& t) {
    open_as_client(t);
    t.dies_by_disconnect();
    t.wait(30us);
    t.resets(TD_RESET_SENT, false, TD_REASON_STATE);
    t.ends({tcp::ClosedFirst::local, tcp::Ending::reset_sent, tcp::EndingDetail::disconnect}, true);
    t.wait(60us);
    open_as_client(t);
    reset_received(t, 104, reset_received_after(tcp::ClosedFirst::remote));
}

void admin_kill(RecordGenerator& t, tcp::ClosedFirst first) {
    t.is_killed();
    t.ends({first, tcp::Ending::reset_sent, tcp::EndingDetail::admin_kill});
}

void admin_kill_in_established(RecordGenerator& t) {
    open_as_client(t);
    admin_kill(t, tcp::ClosedFirst::local);
}

void admin_kill_in_close_wait(RecordGenerator& t) {
    open_until_close_wait(t);
    admin_kill(t, tcp::ClosedFirst::remote);
}

void linger2_negative(RecordGenerator& t) {
    open_as_client(t);
    t.closes();
    t.wait(300us);
    t.moves(FIN_WAIT2, {.flags = TD_STATE_LINGER2_NEG});
    t.wait(5us);
    t.moves(CLOSE, {.flags = TD_STATE_LINGER2_NEG});
    t.wait(5us);
    t.resets(TD_RESET_SENT, true, TD_REASON_ABORT_ON_DATA);
    t.ends({tcp::ClosedFirst::local, tcp::Ending::reset_sent, tcp::EndingDetail::linger2});
}

void linger2_negative_in_fin_wait2(RecordGenerator& t) {
    open_as_client(t);
    t.shuts_down_sending();
    t.wait(200us);
    t.moves(FIN_WAIT2);
    t.wait(40ms);
    t.closes();
    t.wait(3us);
    t.moves(CLOSE, {.owned = true, .flags = TD_STATE_LINGER2_NEG});
    t.wait(20us);
    t.resets(TD_RESET_SENT, false, TD_REASON_ABORT_ON_LINGER);
    t.ends({tcp::ClosedFirst::local, tcp::Ending::reset_sent, tcp::EndingDetail::linger2});
}

void listener_closed(RecordGenerator& t) {
    t.listens();
    t.syn_arrives();
    t.wait(400us);
    t.third_ack_arrives();
    t.wait(500ms);
    t.stops_listening();
    t.wait(10us);
    t.moves(
        CLOSE); // inet_csk_listen_stop(): by the closing task, but not as the owner of the child
    t.wait(20us);
    t.resets(TD_RESET_SENT, false, TD_REASON_STATE);
    t.ends({tcp::ClosedFirst::local, tcp::Ending::reset_sent, tcp::EndingDetail::listener_closed});
}

void times_out(RecordGenerator& t, std::uint8_t error, std::uint16_t flags, tcp::ClosedFirst first,
               tcp::EndingDetail detail) {
    t.wait(20s);
    t.moves(CLOSE, {.error = error, .flags = flags});
    t.ends({first, tcp::Ending::timed_out, detail});
}

void retransmission_times_out(RecordGenerator& t) {
    open_as_client(t);
    times_out(t, 110, 0, tcp::ClosedFirst::none, tcp::EndingDetail::retransmission);
}

void retransmission_times_out_unreachable(RecordGenerator& t) {
    open_as_client(t);
    times_out(t, 113, 0, tcp::ClosedFirst::none,
              tcp::EndingDetail::retransmission); // sk_err_soft, from an ICMP message
}

void user_timeout(RecordGenerator& t) {
    open_as_client(t);
    times_out(t, 110, TD_STATE_USER_TIMEOUT, tcp::ClosedFirst::none,
              tcp::EndingDetail::user_timeout);
}

void orphan_times_out_in_fin_wait1(RecordGenerator& t) {
    open_as_client(t);
    t.closes();
    times_out(t, 110, 0, tcp::ClosedFirst::local, tcp::EndingDetail::retransmission);
}

void orphan_times_out_in_last_ack(RecordGenerator& t) {
    open_until_close_wait(t);
    t.closes();
    times_out(t, 110, 0, tcp::ClosedFirst::remote, tcp::EndingDetail::retransmission);
}

void keepalive_times_out(RecordGenerator& t) {
    open_as_client(t);
    t.wait(30s);
    t.resets(TD_RESET_SENT, false, TD_REASON_KEEPALIVE);
    t.wait(3us);
    t.moves(CLOSE, {.error = 110});
    t.ends({tcp::ClosedFirst::none, tcp::Ending::timed_out, tcp::EndingDetail::keepalive});
}

void orphan_limit_by_timer(RecordGenerator& t) {
    open_as_client(t);
    t.closes();
    t.wait(400ms);
    t.resets(TD_RESET_SENT, false, TD_REASON_ABORT_ON_MEMORY);
    t.wait(3us);
    t.moves(CLOSE);
    t.ends({tcp::ClosedFirst::local, tcp::Ending::reset_sent, tcp::EndingDetail::orphan_limit});
}

void orphan_limit_at_close(RecordGenerator& t) {
    open_as_client(t);
    t.closes();
    t.wait(5us);
    t.moves(CLOSE, {.owned = true});
    t.wait(20us);
    t.resets(TD_RESET_SENT, false, TD_REASON_ABORT_ON_MEMORY);
    t.ends({tcp::ClosedFirst::local, tcp::Ending::reset_sent, tcp::EndingDetail::orphan_limit});
}

} // namespace

std::span<const Scenario> reset_scenarios() {
    static constexpr Scenario kList[] = {
        {"reset_in_established", reset_in_established},
        {"reset_in_backlog", reset_in_backlog},
        {"reset_in_fin_wait1", reset_in_fin_wait1},
        {"reset_in_fin_wait2", reset_in_fin_wait2},
        {"reset_in_closing", reset_in_closing},
        {"reset_in_close_wait", reset_in_close_wait},
        {"reset_in_last_ack", reset_in_last_ack},
        {"linger_zero", linger_zero},
        {"unread_data", unread_data},
        {"linger_zero_in_close_wait", linger_zero_in_close_wait},
        {"unread_data_in_close_wait", unread_data_in_close_wait},
        {"disconnect_then_reconnect", disconnect_then_reconnect, true, 2},
        {"admin_kill_in_established", admin_kill_in_established},
        {"admin_kill_in_close_wait", admin_kill_in_close_wait},
        {"linger2_negative", linger2_negative},
        {"linger2_negative_in_fin_wait2", linger2_negative_in_fin_wait2},
        {"listener_closed", listener_closed},
        {"retransmission_times_out", retransmission_times_out},
        {"retransmission_times_out_unreachable", retransmission_times_out_unreachable},
        {"user_timeout", user_timeout},
        {"orphan_times_out_in_fin_wait1", orphan_times_out_in_fin_wait1},
        {"orphan_times_out_in_last_ack", orphan_times_out_in_last_ack},
        {"keepalive_times_out", keepalive_times_out},
        {"orphan_limit_by_timer", orphan_limit_by_timer},
        {"orphan_limit_at_close", orphan_limit_at_close},
        {"closed_in_repair_mode", closed_in_repair_mode},
        {"mptcp_fastclose", mptcp_fastclose},
    };
    return kList;
}

} // namespace tcpdwell::synth
