// SPDX-License-Identifier: Apache-2.0
// Two network namespaces have the same addresses and ports, and one after the other the same kernel
// memory: what is of one is never taken for what is of the other. Without cookies, which would
// distinguish them too.
#include <gtest/gtest.h>

#include "events.h"

namespace tcpdwell::test {
namespace {

constexpr std::uint32_t kOther = kNetns + 1;

/// The same address, four-tuple and, as sock_diag lists it, nothing else.
struct Namespaces : testing::Test {
    const TestSocket here{.cookie = 0};
    const TestSocket there{.cookie = 0, .netns = kOther};
    EventRun run;

    void establish(const TestSocket& s) {
        run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED);
    }
    /// Ends the run; one connection of each.
    std::pair<synth::Outcome, synth::Outcome> both() {
        std::vector<synth::Outcome> all = run.outcomes();
        EXPECT_EQ(all.size(), 2U);
        if (all.size() != 2) return {};
        if (all[0].netns != kNetns) std::swap(all[0], all[1]);
        EXPECT_EQ(all[0].netns, kNetns);
        EXPECT_EQ(all[1].netns, kOther);
        return {all[0], all[1]};
    }
};

TEST_F(Namespaces, a_full_socket_at_the_address_of_another_one) {
    establish(here);
    run << there.change(50ms, ESTABLISHED, CLOSE_WAIT)
        << there.change(60ms, CLOSE_WAIT, LAST_ACK, 0, 0, kApp)
        << there.change(61ms, LAST_ACK, CLOSE);
    const auto [first, second] = both();
    EXPECT_EQ(first.line->seen, tcp::Seen::gap);
    EXPECT_EQ(first.line->ending, tcp::Ending::unknown);
    EXPECT_EQ(second.line->seen, tcp::Seen::joined);
    EXPECT_EQ(second.line->ending, tcp::Ending::fin);
}

TEST_F(Namespaces, a_mini_socket_at_the_address_of_another_one) {
    run << here.timer(1ms, TD_TIMER_START, TIME_WAIT, 60s)
        << there.timer(100ms, TD_TIMER_START, TIME_WAIT, 60s + 99ms)
        << there.timer(61s, TD_TIMER_EXPIRE, TIME_WAIT, 60s + 99ms);
    const auto [first, second] = both();
    EXPECT_EQ(first.line->time_wait->end, tcp::TimeWaitEnd::unknown);
    EXPECT_EQ(second.line->time_wait->end, tcp::TimeWaitEnd::expired);
    EXPECT_EQ(second.line->time_wait->restarts, 0U);
}

TEST_F(Namespaces, a_request_at_the_address_of_another_one) {
    run << here.request(1ms, TD_TIMER_START) << there.request(2ms, TD_TIMER_START)
        << there.request(10ms, TD_TIMER_CANCEL);
    const auto [first, second] = both();
    EXPECT_EQ(first.line->closed, std::nullopt);
    EXPECT_EQ(second.line->ending, tcp::Ending::handshake_failed);
    EXPECT_EQ(second.line->opened, at(2ms));
}

TEST_F(Namespaces, a_listed_socket_at_the_address_of_another_one) {
    establish(here);
    run << snapshot(50ms, TD_SNAPSHOT_BEGIN, true, kOther) << there.listed(51ms, ESTABLISHED)
        << snapshot(52ms, TD_SNAPSHOT_END, true, kOther);
    EXPECT_EQ(both().second.line->seen, tcp::Seen::joined);
}

TEST_F(Namespaces, a_listing_ends_what_it_misses_in_its_own_only) {
    establish(here);
    TestSocket elsewhere = there;
    elsewhere.address += 0x1000;
    establish(elsewhere);
    run << snapshot(100ms, TD_SNAPSHOT_BEGIN, true, kOther)
        << snapshot(101ms, TD_SNAPSHOT_END, true, kOther);
    const auto [first, second] = both();
    EXPECT_EQ(first.line->ending, tcp::Ending::open);
    EXPECT_EQ(second.line->ending, tcp::Ending::unknown);
    EXPECT_EQ(second.line->seen, tcp::Seen::gap);
}

/// What has just ended isn't taken for new, though the listing still has it; but here it is new.
TEST_F(Namespaces, a_listed_socket_without_an_address_and_one_that_has_just_ended) {
    establish(here);
    TestSocket unaddressed = there;
    unaddressed.listed_by_address = false;
    run << snapshot(50ms, TD_SNAPSHOT_BEGIN, true, kOther)
        << here.change(51ms, ESTABLISHED, CLOSE, 104) << unaddressed.listed(52ms, ESTABLISHED)
        << snapshot(53ms, TD_SNAPSHOT_END, true, kOther);
    const auto [first, second] = both();
    EXPECT_EQ(first.line->ending, tcp::Ending::reset_received);
    EXPECT_EQ(second.line->ending, tcp::Ending::open);
}

/// The same for one whose local port isn't known yet.
TEST_F(Namespaces, a_listed_connect_and_one_of_which_the_port_is_not_known) {
    TestSocket portless = here;
    portless.tuple.local.port = 0;
    TestSocket unaddressed = there;
    unaddressed.listed_by_address = false;
    run << portless.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp)
        << snapshot(50ms, TD_SNAPSHOT_BEGIN, true, kOther) << unaddressed.listed(52ms, SYN_SENT)
        << snapshot(53ms, TD_SNAPSHOT_END, true, kOther);
    const auto [first, second] = both();
    EXPECT_EQ(first.line->seen, tcp::Seen::whole);
    EXPECT_EQ(second.line->seen, tcp::Seen::joined);
}

TEST_F(Namespaces, the_same_four_tuple_at_the_same_time) {
    TestSocket elsewhere = there;
    elsewhere.address += 0x1000;
    establish(here);
    establish(elsewhere);
    run << here.change(50ms, ESTABLISHED, CLOSE, 104)
        << elsewhere.change(60ms, ESTABLISHED, CLOSE, 104);
    const auto [first, second] = both();
    EXPECT_EQ(first.line->closed, at(50ms));
    EXPECT_EQ(second.line->closed, at(60ms));
    EXPECT_EQ(first.line->seen, tcp::Seen::whole);
    EXPECT_EQ(second.line->seen, tcp::Seen::whole);
}

} // namespace
} // namespace tcpdwell::test
