// SPDX-License-Identifier: Apache-2.0
// The finding on connects that are answered when the SYN has been sent again.
#include "cause_findings.h"

namespace tcpdwell::test {
namespace {

using testing::EndsWith;
using testing::IsEmpty;

class LateConnects : public CauseFindings {
protected:
    LateConnects() { client_.get(); }

    void connects(int times, Nanoseconds took, tcp::Port remote = 80) {
        client_.who.tuple.remote.port = remote;
        for (int i = 0; i < times; ++i) {
            ++client_.who.id;
            now_ += apart_;
            connected(client_.who, took, now_);
        }
    }
    /// They end; of each the shortest round trip is known.
    void ends(int times, Nanoseconds took, Nanoseconds round_trip) {
        EndedLine ended = client_;
        ended.states = {{SYN_SENT, took}, {ESTABLISHED, 1s}};
        ended.numbers.rtt_min_us = static_cast<std::uint32_t>(round_trip / 1us);
        end(ended, times);
    }
    std::string what() {
        const report::Finding* f = found("connects_delayed");
        return f == nullptr ? "" : std::string(f->what);
    }
    report::Severity severity() { return found("connects_delayed")->severity; }

    EndedLine client_ = client_end(ClosedFirst::local, Ending::fin);
    Nanoseconds apart_ = 1s; ///< one connect after the other
    Nanoseconds now_ = 10s;
};

TEST_F(LateConnects, of_all_connects_the_second_syn_is_answered) {
    connects(4, 1019ms);
    EXPECT_THAT(ids(), IsEmpty()) << "four may be chance";
    connects(1, 1024ms);
    EXPECT_EQ(what(),
              "5 of 5 connects to 10.0.0.1:80, those of app (pid 100), were answered only when the "
              "SYN had been sent again, after 1.0 s: the first SYN, or its answer, is lost "
              "each time, and the second gets through.");
    EXPECT_EQ(severity(), report::Severity::warning);
    const report::Finding* f = found("connects_delayed");
    EXPECT_EQ(evidence(*f, "count"), 5);
    EXPECT_EQ(evidence(*f, "all"), 5);
    EXPECT_EQ(std::get<Nanoseconds>(fact(f->evidence, "shortest_ns")), 1019ms);
    EXPECT_EQ(std::get<Nanoseconds>(fact(f->evidence, "longest_ns")), 1024ms);
    EXPECT_EQ(evidence(*f, "prompt_since"), 0);
    EXPECT_THAT(advice(*f), HasSubstr("net.ipv4.tcp_ecn"));
    EXPECT_THAT(advice(*f), HasSubstr("tcpdump"));
}

TEST_F(LateConnects, of_some_it_is_another_matter) {
    connects(5, 1ms);
    connects(4, 1010ms);
    connects(1, 3050ms);
    EXPECT_EQ(what(),
              "5 of 10 connects to 10.0.0.1:80, those of app (pid 100), were answered only when "
              "the SYN had been sent again, after 1.0 s to 3.0 s: SYNs, or the answers to "
              "them, are lost on the way, or the listener drops them.");
    EXPECT_EQ(severity(), report::Severity::warning) << "of half of them";
    EXPECT_THAT(advice(*found("connects_delayed")), Not(HasSubstr("tcp_ecn")));
    connects(1, 1ms);
    EXPECT_EQ(severity(), report::Severity::info) << "of fewer";
}

TEST_F(LateConnects, a_few_of_many_are_no_finding) {
    connects(45, 1ms);
    connects(5, 1s);
    EXPECT_EQ(severity(), report::Severity::info) << "a tenth";
    begin_anew();
    connects(46, 1ms);
    connects(5, 1s);
    EXPECT_THAT(ids(), IsEmpty());
}

TEST_F(LateConnects, each_endpoint_by_itself) {
    connects(4, 1s);
    connects(4, 1s, 81);
    EXPECT_THAT(ids(), IsEmpty());
    connects(1, 1s, 81);
    EXPECT_THAT(what(), HasSubstr("to 10.0.0.1:81,"));
}

TEST_F(LateConnects, what_is_less_than_a_second_is_no_second_syn) {
    connects(5, 949ms);
    EXPECT_THAT(ids(), IsEmpty());
    connects(5, 950ms);
    EXPECT_FALSE(what().empty());
}

TEST_F(LateConnects, over_when_as_many_were_answered_at_once_since) {
    connects(6, 1s);
    connects(5, 1ms);
    EXPECT_EQ(severity(), report::Severity::warning);
    connects(1, 1ms);
    EXPECT_EQ(severity(), report::Severity::info);
    EXPECT_THAT(what(), EndsWith(" It is over: 6 since then were answered at once."));
    connects(1, 1s);
    EXPECT_EQ(severity(), report::Severity::warning) << "it isn't";
    EXPECT_EQ(evidence(*found("connects_delayed"), "prompt_since"), 0);
}

TEST_F(LateConnects, of_one_moment_may_be_of_a_short_outage) {
    apart_ = 749ms;
    connects(5, 1s);
    EXPECT_EQ(severity(), report::Severity::info);
    EXPECT_EQ(what(),
              "5 of 5 connects to 10.0.0.1:80, those of app (pid 100), were answered only "
              "when the SYN had been sent again, after 1.0 s, all within 3.0 s: SYNs, or "
              "the answers to them, were lost then: in a short outage, or because they were "
              "too many at once for the way or the listener.");
    EXPECT_THAT(advice(*found("connects_delayed")), Not(HasSubstr("tcp_ecn")));
    begin_anew();
    apart_ = 750ms;
    connects(5, 1s);
    EXPECT_EQ(severity(), report::Severity::warning);
}

TEST_F(LateConnects, a_round_trip_of_more_than_a_second_loses_nothing) {
    connects(6, 1300ms);
    EXPECT_FALSE(what().empty()) << "not known yet";
    ends(1, 1300ms, 1299ms);
    EXPECT_THAT(ids(), IsEmpty());
    ends(2, 1300ms, 300ms);
    EXPECT_FALSE(what().empty()) << "of most it isn't so";
}

TEST_F(LateConnects, are_forgotten_with_their_interval) {
    connects(5, 1s);
    begin_anew();
    EXPECT_THAT(ids(), IsEmpty());
}

TEST_F(LateConnects, name_all_programs) {
    connects(3, 1s);
    client_.who.process = process(200, "other");
    connects(3, 1s);
    EXPECT_THAT(what(), HasSubstr("those of app (pid 100), other (pid 200), were"));
}

} // namespace
} // namespace tcpdwell::test
