// SPDX-License-Identifier: Apache-2.0
// The kernel's sequence numbers as bytes of payload: SYN and FIN, which take a number each
// (RFC 9293, section 3.4), are taken out.
#include <gtest/gtest.h>

#include <optional>

#include "events.h"

namespace tcpdwell::test {
namespace {

struct NumbersListener : track::TrackerListener {
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine& line) override {
        numbers = line.numbers ? std::optional(*line.numbers) : std::nullopt;
    }
    void on_lost(const track::LostLine&) override {}

    std::optional<event::SocketNumbers> numbers;
};

/// As the kernel has them: 100 sequence numbers sent and acknowledged, 50 received.
event::NumbersRead kernel_numbers(const TestSocket& s, tcp::State state) {
    event::NumbersRead read{at(50ms), s.netns, s.address, s.cookie, state, {}, {}, {}};
    read.numbers.bytes_sent = 100;
    read.numbers.bytes_acked = 100;
    read.numbers.bytes_received = 50;
    read.numbers.unsent = 0;
    read.numbers.unacked = 0;
    read.numbers.unread = 0;
    return read;
}

std::optional<event::SocketNumbers> known_after(const std::vector<event::Event>& opening,
                                                const event::NumbersRead& read) {
    NumbersListener listener;
    track::Tracker tracker(listener, {});
    for (const event::Event& event : opening) tracker.on_event(event);
    tracker.on_event(read);
    tracker.finish(at(1s));
    return listener.numbers;
}

event::SocketNumbers numbers_after(const std::vector<event::Event>& opening,
                                   const event::NumbersRead& read) {
    const auto numbers = known_after(opening, read);
    EXPECT_TRUE(numbers);
    return numbers.value_or(event::SocketNumbers{});
}

const TestSocket kOne{.tuple = v4_tuple(40000, 80)};
const std::vector<event::Event> kClient{kOne.change(10ms, CLOSE, SYN_SENT),
                                        kOne.change(11ms, SYN_SENT, ESTABLISHED)};
const std::vector<event::Event> kServer{kOne.change(10ms, LISTEN, SYN_RECV),
                                        kOne.change(11ms, SYN_RECV, ESTABLISHED)};
const std::vector<event::Event> kUnknown{kOne.listed(10ms, ESTABLISHED)};

TEST(Payload, ofAClientIsWithoutItsSyn) {
    EXPECT_EQ(numbers_after(kClient, kernel_numbers(kOne, ESTABLISHED)).bytes_acked, 99u);
}

TEST(Payload, ofAServerBeginsBehindItsSynAck) {
    EXPECT_EQ(numbers_after(kServer, kernel_numbers(kOne, ESTABLISHED)).bytes_acked, 100u);
    auto read = kernel_numbers(kOne, ESTABLISHED);
    read.numbers.bytes_sent = 99;
    EXPECT_EQ(numbers_after(kServer, read).bytes_acked, 100u) << "whoever else counts one more";
}

TEST(Payload, ofUnknownRoleHasASynWhereMoreIsAcknowledgedThanWasSent) {
    auto read = kernel_numbers(kOne, ESTABLISHED);
    EXPECT_EQ(numbers_after(kUnknown, read).bytes_acked, 100u);
    read.numbers.bytes_sent = 99;
    EXPECT_EQ(numbers_after(kUnknown, read).bytes_acked, 99u);
}

TEST(Payload, ofAConnectThatWaitsHasNothingUnacknowledged) {
    auto read = kernel_numbers(kOne, SYN_SENT);
    read.numbers.unacked = 1;
    const auto seen = numbers_after({kOne.change(10ms, CLOSE, SYN_SENT)}, read);
    EXPECT_EQ(seen.unacked, 0u);
    EXPECT_EQ(seen.bytes_acked, 100u) << "its SYN is the one that isn't";
}

TEST(Payload, hasNoFinWhereverItStands) {
    auto closing = kServer;
    closing.emplace_back(kOne.change(20ms, ESTABLISHED, FIN_WAIT1));
    auto read = kernel_numbers(kOne, FIN_WAIT1);
    EXPECT_EQ(numbers_after(closing, read).bytes_acked, 99u);
    read.numbers.unacked = 10;
    auto seen = numbers_after(closing, read);
    EXPECT_EQ(seen.unacked, 9u);
    EXPECT_EQ(seen.bytes_acked, 100u);
    read.numbers.unsent = 5;
    seen = numbers_after(closing, read);
    EXPECT_EQ(seen.unsent, 4u);
    EXPECT_EQ(seen.unacked, 10u);
}

TEST(Payload, receivedIsWithoutThePeersFin) {
    auto closing = kServer;
    closing.emplace_back(kOne.change(20ms, ESTABLISHED, CLOSE_WAIT));
    auto read = kernel_numbers(kOne, CLOSE_WAIT);
    read.numbers.unread = 8;
    EXPECT_EQ(numbers_after(closing, read).bytes_received, 50u);
    EXPECT_EQ(numbers_after(closing, read).unread, 8u);
    read.numbers.flags = TD_NUMBERS_FIN_RECEIVED;
    EXPECT_EQ(numbers_after(closing, read).bytes_received, 49u);
    EXPECT_EQ(numbers_after(closing, read).unread, 7u);
}

TEST(Payload, isTakenAsItIsWhereItIsMarkedSo) {
    auto read = kernel_numbers(kOne, ESTABLISHED);
    read.numbers.flags = TD_NUMBERS_PAYLOAD;
    EXPECT_EQ(numbers_after(kClient, read).bytes_acked, 100u);
}

TEST(Payload, ofAnotherSocketAtTheAddressIsNotTaken) {
    auto read = kernel_numbers(kOne, ESTABLISHED);
    read.cookie = kOne.cookie + 1;
    EXPECT_FALSE(known_after(kClient, read));
}

TEST(Payload, isTakenBehindTheEndNoMore) {
    auto closed = kClient;
    closed.emplace_back(kOne.change(20ms, ESTABLISHED, CLOSE, 104));
    auto read = kernel_numbers(kOne, ESTABLISHED);
    read.at = at(21ms); // its line isn't written yet
    EXPECT_FALSE(known_after(closed, read));
}

TEST(Payload, ofTheSocketAtTheAddressOfAMiniSocketIsNotTaken) {
    TestSocket mini = kOne;
    mini.address = 0xe000;
    auto read = kernel_numbers(mini, TIME_WAIT);
    read.cookie = 0;
    EXPECT_FALSE(known_after({mini.timer(10ms, TD_TIMER_START, TIME_WAIT, 60s)}, read));
}

TEST(Payload, isFoundByTheCookieWhereTheAddressIsNotSaid) {
    TestSocket listed = kOne;
    listed.listed_by_address = false;
    auto read = kernel_numbers(kOne, CLOSE_WAIT);
    read.sock = 0;
    EXPECT_TRUE(known_after({listed.listed(10ms, ESTABLISHED),
                             kOne.change(20ms, ESTABLISHED, CLOSE_WAIT)}, // shows the address
                            read));
}

TEST(Payload, ofUnknownRoleIsAsItWasReadWhereNothingSaysHowMuchWasSent) {
    auto read = kernel_numbers(kOne, ESTABLISHED);
    read.numbers.bytes_sent = {};
    EXPECT_EQ(numbers_after(kUnknown, read).bytes_acked, 100u);
}

} // namespace
} // namespace tcpdwell::test
