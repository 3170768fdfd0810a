// SPDX-License-Identifier: Apache-2.0
// Stories of handshakes: done, refused, given up, never completed.
#include "synth/scenario.h"

namespace tcpdwell::synth {
namespace {

using namespace std::chrono_literals;
using enum tcp::State;

constexpr ExpectedClose kClosedByRemote{tcp::ClosedFirst::remote, tcp::Ending::fin};

void remote_closes(RecordGenerator& t) {
    t.fin_arrives(CLOSE_WAIT);
    t.wait(30ms);
    t.closes();
    t.wait(200us);
    t.moves(CLOSE);
    t.ends(kClosedByRemote);
}

void bound_port(RecordGenerator& t) {
    t.connects(RecordGenerator::LocalPort::bound);
    t.wait(300us);
    t.moves(ESTABLISHED);
    t.wait(80ms);
    remote_closes(t);
}

void self_connect(RecordGenerator& t) {
    t.connects();
    t.wait(10us);
    t.moves(SYN_RECV);
    t.wait(5us);
    t.moves(ESTABLISHED);
    t.wait(100ms);
    t.closes();
    t.wait(5us);
    t.fin_arrives(CLOSING);
    t.wait(2us);
    t.becomes_mini(TIME_WAIT);
    t.mini_expires();
    t.ends({tcp::ClosedFirst::both, tcp::Ending::fin, tcp::EndingDetail::none,
            tcp::TimeWaitEnd::expired});
}

void refused_then_retried(RecordGenerator& t) {
    t.connects();
    t.wait(200us);
    t.resets(TD_RESET_RECEIVED, false, TD_REASON_UNKNOWN);
    t.moves(CLOSE, {.error = 111, .owned = true});
    t.ends({tcp::ClosedFirst::none, tcp::Ending::refused}, true);
    t.wait(100ms);
    open_as_client(t);
    remote_closes(t);
}

void connect_times_out(RecordGenerator& t) {
    t.connects();
    t.wait(127s);
    t.moves(CLOSE, {.error = 110});
    t.ends({tcp::ClosedFirst::none, tcp::Ending::connect_failed, tcp::EndingDetail::timeout});
}

void unreachable(RecordGenerator& t) {
    t.connects();
    t.wait(3s);
    t.moves(CLOSE, {.error = 113});
    t.ends({tcp::ClosedFirst::none, tcp::Ending::connect_failed, tcp::EndingDetail::unreachable});
}

void connect_given_up(RecordGenerator& t) {
    t.connects();
    t.wait(2s);
    t.dies_by_close();
    t.ends({tcp::ClosedFirst::none, tcp::Ending::connect_failed, tcp::EndingDetail::given_up});
}

void refused_by_icmp(RecordGenerator& t) {
    t.connects();
    t.wait(500us);
    t.moves(CLOSE,
            {.error = 111}); // port unreachable: ECONNREFUSED too, but nobody has sent an RST
    t.ends({tcp::ClosedFirst::none, tcp::Ending::connect_failed, tcp::EndingDetail::unreachable});
}

void connect_taken_back(RecordGenerator& t) {
    t.connects();
    t.wait(1s);
    t.dies_by_disconnect(); // connect() to AF_UNSPEC
    t.ends({tcp::ClosedFirst::none, tcp::Ending::connect_failed, tcp::EndingDetail::given_up});
}

void connect_killed(RecordGenerator& t) {
    t.connects();
    t.wait(2s);
    t.is_killed(); // without an RST: nothing to reset yet
    t.ends({tcp::ClosedFirst::none, tcp::Ending::connect_failed, tcp::EndingDetail::admin_kill});
}

void no_free_port(RecordGenerator& t) {
    t.connects(RecordGenerator::LocalPort::none_free);
    t.moves(CLOSE, {.owned = true});
    t.ends({tcp::ClosedFirst::none, tcp::Ending::connect_failed, tcp::EndingDetail::no_port});
}

void still_connecting(RecordGenerator& t) {
    t.connects();
    t.wait(500ms);
    t.stays_open({tcp::ClosedFirst::none, tcp::Ending::open});
}

void still_established(RecordGenerator& t) {
    open_as_client(t);
    t.stays_open({tcp::ClosedFirst::none, tcp::Ending::open});
}

void served(RecordGenerator& t) {
    open_as_server(t);
    remote_closes(t);
}

void served_by_listener(RecordGenerator& t) {
    t.listens();
    t.syn_arrives();
    t.wait(400us);
    t.third_ack_arrives();
    t.wait(50ms);
    remote_closes(t);
}

void syn_ack_resent(RecordGenerator& t) {
    t.listens();
    t.syn_arrives();
    t.wait(1s);
    t.synack_times_out();
    t.wait(2s);
    t.synack_times_out();
    t.wait(500ms);
    t.third_ack_arrives();
    t.wait(50ms);
    t.is_accepted(t.worker());
    t.wait(50ms);
    remote_closes(t);
}

void child_dropped_then_served(RecordGenerator& t) {
    t.listens();
    t.syn_arrives();
    t.wait(400us);
    t.child_is_dropped();
    t.wait(200ms);
    t.third_ack_arrives();
    t.wait(50ms);
    remote_closes(t);
}

void syn_cookie(RecordGenerator& t) {
    t.listens();
    t.cookie_ack_arrives();
    t.wait(50us);
    t.is_accepted(t.worker());
    t.wait(80ms);
    remote_closes(t);
}

void fast_open(RecordGenerator& t) {
    t.listens();
    t.fast_open_syn_arrives();
    t.wait(25ms);
    t.moves(ESTABLISHED);
    t.wait(5ms);
    t.is_accepted(t.worker());
    t.wait(80ms);
    remote_closes(t);
}

void fast_open_closed_early(RecordGenerator& t) {
    t.listens();
    t.fast_open_syn_arrives();
    t.wait(500us);
    t.is_accepted(t.worker());
    t.wait(4ms);
    t.closes();
    t.wait(20ms);
    t.moves(FIN_WAIT2);
    t.wait(2us);
    t.becomes_mini(TIME_WAIT);
    t.mini_expires();
    t.ends({tcp::ClosedFirst::local, tcp::Ending::fin, tcp::EndingDetail::none,
            tcp::TimeWaitEnd::expired});
}

void fast_open_reset(RecordGenerator& t) {
    t.listens();
    t.fast_open_syn_arrives();
    t.wait(30ms);
    t.resets(TD_RESET_RECEIVED, false, TD_REASON_UNKNOWN);
    t.moves(CLOSE, {.error = 104});
    t.ends(
        {tcp::ClosedFirst::none, tcp::Ending::handshake_failed, tcp::EndingDetail::reset_received});
}

void handshake_reset(RecordGenerator& t) {
    t.listens();
    t.syn_arrives();
    t.wait(100ms);
    t.request_dies(TD_STACK_CHECK_REQUEST | TD_STACK_RECEIVE);
    t.ends({tcp::ClosedFirst::none, tcp::Ending::handshake_failed,
            t.kernel().stacks ? tcp::EndingDetail::reset_received : tcp::EndingDetail::none});
    t.wait(100ms);
}

/// By a SYN within the window (tcp_check_req()).
void handshake_reset_sent(RecordGenerator& t) {
    t.listens();
    t.syn_arrives();
    t.wait(100ms);
    t.request_is_reset();
    t.wait(5us);
    t.request_dies(TD_STACK_CHECK_REQUEST | TD_STACK_RECEIVE);
    t.ends({tcp::ClosedFirst::none, tcp::Ending::handshake_failed, tcp::EndingDetail::reset_sent});
    t.wait(100ms);
}

void handshake_times_out(RecordGenerator& t) {
    t.listens();
    t.syn_arrives();
    for (auto pause : {1s, 2s, 4s, 8s, 16s}) {
        t.wait(pause);
        t.synack_times_out();
    }
    t.wait(32s);
    t.synack_times_out_finally();
    t.ends({tcp::ClosedFirst::none, tcp::Ending::handshake_failed, tcp::EndingDetail::timeout});
    t.wait(100ms);
}

void listener_aborted(RecordGenerator& t) {
    t.listens();
    t.wait(1s);
    t.stops_listening({.by = t.admin()});
}

} // namespace

std::span<const Scenario> opening_scenarios() {
    static constexpr Scenario kList[] = {
        {"bound_port", bound_port},
        {"self_connect", self_connect},
        {"refused_then_retried", refused_then_retried, true, 2},
        {"connect_times_out", connect_times_out},
        {"unreachable", unreachable},
        {"connect_given_up", connect_given_up},
        {"refused_by_icmp", refused_by_icmp},
        {"connect_taken_back", connect_taken_back},
        {"connect_killed", connect_killed},
        {"no_free_port", no_free_port},
        {"still_connecting", still_connecting, false},
        {"still_established", still_established, false},
        {"served", served},
        {"served_by_listener", served_by_listener},
        {"syn_ack_resent", syn_ack_resent},
        {"child_dropped_then_served", child_dropped_then_served},
        {"syn_cookie", syn_cookie},
        {"fast_open", fast_open},
        {"fast_open_closed_early", fast_open_closed_early},
        {"fast_open_reset", fast_open_reset},
        {"handshake_reset", handshake_reset},
        {"handshake_reset_sent", handshake_reset_sent},
        {"handshake_times_out", handshake_times_out},
        {"listener_aborted", listener_aborted},
    };
    return kList;
}

} // namespace tcpdwell::synth
