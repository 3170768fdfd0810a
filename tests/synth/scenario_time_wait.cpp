// SPDX-License-Identifier: Apache-2.0
// Stories of TIME_WAIT: started anew, moved, and ended before its time.
#include "synth/scenario.h"

namespace tcpdwell::synth {
namespace {

using namespace std::chrono_literals;
using enum tcp::State;

constexpr ExpectedClose local_fin(tcp::TimeWaitEnd end, std::uint32_t restarts = 0) {
    return {tcp::ClosedFirst::local, tcp::Ending::fin, tcp::EndingDetail::none, end, restarts};
}

/// What a killed mini-socket's stack reports; nothing else does.
tcp::TimeWaitEnd if_stacks(const RecordGenerator& t, tcp::TimeWaitEnd end) {
    return t.kernel().stacks ? end : tcp::TimeWaitEnd::unknown;
}

void wait_as_client(RecordGenerator& t) {
    open_as_client(t);
    close_until_time_wait(t);
    t.wait(8s);
}

void restarted(RecordGenerator& t) {
    wait_as_client(t);
    t.mini_gets_segment(true);
    t.wait(15s);
    t.mini_gets_segment(true);
    t.mini_expires();
    t.ends(local_fin(tcp::TimeWaitEnd::expired, 2));
}

void restarted_unseen(RecordGenerator& t) {
    wait_as_client(t);
    t.mini_gets_segment(false);
    t.mini_expires();
    t.ends(local_fin(tcp::TimeWaitEnd::expired, 1));
}

void migrated(RecordGenerator& t) {
    open_as_client(t);
    close_until_fin_wait2(t);
    t.wait(3us);
    t.becomes_mini(FIN_WAIT2);
    t.wait(500ms);
    t.mini_migrates();
    t.wait(500ms);
    t.mini_gets_fin(false);
    t.wait(500ms);
    t.mini_is_swept();
    t.wait(500ms);
    t.mini_migrates();
    t.mini_expires();
    t.ends(local_fin(tcp::TimeWaitEnd::expired));
}

void assassinated(RecordGenerator& t) {
    wait_as_client(t);
    t.mini_dies(TD_STACK_DESCHEDULE | TD_STACK_TIMEWAIT_PROCESS | TD_STACK_RECEIVE);
    t.ends(local_fin(if_stacks(t, tcp::TimeWaitEnd::reset)));
}

void killed(RecordGenerator& t) {
    wait_as_client(t);
    t.mini_dies(TD_STACK_DESCHEDULE | TD_STACK_ABORT);
    t.ends(local_fin(if_stacks(t, tcp::TimeWaitEnd::killed)));
}

void purged(RecordGenerator& t) {
    wait_as_client(t);
    t.mini_dies(TD_STACK_PURGE);
    t.ends(local_fin(if_stacks(t, tcp::TimeWaitEnd::purged)));
}

void purged_after_unseen_fin(RecordGenerator& t) {
    open_as_client(t);
    close_until_fin_wait2(t);
    t.wait(3us);
    t.becomes_mini(FIN_WAIT2);
    t.wait(300ms);
    t.mini_gets_fin(false);
    t.wait(5s);
    t.mini_dies(TD_STACK_DESCHEDULE | TD_STACK_PURGE);
    t.ends(local_fin(if_stacks(t, tcp::TimeWaitEnd::purged)));
}

/// A client in TIME_WAIT connects again with the same four-tuple.
void reused(RecordGenerator& t, RecordGenerator::LocalPort port) {
    wait_as_client(t);
    t.reconnects(local_fin(tcp::TimeWaitEnd::reused), port);
    t.wait(300us);
    t.moves(ESTABLISHED);
    t.wait(80ms);
    close_until_time_wait(t);
    t.mini_expires();
    t.ends(local_fin(tcp::TimeWaitEnd::expired));
}

void reused_chosen_port(RecordGenerator& t) { reused(t, RecordGenerator::LocalPort::chosen); }

void reused_bound_port(RecordGenerator& t) { reused(t, RecordGenerator::LocalPort::bound); }

void recycled(RecordGenerator& t) {
    open_as_server(t);
    close_until_time_wait(t);
    t.wait(3s);
    t.mini_dies(TD_STACK_DESCHEDULE | TD_STACK_RECEIVE);
    t.ends(local_fin(tcp::TimeWaitEnd::recycled));
    t.wait(30us);
    t.syn_arrives();
    t.wait(400us);
    t.third_ack_arrives();
    t.wait(60us);
    t.is_accepted(t.worker());
    t.wait(80ms);
    close_until_time_wait(t);
    t.mini_expires();
    t.ends(local_fin(tcp::TimeWaitEnd::expired));
}

void still_waiting(RecordGenerator& t) {
    open_as_client(t);
    close_until_time_wait(t);
    t.wait(300ms);
    t.stays_open(local_fin(tcp::TimeWaitEnd::open));
}

} // namespace

std::span<const Scenario> time_wait_scenarios() {
    static constexpr Scenario kList[] = {
        {"restarted", restarted},
        {"restarted_unseen", restarted_unseen},
        {"migrated", migrated},
        {"assassinated", assassinated},
        {"killed", killed},
        {"purged", purged},
        {"purged_after_unseen_fin", purged_after_unseen_fin},
        {"reused_chosen_port", reused_chosen_port, true, 2},
        {"reused_bound_port", reused_bound_port, true, 2},
        {"recycled", recycled, true, 2},
        {"still_waiting", still_waiting, false},
    };
    return kList;
}

} // namespace tcpdwell::synth
