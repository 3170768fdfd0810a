// SPDX-License-Identifier: Apache-2.0
// The verbs of mini-sockets (struct inet_timewait_sock), which show nothing but their timer, or the
// functions that set it.
#include "synth/record_generator.h"

namespace tcpdwell::synth {
namespace {

using namespace std::chrono_literals;
using enum tcp::State;

/// `now` as the kernel's jiffies and milliseconds report it.
MonoTime cut(MonoTime now, Nanoseconds grain) { return now - now.time_since_epoch() % grain; }

constexpr Nanoseconds kTick = 4ms;
constexpr Nanoseconds kTwoMsl = 60s;

} // namespace

void RecordGenerator::timewait(td_timer_op op, unsigned stack) {
    std::optional<MonoTime> entered;
    if (kernel().entry_stamp) entered = entered_;
    const bool has_stack = kernel().stacks && (op == TD_TIMER_CANCEL || op == TD_TIMER_KILL);
    const unsigned shown_stack = has_stack ? stack | TD_STACK_TAKEN : 0u;
    write(event::TimewaitTimer{now_, stage_.netns, mini_, cookie_, tuple(), op, substate_, expires_,
                               entered, static_cast<std::uint16_t>(shown_stack)});
}

void RecordGenerator::becomes_mini(tcp::State substate, Nanoseconds timeout) {
    mini_ = memory_.take(KernelMemory::Slab::mini, now_);
    substate_ = substate;
    expires_ = cut(now_, kTick) + timeout;
    entered_ = cut(now_, 1ms);
    if (substate == TIME_WAIT) fin_received_ = true;
    timewait(TD_TIMER_START, 0);
    if (substate == TIME_WAIT) truly(TIME_WAIT);
    wait(3us);
    shows(shown_, CLOSE); // the hand-over: the connection lives on
    release(KernelMemory::Slab::socket, sock_);
}

void RecordGenerator::mini_rearms(bool timer_moves) {
    const bool shown = timer_moves && !kernel().functions;
    if (shown)
        timewait(TD_TIMER_CANCEL,
                 TD_STACK_MOD_TIMER | TD_STACK_TIMEWAIT_PROCESS | TD_STACK_RECEIVE);
    expires_ = now_ + kTwoMsl;
    if (kernel().functions) timewait(TD_TIMER_REARM, 0);
    if (shown) timewait(TD_TIMER_START, 0);
}

void RecordGenerator::mini_gets_fin(bool timer_moves) {
    wait_for_tick();
    substate_ = TIME_WAIT;
    entered_ = now_;
    truly(TIME_WAIT);
    mini_rearms(timer_moves);
}

void RecordGenerator::mini_gets_segment(bool timer_moves) {
    wait_for_tick();
    mini_rearms(timer_moves);
}

void RecordGenerator::mini_migrates() {
    if (kernel().functions) return;
    timewait(TD_TIMER_CANCEL, 0);
    wait(2us);
    timewait(TD_TIMER_START, 0);
}

void RecordGenerator::mini_is_swept() {
    if (kernel().functions) return; // nothing to look for
    std::optional<MonoTime> entered;
    if (kernel().entry_stamp) entered = entered_;
    write(event::SocketListed{now_, stage_.netns, mini_, cookie_, tuple(), substate_, true, false,
                              true, expires_, entered, 0, event::Owner{}});
}

void RecordGenerator::mini_expires() {
    now_ = std::max(now_, expires_);
    wait(700ms); // the timer wheel rounds up to its bucket
    if (!kernel().functions) timewait(TD_TIMER_CANCEL, TD_STACK_RUN_TIMERS);
    wait(10us);
    timewait(TD_TIMER_EXPIRE, 0);
    truly(CLOSE);
}

void RecordGenerator::mini_dies(unsigned stack) {
    timewait(kernel().functions ? TD_TIMER_KILL : TD_TIMER_CANCEL, stack);
    truly(CLOSE);
}

void RecordGenerator::mini_resets() {
    if (!kernel().reset_reasons) return;
    write(event::Reset{now_, mini_, cookie_, TD_RESET_SENT, TD_REASON_TIMEWAIT, true,
                       static_cast<std::uint8_t>(TIME_WAIT)});
}

} // namespace tcpdwell::synth
