// SPDX-License-Identifier: Apache-2.0
// The finding about connects that get no answer, where others fare otherwise.
#include "cause_findings.h"

namespace tcpdwell::test {
namespace {

class UnansweredThere : public CauseFindings {
protected:
    void fail(int times) {
        auto connect =
            client_end(ClosedFirst::none, Ending::connect_failed, EndingDetail::given_up);
        connect.states = {{SYN_SENT, 700ms}};
        end(connect, times);
    }
    std::string_view what() { return found("connects_unanswered")->what; }
};

TEST_F(UnansweredThere, while_others_are_at_the_second_syn) {
    fail(5);
    EndedLine other = client_end(ClosedFirst::local, Ending::fin);
    other.who.process = process(200, "patient");
    other.get();
    for (int i = 0; i < 3; ++i) connected(other.who, 1020ms);
    EXPECT_EQ(what(), "5 connects of app to 10.0.0.1:80 got no answer, while 3 others there were "
                      "answered, but only when the SYN was sent again, after 1 s.");
    EXPECT_EQ(evidence(*found("connects_unanswered"), "second_syn"), 3);
    EXPECT_THAT(advice(*found("connects_unanswered")), HasSubstr("net.ipv4.tcp_ecn"));
    connected(other.who, 1ms);
    EXPECT_THAT(what(), Not(HasSubstr("sent again"))) << "not each";
}

TEST_F(UnansweredThere, where_segments_are_lost_on_the_way) {
    fail(3);
    EndedLine there = client_end(ClosedFirst::local, Ending::fin).carried(5, 5);
    there.numbers.segments_sent = 100;
    there.numbers.segments_retransmitted = 20;
    EndedLine elsewhere = there;
    elsewhere.who.tuple.remote.address = address("10.0.0.9");
    elsewhere.numbers.segments_retransmitted = 0;
    end(there);
    end(elsewhere, 2);
    EXPECT_EQ(what(), "3 of 4 connects of app to 10.0.0.1:80 got no answer.")
        << "what was sent again may have been so while nothing got through";
    there.get();
    connected(there.who, 1ms, 1500ms);
    fail(1); // at the same time
    EXPECT_THAT(what(), HasSubstr(": the way there loses segments, for 20 of 100 segments on "
                                  "connections that came to be had to be sent again (0 of 200 "
                                  "to other hosts)."));
    EXPECT_EQ(evidence(*found("connects_unanswered"), "retransmitted"), 20);
    EXPECT_THAT(advice(*found("connects_unanswered")), HasSubstr("loses segments, SYNs among"));
    there.numbers.segments_sent = 1000; // by chance
    there.numbers.segments_retransmitted = 0;
    end(there);
    EXPECT_THAT(what(), Not(HasSubstr("loses")));
}

} // namespace
} // namespace tcpdwell::test
