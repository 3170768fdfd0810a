// SPDX-License-Identifier: Apache-2.0
// Whether a passive open was accepted: said where it is known only.
#include <gtest/gtest.h>

#include <optional>

#include "events.h"

namespace tcpdwell::test {
namespace {

struct AcceptListener : track::TrackerListener {
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine& line) override {
        ++lines;
        accept = line.accept;
    }
    void on_lost(const track::LostLine&) override {}

    std::optional<track::Accept> accept;
    int lines = 0;
};

AcceptListener outcome_of(const std::vector<event::Event>& events) {
    AcceptListener listener;
    track::Tracker tracker(listener, {});
    for (const event::Event& event : events) tracker.on_event(event);
    tracker.finish(at(1s));
    EXPECT_EQ(listener.lines, 1);
    return listener;
}

TEST(Accept, of_a_connection_that_waits_is_none) {
    const TestSocket s;
    const auto seen =
        outcome_of({s.change(10ms, LISTEN, SYN_RECV), s.change(10ms, SYN_RECV, ESTABLISHED)});
    ASSERT_TRUE(seen.accept);
    EXPECT_FALSE(seen.accept->accepted);
    EXPECT_EQ(seen.accept->delay, std::nullopt);
}

TEST(Accept, that_may_have_been_lost_is_not_known) {
    const TestSocket s;
    const auto seen = outcome_of(
        {s.change(10ms, LISTEN, SYN_RECV), s.change(10ms, SYN_RECV, ESTABLISHED), lost(50ms, 1)});
    EXPECT_FALSE(seen.accept);
}

TEST(Accept, by_a_kernel_thread_has_no_process) {
    const TestSocket s;
    const auto seen =
        outcome_of({s.change(10ms, LISTEN, SYN_RECV), s.change(10ms, SYN_RECV, ESTABLISHED),
                    event::OwnerFound{at(30ms), s.address, 0, {}, TD_OWNER_ACCEPTED}});
    ASSERT_TRUE(seen.accept);
    EXPECT_TRUE(seen.accept->accepted);
    EXPECT_EQ(seen.accept->delay, 20ms);
    EXPECT_EQ(seen.accept->at, at(30ms));
}

TEST(Accept, of_what_was_there_and_waited_has_a_time_and_no_delay) {
    const TestSocket s;
    TestSocket listener;
    listener.address += 0x1000;
    listener.cookie = 3;
    listener.tuple.remote = {};
    auto listed = s.listed(20ms, ESTABLISHED);
    listed.held = false;
    const event::OwnerFound owner{at(30ms), s.address, s.cookie, {}, TD_OWNER_ACCEPTED};
    const auto accept = outcome_of({listener.listed(10ms, LISTEN), listed, owner}).accept;
    ASSERT_TRUE(accept);
    EXPECT_TRUE(accept->accepted);
    EXPECT_EQ(accept->at, at(30ms));
    EXPECT_EQ(accept->delay, std::nullopt);
}

TEST(Accept, of_what_was_there_is_known_from_its_listing) {
    const TestSocket s;
    TestSocket listener;
    listener.address += 0x1000;
    listener.cookie = 3;
    listener.tuple.remote = {};
    const auto accept_of = [&](std::optional<bool> held) {
        auto listed = s.listed(20ms, ESTABLISHED);
        listed.held = held;
        return outcome_of({listener.listed(10ms, LISTEN), listed}).accept;
    };
    ASSERT_TRUE(accept_of(true));
    EXPECT_TRUE(accept_of(true)->accepted);
    EXPECT_EQ(accept_of(true)->delay, std::nullopt);
    ASSERT_TRUE(accept_of(false));
    EXPECT_FALSE(accept_of(false)->accepted);
    EXPECT_FALSE(accept_of(std::nullopt));
}

/// Nobody accepts what may have been opened here.
TEST(Accept, is_not_said_of_what_is_not_known_to_be_a_passive_open) {
    const TestSocket s;
    auto listed = s.listed(20ms, ESTABLISHED);
    listed.held = false;
    AcceptListener nobody;
    track::Tracker tracker(nobody, {});
    tracker.on_event(listed);
    int seen = 0;
    tracker.for_each_listed(at(30ms), [&](const track::ListedSocket& known) {
        EXPECT_EQ(known.socket.held, std::nullopt);
        ++seen;
    });
    EXPECT_EQ(seen, 1);
}

TEST(Accept, of_a_subflow_shows_only_when_it_is_accepted) {
    const TestSocket s;
    event::NumbersRead numbers{};
    numbers.at = at(30ms);
    numbers.netns = s.netns;
    numbers.sock = s.address;
    numbers.cookie = s.cookie;
    numbers.state = ESTABLISHED;
    numbers.numbers.flags = TD_NUMBERS_MPTCP;
    const std::vector<event::Event> opened{s.change(10ms, LISTEN, SYN_RECV),
                                           s.change(10ms, SYN_RECV, ESTABLISHED), numbers};
    EXPECT_FALSE(outcome_of(opened).accept); // its file is the MPTCP socket's
    std::vector<event::Event> accepted = opened;
    accepted.emplace_back(event::OwnerFound{at(40ms), s.address, 0, {}, TD_OWNER_ACCEPTED});
    ASSERT_TRUE(outcome_of(accepted).accept);
    EXPECT_TRUE(outcome_of(accepted).accept->accepted);
}

} // namespace
} // namespace tcpdwell::test
