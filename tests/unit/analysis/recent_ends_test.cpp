// SPDX-License-Identifier: Apache-2.0
// Which end on this host is the other end of a connection that ended badly.
#include "analysis/recent_ends.h"

#include <gtest/gtest.h>

#include "analysis/causes.h"
#include "ended_line.h"

namespace tcpdwell::test {
namespace {

using tcp::Role;

struct RecentEndsTest : testing::Test {
    analysis::RecentEnds recent;
    analysis::PartyEnds party;

    static track::ConnectionLine line(track::ConnectionIdentity& who, Nanoseconds closed) {
        track::ConnectionLine made{};
        made.who = &who;
        made.closed = at(closed);
        return made;
    }
    static track::ConnectionIdentity end(Role role, const tcp::FourTuple& ends,
                                         std::uint32_t netns = kNetns) {
        track::ConnectionIdentity who;
        who.role = role;
        who.tuple = ends;
        who.netns = netns;
        return who;
    }
    void note(track::ConnectionIdentity who, Nanoseconds closed = 10s,
              EndCause cause = EndCause::peer_gone) {
        recent.note(line(who, closed), party, cause);
    }
    std::optional<analysis::RecentEnds::End> other_of(track::ConnectionIdentity who,
                                                      Nanoseconds closed = 10s) {
        return recent.take_other_of(line(who, closed));
    }

    const track::ConnectionIdentity client =
        end(Role::client, tuple("10.0.0.2", 50'000, "10.0.0.1", 80));
    const track::ConnectionIdentity server =
        end(Role::server, tuple("10.0.0.1", 80, "10.0.0.2", 50'000), kNetns + 1);
};

TEST_F(RecentEndsTest, the_mirrored_four_tuple_is_the_other_end_and_is_found_once) {
    EXPECT_FALSE(other_of(server));
    note(client);
    EXPECT_FALSE(other_of(client)) << "it isn't its own other end";
    const auto other = other_of(server);
    ASSERT_TRUE(other);
    EXPECT_EQ(other->party, &party);
    EXPECT_EQ(other->cause, EndCause::peer_gone);
    EXPECT_EQ(other->closed, at(10s));
    EXPECT_EQ(other->service, (tcp::Endpoint{address("10.0.0.1"), 80}));
    EXPECT_FALSE(other->is_translated);
    EXPECT_FALSE(other_of(server)) << "not by the client's endpoint either";
}

TEST_F(RecentEndsTest, a_server_is_found_by_its_client_too) {
    note(server);
    const auto other = other_of(client);
    ASSERT_TRUE(other);
    EXPECT_EQ(other->service, (tcp::Endpoint{address("10.0.0.1"), 80}));
}

TEST_F(RecentEndsTest, both_ends_end_within_five_seconds_whichever_is_first) {
    for (const Nanoseconds other : {5s, 15s}) {
        note(client);
        const Nanoseconds beyond = other < 10s ? other - 1ns : other + 1ns;
        EXPECT_FALSE(other_of(server, beyond));
        EXPECT_TRUE(other_of(server, other));
    }
}

TEST_F(RecentEndsTest, loopback_addresses_are_those_of_a_namespace) {
    const tcp::FourTuple ends = tuple("127.0.0.1", 50'000, "127.0.0.1", 80);
    const tcp::FourTuple mirrored{ends.remote, ends.local, ends.family};
    note(end(Role::client, ends));
    EXPECT_FALSE(other_of(end(Role::server, mirrored, kNetns + 1)));
    EXPECT_TRUE(other_of(end(Role::server, mirrored)));
}

/// The client connects to a virtual address; the server sees the client as it is.
TEST_F(RecentEndsTest, beyond_a_translated_address_it_is_known_by_its_client) {
    const track::ConnectionIdentity caller =
        end(Role::client, tuple("10.0.0.2", 50'000, "10.96.0.1", 443));
    note(caller);
    const auto there = other_of(server);
    ASSERT_TRUE(there);
    EXPECT_TRUE(there->is_translated);
    EXPECT_EQ(there->service, (tcp::Endpoint{address("10.96.0.1"), 443}));
    note(server);
    const auto here = other_of(caller);
    ASSERT_TRUE(here);
    EXPECT_TRUE(here->is_translated);
    EXPECT_EQ(here->service, (tcp::Endpoint{address("10.0.0.1"), 80}));
}

TEST_F(RecentEndsTest, two_ends_of_one_side_belong_to_two_connections) {
    note(end(Role::client, tuple("10.0.0.2", 50'000, "10.96.0.1", 443)));
    EXPECT_FALSE(other_of(end(Role::client, tuple("10.0.0.2", 50'000, "10.96.0.2", 443))));
    EXPECT_FALSE(other_of(end(Role::server, tuple("10.0.0.1", 80, "10.0.0.2", 50'001))));
    EXPECT_FALSE(other_of(end(Role::server, tuple("10.0.0.1", 80, "10.0.0.3", 50'000))));
    EXPECT_FALSE(other_of(end(Role::unknown, tuple("10.0.0.1", 80, "10.0.0.2", 50'000))));
}

TEST_F(RecentEndsTest, what_is_within_a_host_is_not_translated) {
    note(end(Role::client, tuple("127.0.0.1", 50'000, "127.0.0.1", 443)));
    EXPECT_FALSE(other_of(end(Role::server, tuple("127.0.0.1", 80, "127.0.0.1", 50'000))));
}

TEST_F(RecentEndsTest, a_four_tuple_that_ends_again_is_the_later_one) {
    note(client, 10s);
    note(client, 30s, EndCause::reset_here);
    EXPECT_FALSE(other_of(server, 10s));
    EXPECT_EQ(other_of(server, 30s)->cause, EndCause::reset_here);
    note(client);
    recent.clear();
    EXPECT_FALSE(other_of(server));
}

TEST_F(RecentEndsTest, the_oldest_give_way_to_new_ones) {
    constexpr int kMore = 1 << 17; // each is noted by its four-tuple and by its client
    note(client);
    for (int i = 0; i < kMore / 2 - 1; ++i)
        note(end(Role::client, {{address("10.1.0.1"), static_cast<tcp::Port>(i)},
                                {address("10.2.0.1"), 80},
                                tcp::Family::ipv4}));
    EXPECT_TRUE(other_of(server));
    note(client);
    for (int i = 0; i < kMore / 2; ++i)
        note(end(Role::client, {{address("10.1.0.2"), static_cast<tcp::Port>(i)},
                                {address("10.2.0.1"), 80},
                                tcp::Family::ipv4}));
    EXPECT_FALSE(other_of(server));
}

} // namespace
} // namespace tcpdwell::test
