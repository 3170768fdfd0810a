// SPDX-License-Identifier: Apache-2.0
// Holders of open sockets, and ages of what was there before: what is kept, and until when.
#include <gtest/gtest.h>

#include <optional>

#include "events.h"

namespace tcpdwell::test {
namespace {

struct OpenEnd {
    std::optional<track::Holders> holders;
    std::optional<event::SocketNumbers> numbers;
    std::vector<track::PathStep> states;
    std::optional<MonoTime> closed;
};

struct OpenEndListener : track::TrackerListener {
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine& line) override {
        end.closed = line.closed;
        end.states.assign(line.states.begin(), line.states.end());
        if (line.holders != nullptr) end.holders = *line.holders;
        if (line.numbers != nullptr) end.numbers = *line.numbers;
    }
    void on_lost(const track::LostLine&) override {}
    OpenEnd end;
};

OpenEnd end_of(const std::vector<event::Event>& events, Nanoseconds until) {
    OpenEndListener listener;
    track::Tracker tracker(listener, {});
    for (const event::Event& event : events) tracker.on_event(event);
    tracker.finish(at(until));
    return listener.end;
}

event::HoldersFound held_by(Nanoseconds t, const TestSocket& s, std::uint32_t pid) {
    event::HoldersFound found{at(t), s.address, s.cookie, 1, {}, false};
    found.processes.push_back(event::Process{pid, {}, {}});
    return found;
}

event::NumbersRead numbers(Nanoseconds t, const TestSocket& s, tcp::State state,
                           std::uint32_t since_received_ms, std::uint32_t since_sent_ms) {
    event::NumbersRead read{at(t), s.netns, s.address, s.cookie, state, {}, {}, {}};
    read.numbers.since_received_ms = since_received_ms;
    read.numbers.since_sent_ms = since_sent_ms;
    read.numbers.flags = TD_NUMBERS_LISTED;
    return read;
}

std::vector<event::Event> established(const TestSocket& s) {
    return {s.change(10ms, LISTEN, SYN_RECV), s.change(10ms, SYN_RECV, ESTABLISHED)};
}

TEST(HoldersKept, stay_while_the_peer_closes) {
    const TestSocket s;
    auto events = established(s);
    events.push_back(held_by(20ms, s, 7));
    events.push_back(s.change(30ms, ESTABLISHED, CLOSE_WAIT));
    const OpenEnd end = end_of(events, 1s);
    ASSERT_TRUE(end.holders);
    EXPECT_EQ(end.holders->count, 1u);
    EXPECT_EQ(end.holders->processes.at(0).pid, 7u);
}

TEST(HoldersKept, are_the_last_that_were_found) {
    const TestSocket s;
    auto events = established(s);
    events.push_back(held_by(20ms, s, 7));
    events.push_back(held_by(40ms, s, 8));
    EXPECT_EQ(end_of(events, 1s).holders->processes.at(0).pid, 8u);
}

TEST(HoldersKept, go_with_the_file) {
    const TestSocket s;
    auto events = established(s);
    events.push_back(held_by(20ms, s, 7));
    auto closing = s.change(30ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp);
    closing.flags |= TD_STATE_RELEASED;
    events.push_back(closing);
    EXPECT_FALSE(end_of(events, 1s).holders);
}

TEST(HoldersKept, go_when_it_is_accepted) {
    const TestSocket s;
    auto events = established(s);
    events.push_back(held_by(20ms, s, 7)); // as of a listener, which had it in its queue
    auto accepted = events;
    accepted.push_back(event::OwnerFound{at(30ms), s.address, s.cookie, event::Owner{kApp, {}, 0},
                                         TD_OWNER_ACCEPTED});
    EXPECT_FALSE(end_of(accepted, 1s).holders);
    auto held = events;
    held.push_back(event::OwnerFound{at(30ms), s.address, s.cookie, event::Owner{kApp, {}, 0},
                                     TD_OWNER_HOLDS});
    EXPECT_TRUE(end_of(held, 1s).holders);
}

TEST(HoldersKept, are_not_those_of_a_socket_that_has_left_the_address) {
    const TestSocket s;
    const auto kept = [&](event::HoldersFound found) {
        auto events = established(s);
        events.push_back(found);
        return end_of(events, 1s).holders.has_value();
    };
    event::HoldersFound found = held_by(20ms, s, 7);
    EXPECT_TRUE(kept(found));
    found.cookie = 0;
    EXPECT_TRUE(kept(found)) << "the address says enough";
    found.cookie = s.cookie;
    found.sock = 0;
    EXPECT_FALSE(kept(found)) << "by the cookie only what was listed without an address is found";
    found.sock = s.address + 1;
    EXPECT_FALSE(kept(found));
}

TEST(Numbers, of_another_socket_are_not_its_own) {
    const TestSocket s;
    const auto kept = [&](const event::NumbersRead& read) {
        auto events = established(s);
        events.push_back(read);
        return end_of(events, 1s).numbers.has_value();
    };
    event::NumbersRead read = numbers(20ms, s, ESTABLISHED, 1, 1);
    EXPECT_TRUE(kept(read));
    read.cookie = s.cookie + 1;
    EXPECT_FALSE(kept(read));
    read.cookie = 0;
    EXPECT_TRUE(kept(read));
    read.sock = s.address + 1;
    EXPECT_FALSE(kept(read));
}

TEST(HoldersKept, of_a_look_before_the_last_event_are_in_doubt) {
    const TestSocket s;
    auto events = established(s);
    events.push_back(s.change(30ms, ESTABLISHED, CLOSE_WAIT));
    auto late = held_by(29ms, s, 7);
    events.push_back(late);
    EXPECT_FALSE(end_of(events, 1s).holders);
}

TEST(HoldersKept, of_another_socket_at_that_address_are_not_its_own) {
    const TestSocket s;
    auto events = established(s);
    auto other = held_by(30ms, s, 7);
    other.cookie = s.cookie + 1;
    events.push_back(other);
    EXPECT_FALSE(end_of(events, 1s).holders);
}

TEST(HoldersKept, are_in_a_listing_of_what_is_known) {
    const TestSocket s;
    OpenEndListener listener;
    track::Tracker tracker(listener, {});
    for (const event::Event& event : established(s)) tracker.on_event(event);
    tracker.on_event(held_by(20ms, s, 7));
    tracker.on_event(numbers(30ms, s, ESTABLISHED, 1, 1));
    std::vector<track::ListedSocket> listed;
    tracker.for_each_listed(at(40ms), [&](const auto& each) { listed.push_back(each); });
    ASSERT_EQ(listed.size(), 1u);
    ASSERT_TRUE(listed[0].holders && listed[0].numbers);
    EXPECT_EQ(listed[0].socket.held, false) << "not accepted";

    OpenEndListener copy;
    track::Tracker reader(copy, {});
    reader.on_event(listed[0].socket);
    reader.on_event(*listed[0].numbers);
    reader.on_event(*listed[0].holders);
    tracker.finish(at(1s));
    reader.finish(at(1s));
    EXPECT_EQ(copy.end.holders, listener.end.holders);
    EXPECT_EQ(copy.end.numbers, listener.end.numbers);
}

TEST(Numbers, of_another_state_are_older_or_newer_than_what_is_known) {
    const TestSocket s;
    auto events = established(s);
    events.push_back(numbers(30ms, s, CLOSE_WAIT, 1, 1));
    EXPECT_FALSE(end_of(events, 1s).numbers);
}

/// The age of the state that a socket is found in, 100 s after the start.
Nanoseconds age(tcp::State state, std::uint32_t since_received_ms, std::uint32_t since_sent_ms) {
    const TestSocket s;
    const OpenEnd end = end_of(
        {s.listed(100s, state), numbers(100s, s, state, since_received_ms, since_sent_ms)}, 101s);
    EXPECT_EQ(end.states.size(), 1u);
    EXPECT_FALSE(end.states.back().dwell);
    return end.states.back().at_least;
}

TEST(AgeOfWhatWasThereBefore, is_known_by_the_last_segments) {
    // What the stamps say, less their coarseness, and the second that was watched.
    EXPECT_EQ(age(ESTABLISHED, 5'000, 3'000), 6s - 10ms);
    EXPECT_EQ(age(ESTABLISHED, 3'000, 5'000), 6s - 10ms);
    EXPECT_EQ(age(CLOSE_WAIT, 5'000, 9'000), 6s - 10ms) << "data is sent before, too";
    EXPECT_EQ(age(FIN_WAIT2, 5'000, 9'000), 6s - 10ms);
    EXPECT_EQ(age(CLOSING, 5'000, 9'000), 6s - 10ms);
    EXPECT_EQ(age(FIN_WAIT1, 5'000, 5'000), 1s) << "close() leaves no stamp";
    EXPECT_EQ(age(LAST_ACK, 5'000, 5'000), 1s);
    EXPECT_EQ(age(ESTABLISHED, 0, 0), 1s);
    EXPECT_EQ(age(ESTABLISHED, 9, 10), 1s);
}

TEST(AgeOfWhatWasThereBefore, adds_nothing_to_what_was_seen) {
    const TestSocket s;
    auto events = established(s);
    events.push_back(numbers(30ms, s, ESTABLISHED, 5'000, 5'000));
    events.push_back(s.change(40ms, ESTABLISHED, CLOSE_WAIT));
    const OpenEnd end = end_of(events, 50ms);
    ASSERT_EQ(end.states.size(), 3u);
    EXPECT_EQ(end.states[1].dwell, Nanoseconds(30ms));
    EXPECT_EQ(end.states[2].at_least, Nanoseconds(10ms));
}

TEST(AgeOfWhatWasThereBefore, is_said_of_the_state_that_is_left) {
    const TestSocket s;
    const OpenEnd end =
        end_of({s.listed(100s, ESTABLISHED), numbers(100s, s, ESTABLISHED, 5'000, 0),
                s.change(101s, ESTABLISHED, CLOSE_WAIT)},
               102s);
    ASSERT_EQ(end.states.size(), 2u);
    EXPECT_FALSE(end.states[0].dwell);
    EXPECT_EQ(end.states[0].at_least, Nanoseconds(6s - 10ms));
}

} // namespace
} // namespace tcpdwell::test
