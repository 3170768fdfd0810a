// SPDX-License-Identifier: Apache-2.0
// The finding on what tracing has missed.
#include "rule_test.h"

namespace tcpdwell::test {
namespace {

class EventsLost : public RuleTest {};

TEST_F(EventsLost, as_soon_as_there_is_one) {
    clients(scenario("still_established"), 2);
    EXPECT_FALSE(found("events_lost", 5s));
    more.emplace_back(5s, event::LostTotals{at(5s), {1, 0, 0, 0, 0, 0}});
    const report::Finding* f = found("events_lost", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "events"), 1);
    EXPECT_EQ(evidence(*f, "gaps"), 2);
    EXPECT_EQ(evidence(*f, "unseen"), 0);
    EXPECT_THAT(std::string(f->what), HasSubstr("1 event lost: "));
    EXPECT_THAT(advice(*f), HasSubstr("--buffer-size"));
    EXPECT_THAT(advice(*f), Not(HasSubstr("A larger buffer doesn't help")));
    EXPECT_THAT(advice(*f), Not(HasSubstr("tcpdwell info")));
}

TEST_F(EventsLost, as_soon_as_one_is_noticed_by_its_gap) {
    clients(scenario("still_established"), 2);
    EXPECT_FALSE(found("events_lost", 5s));
    event::StateChange closing{}; // of a socket whose ESTABLISHED wasn't seen
    closing.sock = 0x77;
    closing.cookie = 77;
    closing.netns = 1;
    closing.tuple = {{*tcp::IpAddress::parse("10.0.0.1"), 44000},
                     {*tcp::IpAddress::parse("10.0.0.2"), 80},
                     tcp::Family::ipv4};
    const auto change = [&](Nanoseconds when, tcp::State from, tcp::State to) {
        closing.at = at(when);
        closing.from = from;
        closing.to = to;
        more.emplace_back(when, closing);
    };
    change(5s, tcp::State::CLOSE, tcp::State::SYN_SENT);
    EXPECT_FALSE(found("events_lost", 10s));
    change(6s, tcp::State::ESTABLISHED, tcp::State::CLOSE_WAIT);
    const report::Finding* f = found("events_lost", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "events"), 0);
    EXPECT_EQ(evidence(*f, "unseen"), 1);
    EXPECT_EQ(evidence(*f, "gaps"), 1);
    EXPECT_THAT(std::string(f->what), HasSubstr("at least 1 event not seen: "));
    EXPECT_THAT(advice(*f), Not(HasSubstr("--buffer-size")));
    EXPECT_THAT(advice(*f), HasSubstr("A larger buffer doesn't help"));
}

TEST_F(EventsLost, a_hole_in_the_recording_is_to_be_read_again) {
    more.emplace_back(5s, event::Gap{at(5s), at(6s), false});
    const report::Finding* f = found("events_lost", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what, "1 hole in the recording: numbers in this report are too low, and there are "
                       "gaps in 0 connections.");
    EXPECT_EQ(evidence(*f, "holes"), 1);
    EXPECT_THAT(advice(*f), HasSubstr("tcpdwell info"));
    EXPECT_THAT(advice(*f), Not(HasSubstr("--buffer-size")));
    EXPECT_THAT(advice(*f), Not(HasSubstr("A larger buffer doesn't help")));
}

} // namespace
} // namespace tcpdwell::test
