// SPDX-License-Identifier: Apache-2.0
#include "analysis/pulse.h"

#include <gtest/gtest.h>

#include "lines.h"

namespace tcpdwell::test {
namespace {

using analysis::Pulse;
using analysis::PulseStep;

class PulseTest : public testing::Test {
protected:
    void goes(Nanoseconds when, tcp::State from, tcp::State to) {
        pulse.on_move({at(when), &who, from == CLOSE ? std::nullopt : std::optional(from),
                       to == CLOSE ? std::nullopt : std::optional(to)});
        pulse.on_transition({at(when), &who, from, to, std::nullopt});
    }
    void ends(tcp::Ending ending, bool evicted = false) {
        track::ConnectionLine line{};
        line.who = &who;
        line.ending = ending;
        line.evicted = evicted;
        pulse.on_connection(line);
    }
    void counts(Nanoseconds when, std::uint32_t netns, std::uint64_t retransmitted) {
        const event::KernelCounters::Counter counters[] = {{"Tcp.OutRsts", 99},
                                                           {"Tcp.RetransSegs", retransmitted}};
        pulse.on_counters({at(when), netns, counters});
    }

    ProcessNames names;
    const track::ConnectionIdentity& who = names.client(40'000);
    Pulse pulse{at(0s), 1s, 1};
};

TEST_F(PulseTest, counts_what_opens_and_what_closes) {
    goes(100ms, CLOSE, SYN_SENT);
    goes(200ms, SYN_SENT, ESTABLISHED);
    goes(300ms, ESTABLISHED, FIN_WAIT1);
    goes(400ms, FIN_WAIT1, FIN_WAIT2);
    pulse.advance_to(at(1s));
    ASSERT_EQ(pulse.steps().size(), 1U);
    EXPECT_EQ(pulse.steps()[0].opened, 1U);
    EXPECT_EQ(pulse.steps()[0].closed, 1U);
    EXPECT_EQ(pulse.steps()[0].sockets[FIN_WAIT2], 1U);
    EXPECT_EQ(pulse.present().opened, 0U);
    EXPECT_EQ(pulse.present().sockets[FIN_WAIT2], 1U) << "it is there still";
}

TEST_F(PulseTest, of_a_sample_each_connection_counts_so_many_times) {
    pulse = Pulse{at(0s), 1s, 10};
    goes(100ms, CLOSE, SYN_SENT);
    goes(200ms, SYN_SENT, ESTABLISHED);
    EXPECT_EQ(pulse.present().sockets[SYN_SENT], 0U);
    EXPECT_EQ(pulse.present().sockets[ESTABLISHED], 10U);
    goes(300ms, ESTABLISHED, CLOSE);
    ends(tcp::Ending::reset_sent);
    EXPECT_EQ(pulse.present().opened, 10U);
    EXPECT_EQ(pulse.present().closed, 10U);
    EXPECT_EQ(pulse.present().reset, 10U);
}

TEST_F(PulseTest, a_handshake_that_fails_opens_nothing) {
    goes(100ms, CLOSE, SYN_SENT);
    goes(200ms, SYN_SENT, CLOSE);
    ends(tcp::Ending::refused);
    EXPECT_EQ(pulse.present().opened, 0U);
    EXPECT_EQ(pulse.present().closed, 0U);
    EXPECT_EQ(pulse.present().failed, 1U);
}

TEST_F(PulseTest, the_third_ack_may_bring_the_fin) {
    goes(100ms, SYN_RECV, CLOSE_WAIT);
    EXPECT_EQ(pulse.present().opened, 1U);
    EXPECT_EQ(pulse.present().closed, 1U);
}

TEST_F(PulseTest, simultaneous_opens_are_one) {
    goes(100ms, CLOSE, SYN_SENT);
    goes(200ms, SYN_SENT, SYN_RECV);
    goes(300ms, SYN_RECV, ESTABLISHED);
    EXPECT_EQ(pulse.present().opened, 1U);
}

TEST_F(PulseTest, listeners_neither_open_nor_close) {
    goes(100ms, CLOSE, LISTEN);
    goes(200ms, LISTEN, CLOSE);
    EXPECT_EQ(pulse.present().opened + pulse.present().closed, 0U);
}

TEST_F(PulseTest, counts_endings_but_not_what_was_given_up) {
    ends(tcp::Ending::reset_sent);
    ends(tcp::Ending::reset_received);
    ends(tcp::Ending::fin);
    ends(tcp::Ending::handshake_failed);
    ends(tcp::Ending::reset_sent, true);
    EXPECT_EQ(pulse.present().reset, 2U);
    EXPECT_EQ(pulse.present().failed, 1U);
}

TEST_F(PulseTest, retransmissions_are_what_counters_grow_by) {
    counts(0s, 1, 1000);
    counts(0s, 2, 50);
    EXPECT_EQ(pulse.present().retransmitted, 0U) << "of before";
    EXPECT_EQ(pulse.retransmitted_per_second(), 0);
    counts(500ms, 1, 1004);
    counts(500ms, 2, 51);
    EXPECT_EQ(pulse.present().retransmitted, 5U);
    EXPECT_EQ(pulse.retransmitted_per_second(), 10);
    counts(600ms, 1, 3); // another namespace of the same number
    EXPECT_EQ(pulse.present().retransmitted, 5U);
    EXPECT_EQ(pulse.retransmitted_per_second(), 2);
    counts(1100ms, 1, 5);
    EXPECT_EQ(pulse.present().retransmitted, 7U);
    EXPECT_EQ(pulse.retransmitted_per_second(), 6);
}

TEST_F(PulseTest, retransmissions_are_spread_over_the_time_since_the_last_reading) {
    counts(0s, 1, 0);
    pulse.advance_to(at(10s));
    counts(10s, 1, 25);
    std::uint64_t sum = pulse.present().retransmitted;
    for (const PulseStep& step : pulse.steps()) {
        EXPECT_GE(step.retransmitted, 2U);
        EXPECT_LE(step.retransmitted, 3U);
        sum += step.retransmitted;
    }
    EXPECT_EQ(sum, 25U);
    EXPECT_EQ(pulse.retransmitted_per_second(), 2.5);
}

TEST_F(PulseTest, losses_count_where_their_number_is_known) {
    pulse.on_lost({at(0s), 7, {}});
    pulse.on_lost({at(0s), std::nullopt, {}});
    EXPECT_EQ(pulse.present().lost, 7U);
}

TEST_F(PulseTest, time_without_events_has_its_steps) {
    goes(100ms, CLOSE, SYN_SENT);
    pulse.advance_to(at(3500ms));
    ASSERT_EQ(pulse.steps().size(), 3U);
    for (const PulseStep& step : pulse.steps()) EXPECT_EQ(step.sockets[SYN_SENT], 1U);
    pulse.advance_to(at(3999ms));
    EXPECT_EQ(pulse.steps().size(), 3U);
    pulse.advance_to(at(4s));
    EXPECT_EQ(pulse.steps().size(), 4U);
}

TEST_F(PulseTest, what_is_old_is_forgotten) {
    goes(100ms, SYN_SENT, ESTABLISHED);
    pulse.advance_to(at(100'000h));
    EXPECT_EQ(pulse.steps().size(), Pulse::kMostSteps);
    EXPECT_EQ(pulse.steps().front().opened, 0U);
}

} // namespace
} // namespace tcpdwell::test
