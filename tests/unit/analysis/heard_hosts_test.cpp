// SPDX-License-Identifier: Apache-2.0
// When remote hosts were heard, and how long peers were silent.
#include <gtest/gtest.h>

#include "analysis/heard_hosts.h"
#include "analysis/silence.h"
#include "lines.h"

namespace tcpdwell::test {
namespace {

using analysis::HeardHosts;
using analysis::Silence;

struct HeardHostsTest : testing::Test {
    HeardHosts hosts;
    const tcp::IpAddress host = address("10.0.0.5");

    void heard(Nanoseconds when) { hosts.note(kNetns, host, at(when)); }
    bool between(Nanoseconds from, Nanoseconds until) {
        return hosts.were_heard_between(kNetns, host, at(from), at(until));
    }
};

TEST_F(HeardHostsTest, between_two_times) {
    EXPECT_FALSE(between(0s, 100s));
    EXPECT_FALSE(hosts.last_heard(kNetns, host));
    heard(10s);
    EXPECT_TRUE(between(9s, 11s));
    EXPECT_FALSE(between(10s, 11s)) << "neither of these";
    EXPECT_FALSE(between(9s, 10s));
    EXPECT_FALSE(hosts.were_heard_between(kNetns + 1, host, at(9s), at(11s)));
    EXPECT_FALSE(hosts.were_heard_between(kNetns, address("10.0.0.6"), at(9s), at(11s)));
    EXPECT_EQ(hosts.last_heard(kNetns, host), at(10s));
}

TEST_F(HeardHostsTest, again_and_again_is_all_the_time) {
    for (int i = 0; i < 100; ++i) heard(10s + i * 500ms);
    EXPECT_TRUE(between(20s, 22s));
    EXPECT_FALSE(between(20s, 21s)) << "perhaps at neither's side";
    heard(70s);
    EXPECT_FALSE(between(60s, 69s)) << "an outage";
    EXPECT_TRUE(between(60s, 71s));
    heard(65s); // known only later
    EXPECT_TRUE(between(64s, 66s));
    EXPECT_EQ(hosts.last_heard(kNetns, host), at(70s));
}

TEST_F(HeardHostsTest, a_time_long_ago_is_forgotten) {
    for (std::size_t i = 0; i <= HeardHosts::kMostSpans; ++i) heard(i * 2s);
    EXPECT_FALSE(between(-1s, 1s));
    EXPECT_TRUE(between(1s, 3s));
    hosts.next_interval(at(1000s));
    EXPECT_TRUE(hosts.last_heard(kNetns, host));
    hosts.next_interval(at(2000s));
    EXPECT_FALSE(hosts.last_heard(kNetns, host));
}

TEST(HeardByAge, the_last_time_of_all_that_are_older) {
    analysis::HeardByAge heard;
    EXPECT_FALSE(heard.last_of_opened_before(at(100s)));
    heard.note(at(10s), at(11s));
    heard.note(at(5s), at(50s));
    EXPECT_FALSE(heard.last_of_opened_before(at(5s)));
    EXPECT_EQ(heard.last_of_opened_before(at(6s)), at(50s));
    EXPECT_EQ(heard.last_of_opened_before(at(20s)), at(50s));
    heard.note(at(10s), at(60s));
    heard.note(at(10s), at(40s)); // known only later
    EXPECT_EQ(heard.last_of_opened_before(at(10s)), at(50s));
    EXPECT_EQ(heard.last_of_opened_before(at(11s)), at(60s));
    heard.note(at(7s), at(70s));
    EXPECT_EQ(heard.last_of_opened_before(at(7s)), at(50s));
    EXPECT_EQ(heard.last_of_opened_before(at(8s)), at(70s));
    EXPECT_EQ(heard.last_of_opened_before(at(20s)), at(70s));
}

TEST(HeardByAge, what_was_long_ago_is_distinguished_less) {
    analysis::HeardByAge heard;
    heard.note(at(-1s), at(0s));
    for (int i = 0; i < 1000; ++i) heard.note(at(i * 1s), at(i * 1s + 1ms));
    EXPECT_EQ(heard.last_of_opened_before(at(990s)), at(989'001ms));
    EXPECT_EQ(heard.last_of_opened_before(at(0s)), at(0s));
    EXPECT_LE(heard.last_of_opened_before(at(500s)), at(499'001ms)) << "at least so long ago";
}

struct SilenceTest : testing::Test {
    track::ConnectionIdentity who;
    event::SocketNumbers n;

    Silence silence() { return *analysis::silence_of(who, n, at(100s), false); }
};

TEST_F(SilenceTest, isn_t_known_without_its_beginning) {
    EXPECT_FALSE(analysis::silence_of(who, n, at(100s), false));
    n.since_received_ms = 4000;
    EXPECT_EQ(silence().heard, at(96s));
    EXPECT_EQ(silence().from, silence().until);
    EXPECT_EQ(silence().idle, 0s);
}

/// Five retransmissions take 6.2 s at least; sent for the first time 7.8 s ago at the latest, what
/// is unanswered followed 4.9 s of silence at most.
TEST_F(SilenceTest, begins_before_what_is_not_answered) {
    n.since_received_ms = 12'700;
    n.since_sent_ms = 1600;
    n.unacked = 200;
    n.timeouts = 5;
    EXPECT_EQ(silence().heard, at(87'300ms));
    EXPECT_EQ(silence().from, at(92'200ms));
    EXPECT_EQ(silence().until, at(98'400ms));
    EXPECT_EQ(silence().idle, 4412500us);
    n.since_received_ms = 9500; // the timers may have been late
    EXPECT_EQ(silence().idle, 0s);
}

TEST_F(SilenceTest, what_came_between_two_retransmissions_is_its_beginning) {
    n.since_received_ms = 4300;
    n.since_sent_ms = 1600;
    n.unacked = 16'000;
    n.timeouts = 5;
    EXPECT_EQ(silence().from, at(95'700ms));
    EXPECT_EQ(silence().until, at(98'400ms));
    n.since_sent_ms = 4200; // it couldn't be sent again
    EXPECT_EQ(silence().from, silence().until);
}

TEST_F(SilenceTest, of_keepalive_lasts_for_the_probes) {
    n.since_received_ms = 6200;
    n.since_sent_ms = 6300;
    n.unacked = n.unsent = 0;
    n.probes = 2;
    EXPECT_EQ(silence().from, at(98s));
    EXPECT_EQ(silence().until, at(100s));
    EXPECT_EQ(silence().idle, 6200ms);
}

TEST_F(SilenceTest, retransmission_timers_have_a_limit) {
    n.timeouts = 3;
    EXPECT_EQ(analysis::retransmitted_for(n), 1400ms);
    n.timeouts = 15;
    EXPECT_EQ(analysis::retransmitted_for(n), 204'600ms + 5 * 120s);
}

} // namespace
} // namespace tcpdwell::test
