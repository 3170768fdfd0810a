// SPDX-License-Identifier: Apache-2.0
// Handshakes that another listener takes over (tcp_migrate_req, Linux 5.14): the request goes on as
// a copy, at another address. The timers show that by the copy's timer, the kernel's functions by
// that which migrates (TD_TIMER_REARM).
#include <gtest/gtest.h>

#include "events.h"

namespace tcpdwell::test {
namespace {

struct Migration {
    TestSocket request{0xf000, 5};
    TestSocket copy{0xf100, 5};
    TestSocket child{0x7000, 5};
    EventRun run;

    /// What becomes of it if the handshake is completed then.
    synth::Outcome established(Nanoseconds when) {
        run << child.change(when, LISTEN, SYN_RECV) << copy.request(when + 4us, TD_TIMER_CANCEL)
            << child.change(when + 8us, SYN_RECV, ESTABLISHED)
            << child.change(when + 1s, ESTABLISHED, CLOSE, ECONNRESET);
        return run.only_outcome();
    }
};

event::RequestTimer sent_again(event::RequestTimer timer) {
    timer.timeouts = 1;
    return timer;
}

TEST(MigratedRequest, begins_again_as_the_timer_of_the_first_one_ends) {
    Migration m;
    m.run << m.request.request(0ms, TD_TIMER_START) << m.request.request(1s, TD_TIMER_EXPIRE)
          << sent_again(m.copy.request(1s + 50us, TD_TIMER_START));
    const synth::Outcome o = m.established(1500ms);
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(stay(o, SYN_RECV), 1500ms + 8us);
}

TEST(MigratedRequest, is_reported_by_the_function_that_migrates) {
    Migration m;
    m.run << m.request.request(0ms, TD_TIMER_START) << m.request.request(1s, TD_TIMER_REARM);
    const synth::Outcome o = m.established(1500ms);
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(stay(o, SYN_RECV), 1500ms + 8us);
}

TEST(MigratedRequest, may_fail_as_any_other) {
    for (const td_timer_op reported : {TD_TIMER_REARM, TD_TIMER_START}) {
        Migration m;
        m.run << m.request.request(0ms, TD_TIMER_START);
        if (reported == TD_TIMER_REARM)
            m.run << m.request.request(1s, TD_TIMER_REARM);
        else
            m.run << m.request.request(1s, TD_TIMER_EXPIRE)
                  << sent_again(m.copy.request(1s + 50us, TD_TIMER_START));
        m.run << m.copy.request(3s, TD_TIMER_EXPIRE);
        const synth::Outcome o = m.run.only_outcome();
        EXPECT_EQ(o.line->ending, tcp::Ending::handshake_failed);
        EXPECT_EQ(o.line->detail, tcp::EndingDetail::timeout);
        EXPECT_EQ(stay(o, SYN_RECV), 3s);
    }
}

} // namespace
} // namespace tcpdwell::test
