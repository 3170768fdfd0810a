// SPDX-License-Identifier: Apache-2.0
// When somebody listened, and where that can't be known.
#include <gtest/gtest.h>

#include "analysis/listener_times.h"
#include "lines.h"

namespace tcpdwell::test {
namespace {

struct ListenerTimesTest : testing::Test {
    analysis::ListenerTimes listeners;
    LineFeeder tell{listeners};
    ProcessNames people;

    track::ConnectionIdentity& at_v4(std::uint32_t pid = 7) {
        return people.listener("0.0.0.0", 80, tcp::Family::ipv4, process(pid, "app"));
    }
    track::ConnectionIdentity& at_v6() { return people.listener("::", 80, tcp::Family::ipv6); }
    const analysis::ListenerTimes::Times* of_v4() const {
        return listeners.find(kNetns, {address("10.0.0.1"), 80});
    }
};

TEST_F(ListenerTimesTest, one_of_several_that_share_a_port_is_no_beginning_and_no_end) {
    auto& first = at_v4(7);
    auto& second = at_v4(8);
    tell.found(first, 1s, LISTEN);
    tell.born(second, 2s, LISTEN);
    EXPECT_FALSE(of_v4()->since) << "somebody did before";
    tell.moves(first, 3s, LISTEN, CLOSE);
    EXPECT_EQ(of_v4()->ended, at(3s));
    EXPECT_FALSE(of_v4()->absent);
    tell.moves(second, 4s, LISTEN, CLOSE);
    EXPECT_EQ(of_v4()->absent, at(4s));
    EXPECT_EQ(of_v4()->absent_of->pid, 8u);
    EXPECT_EQ(of_v4()->absences, 1u);
    tell.born(first, 5s, LISTEN);
    EXPECT_EQ(of_v4()->since, at(5s));
}

TEST_F(ListenerTimesTest, sockets_for_both_families_of_one_program_agree) {
    auto& v4 = at_v4();
    auto& v6 = at_v6();
    tell.born(v6, 1s, LISTEN);
    tell.born(v4, 2s, LISTEN);
    EXPECT_EQ(of_v4()->since, at(2s));
    tell.moves(v4, 3s, LISTEN, CLOSE);
    EXPECT_FALSE(of_v4()) << "the other one may take IPv4";
    tell.moves(v6, 4s, LISTEN, CLOSE);
    EXPECT_EQ(of_v4()->absent, at(3s));
}

TEST_F(ListenerTimesTest, who_has_listened_longer_at_another_address_may_have_been_meant) {
    tell.found(at_v6(), 0s, LISTEN);
    tell.born(at_v4(), 5s, LISTEN);
    EXPECT_FALSE(of_v4());
    EXPECT_TRUE(listeners.have_been(kNetns, {address("10.0.0.1"), 80}));
    EXPECT_TRUE(listeners.find(kNetns, {address("::1"), 80})) << "0.0.0.0 takes no IPv6";
    EXPECT_FALSE(listeners.have_been(kNetns + 1, {address("10.0.0.1"), 80}));
}

TEST_F(ListenerTimesTest, an_interval_counts_anew_and_forgets_what_was_over_before_the_last) {
    auto& who = at_v4();
    tell.born(who, 1s, LISTEN);
    tell.moves(who, 2s, LISTEN, CLOSE);
    listeners.next_interval(at(10s));
    EXPECT_EQ(of_v4()->absences, 0u);
    EXPECT_EQ(of_v4()->absent, at(2s));
    listeners.next_interval(at(20s));
    EXPECT_FALSE(of_v4());
}

} // namespace
} // namespace tcpdwell::test
