// SPDX-License-Identifier: Apache-2.0
// Servers that stop.
#include "cause_findings.h"

namespace tcpdwell::test {
namespace {

class Stops : public CauseFindings {
protected:
    const tcp::Endpoint kHere{address("10.0.0.1"), 80};

    static EndedLine met_by_data() {
        return served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(100, 100)
            .idle(500, 400)
            .closed_how(tcp::ClosedHow::close);
    }
    std::string_view said(std::string_view id) {
        const report::Finding* f = found(id);
        return f ? std::string_view(f->what) : std::string_view();
    }
};

TEST_F(Stops, a_server_that_closes_its_listener_too_has_stopped) {
    listener(kHere, 0s, true);
    listener(kHere, 2s, false);
    end(met_by_data(), 6); // from 2.02 s on
    // The first alone could be that of a listening socket for one connection.
    EXPECT_EQ(said("process_died"), "5 connections of app (pid 100) on 10.0.0.1:80 ended because "
                                    "app (pid 100) stopped, and closed the listening socket with "
                                    "them, all within 80 ms.");
    EXPECT_EQ(found("process_died")->severity, report::Severity::warning);
    EXPECT_EQ(evidence(*found("process_died"), "stopped"), 5);
    EXPECT_FALSE(has_fact(found("process_died")->evidence, "signals"));
    EXPECT_FALSE(found("idle_close_race"));
}

TEST_F(Stops, who_listens_on_has_not_stopped) {
    listener(kHere, 0s, true);
    end(met_by_data(), 6);
    EXPECT_FALSE(found("process_died"));
    EXPECT_TRUE(found("idle_close_race"));
}

TEST_F(Stops, what_was_closed_more_than_a_second_from_the_end_of_the_listener_was_not_by_it) {
    const auto closed_at = [this](Nanoseconds when) {
        begin_anew();
        keeps_ports_ = true;
        EndedLine line = met_by_data();
        for (tcp::Port port = 1; port <= 6; ++port) {
            line.who.tuple.remote.port = port;
            line.line.closed = at(when);
            end(line);
        }
        return found("process_died") != nullptr;
    };
    listener(kHere, 0s, true);
    listener(kHere, 4s, false);
    EXPECT_FALSE(closed_at(3s - 1ns));
    EXPECT_TRUE(closed_at(3s));
    EXPECT_TRUE(closed_at(5s));
    EXPECT_FALSE(closed_at(5s + 1ns));
    EndedLine young = met_by_data();
    young.line.opened = at(4s + 1ns);
    young.line.closed = at(5s);
    begin_anew();
    for (tcp::Port port = 1; port <= 6; ++port) {
        young.who.tuple.remote.port = port;
        end(young);
    }
    EXPECT_FALSE(found("process_died")) << "it is of the next server";
}

} // namespace
} // namespace tcpdwell::test
