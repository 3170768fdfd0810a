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
                                    "app (pid 100) closed them as the listening socket was "
                                    "closed, all within 80 ms.");
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

class CutShort : public Stops {
protected:
    static EndedLine killed() {
        return served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
            .carried(0, 152, 8)
            .idle(2380, 2380)
            .closed_how(tcp::ClosedHow::signal, 15);
    }
};

TEST_F(CutShort, a_worker_that_is_killed_at_work_while_others_are_served) {
    listener(kHere, 0s, true);
    end(served_end(ClosedFirst::remote, Ending::fin).carried(72, 152), 4);
    end(killed(), 2);
    EXPECT_THAT(said("process_died"),
                HasSubstr("died (signal 15), all within 20 ms; on each a request had waited for "
                          "its answer for 2.4 s, and the listening socket is still there."));
    EXPECT_EQ(found("process_died")->severity, report::Severity::warning);
    EXPECT_THAT(advice(*found("process_died")), HasSubstr("request_terminate_timeout"));
    EXPECT_EQ(evidence(*found("process_died"), "unanswered"), 2);
}

TEST_F(CutShort, not_where_the_service_ends_or_nothing_was_read_or_nobody_is_answered) {
    const auto severity = [this](const EndedLine& line, bool listens, bool answers) {
        begin_anew();
        listener(kHere, 0s, true);
        if (answers) end(served_end(ClosedFirst::remote, Ending::fin).carried(72, 152), 4);
        end(line, 2);
        if (!listens) listener(kHere, 3s, false);
        const report::Severity how = found("process_died")->severity;
        if (listens) listener(kHere, 3s, false);
        return how;
    };
    EXPECT_EQ(severity(killed(), true, true), report::Severity::warning);
    EXPECT_EQ(severity(killed(), false, true), report::Severity::info);
    EXPECT_EQ(severity(killed(), true, false), report::Severity::info);
    EXPECT_EQ(severity(killed().carried(0, 8, 8), true, true), report::Severity::info);
    EXPECT_EQ(severity(killed().carried(100, 12), true, true), report::Severity::info);
}

TEST_F(Stops, a_process_that_serves_and_connects_dies_once) {
    const auto dies = [](EndedLine line, std::uint32_t pid) {
        line.who.process = process(pid, "proxy");
        return line.carried(5, 5).closed_how(tcp::ClosedHow::signal, 9);
    };
    const EndedLine upstream = client_end(ClosedFirst::local, Ending::fin);
    end(dies(served_end(ClosedFirst::local, Ending::fin), 7), 3);
    end(dies(upstream, 7), 2);
    EXPECT_EQ(ids(), std::vector<std::string_view>{"process_died"});
    EXPECT_THAT(said("process_died"), HasSubstr("3 connections of proxy (pid 7) on 10.0.0.1:80"));
    EXPECT_THAT(said("process_died"), HasSubstr("; so did 2 connections to 10.0.0.1:80."));
    EXPECT_EQ(evidence(*found("process_died"), "count"), 3);
    end(dies(upstream, 8)); // another one dies, too
    EXPECT_EQ(ids().size(), 2u);
}

} // namespace
} // namespace tcpdwell::test
