// SPDX-License-Identifier: Apache-2.0
// Pauses of accept() that are over.
#include "analysis/accept_pauses.h"

#include <gtest/gtest.h>

#include "rule_test.h"

namespace tcpdwell::test {
namespace {

TEST(AcceptPauses, a_pause_is_from_the_last_accept_while_it_waited) {
    analysis::AcceptPauses pauses;
    EXPECT_FALSE(pauses.longest(at(0s)));
    pauses.note(at(10s), at(15s)); // the first that waited
    pauses.note(at(14s), at(15s));
    pauses.note(at(9s), at(9s));
    const auto pause = pauses.longest(at(0s));
    ASSERT_TRUE(pause);
    EXPECT_EQ(pause->begin, at(10s)) << "nobody waited before";
    EXPECT_EQ(pause->end, at(15s));
    EXPECT_FALSE(pauses.is_usual(*pause));
    EXPECT_FALSE(pauses.longest(at(15s))) << "it ended before";
    pauses.note(at(11500ms), at(11500ms)); // in whatever order they come
    EXPECT_EQ(pauses.longest(at(0s))->begin, at(11500ms));
    pauses.forget_waits();
    EXPECT_FALSE(pauses.longest(at(0s)));
}

TEST(AcceptPauses, who_waits_behind_others_meets_no_long_pause) {
    analysis::AcceptPauses pauses;
    for (int i = 0; i < 5; ++i) pauses.note(at(0s), at(i * 1200ms));
    EXPECT_EQ(pauses.longest(at(0s))->length(), 1200ms);
    EXPECT_TRUE(pauses.is_usual(*pauses.longest(at(0s))));
    analysis::AcceptPauses quick;
    for (int i = 0; i < 50; ++i) quick.note(at(0s), at(i * 100ms));
    EXPECT_FALSE(quick.longest(at(0s))) << "it accepts all the time";
}

TEST(AcceptPauses, spans_that_meet_are_one) {
    analysis::AcceptPauses pauses;
    pauses.note(at(0s), at(4s));
    pauses.note(at(2s), at(2500ms));
    pauses.note(at(3s), at(3200ms)); // between the two
    EXPECT_FALSE(pauses.longest(at(0s)));
}

TEST(AcceptPauses, what_is_forgotten_may_have_been_an_accept) {
    analysis::AcceptPauses pauses;
    for (int i = 0; i < 100; ++i) pauses.note(at(i * 2s), at(i * 2s));
    pauses.note(at(3s), at(9s));
    EXPECT_FALSE(pauses.longest(at(0s)));
    pauses.note(at(200s), at(205s));
    EXPECT_EQ(pauses.longest(at(0s))->length(), 5s);
}

class PastStallTest : public RuleTest {
protected:
    /// app (pid 7) accepts it so late; the client may close it before.
    void accepted(Nanoseconds established, Nanoseconds accepted,
                  std::optional<Nanoseconds> closed = {}) {
        const tcp::FourTuple ends =
            tuple("10.0.0.1", 80, "192.0.2.8", static_cast<tcp::Port>(50'000 + more.size()));
        const std::uint64_t sock = 0x9000 + 0x100 * more.size();
        more.emplace_back(established - 1ms, event::RequestTimer{at(established - 1ms), kNetns,
                                                                 sock, 0, ends, TD_TIMER_START, 0});
        const auto change = [&](Nanoseconds when, tcp::State from, tcp::State to) {
            more.emplace_back(when, event::StateChange{at(when), kNetns, sock + 0x10, sock + 0x10,
                                                       ends, from, to});
        };
        change(established, SYN_RECV, ESTABLISHED);
        if (closed) change(*closed, ESTABLISHED, CLOSE_WAIT);
        more.emplace_back(accepted, event::OwnerFound{at(accepted),
                                                      sock + 0x10,
                                                      sock + 0x10,
                                                      {process(7, "app"), {}, 0},
                                                      TD_OWNER_ACCEPTED});
    }
    void listen() {
        listed({.state = LISTEN,
                .ends = tuple("10.0.0.1", 80, "0.0.0.0", 0),
                .opener = process(7, "app")});
    }
    const report::Finding* stalled(Nanoseconds now = 20s) {
        std::ranges::stable_sort(more, {}, [](const auto& each) { return each.first; });
        return found("accept_stalled", now);
    }
};

TEST_F(PastStallTest, many_waited_once) {
    listen();
    accepted(2s, 2s);
    for (int i = 0; i < 4; ++i) accepted(5s + i * 100ms, 9s);
    EXPECT_FALSE(stalled()) << "few";
    accepted(6s, 9s);
    const report::Finding* f = stalled();
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what, "app (pid 7) on 10.0.0.1:80 accepted no connection for 4.0 s, until 11.0 s "
                       "ago, although some waited: 5 connections waited for longer than 1.0 s in "
                       "all.");
    EXPECT_EQ(std::get<Nanoseconds>(fact(f->evidence, "paused_ns")), 4s);
    EXPECT_EQ(evidence(*f, "late"), 5);
    EXPECT_EQ(evidence(*f, "late_closed"), 0);
    options.run.filter = "--addr 192.0.2.8";
    EXPECT_FALSE(stalled()) << "others may have been accepted";
}

TEST_F(PastStallTest, a_client_gave_up_meanwhile) {
    listen();
    accepted(5s, 9s, 7s);
    const report::Finding* f = stalled();
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "late_closed"), 1);
    more.clear();
    listen();
    accepted(5s, 9s, 9100ms);
    EXPECT_FALSE(stalled()) << "it was accepted before";
    more.clear();
    listen();
    accepted(5s, 7900ms, 7s);
    EXPECT_FALSE(stalled()) << "it is no longer than programs may be at work";
}

TEST_F(PastStallTest, a_program_at_work_on_one_request_after_the_other_is_in_order) {
    listen();
    for (int i = 0; i < 5; ++i) accepted(2s + i * 3500ms, 5500ms + i * 3500ms);
    EXPECT_FALSE(stalled(30s));
}

} // namespace
} // namespace tcpdwell::test
