// SPDX-License-Identifier: Apache-2.0
// The finding on connects that are refused.
#include "cause_findings.h"

namespace tcpdwell::test {
namespace {

class Refused : public CauseFindings {
protected:
    static constexpr std::uint32_t kOther = kNetns + 1;
    const tcp::Endpoint kHere{address("10.0.0.1"), 80};

    std::string_view said(std::string_view id) {
        const report::Finding* f = found(id);
        return f ? std::string_view(f->what) : std::string_view();
    }
    /// From 2.02 s to 2.12 s, by a host of its own.
    void refused(std::string_view client = "10.0.0.1") {
        EndedLine line = client_end(ClosedFirst::none, Ending::refused);
        line.who.tuple.local.address = address(client);
        end(line, 6);
    }
};

TEST_F(Refused, by_another_host_whatever_listens_here) {
    const tcp::Endpoint all{address("0.0.0.0"), 80};
    listener(all, 0s, true);
    listener(all, 2s, false);
    refused("10.0.0.2");
    EXPECT_THAT(said("connects_refused"),
                HasSubstr(": nobody listens there, or a firewall rejects them."));
    EXPECT_EQ(found("connects_refused")->severity, report::Severity::warning);
}

TEST_F(Refused, where_nothing_is_known_of_a_listener) {
    refused();
    EXPECT_THAT(said("connects_refused"),
                HasSubstr(": nobody listens there, or a firewall rejects them."));
}

TEST_F(Refused, since_a_socket_was_closed) {
    listener(kHere, 0s, true, 7);
    listener(kHere, 2s, false, 7);
    refused();
    EXPECT_THAT(said("connects_refused"),
                HasSubstr(": nobody listened there since the socket of app (pid 7) was closed, "
                          "20 ms before the first of them, and nobody does now."));
    EXPECT_THAT(advice(*found("connects_refused")), HasSubstr("Start the service again"));
    listener(kHere, 3s, true, 8);
    EXPECT_THAT(said("connects_refused"),
                HasSubstr("before the first of them; app (pid 8) has done so again since 880 ms "
                          "after the last."));
    EXPECT_EQ(found("connects_refused")->severity, report::Severity::info) << "within a second";
    EXPECT_THAT(advice(*found("connects_refused")), HasSubstr("was started again"));
}

TEST_F(Refused, during_a_restart_that_takes_more_than_a_second) {
    listener(kHere, 0s, true);
    listener(kHere, 2s, false);
    refused();
    listener(kHere, 3s + 1ns, true);
    EXPECT_EQ(found("connects_refused")->severity, report::Severity::warning);
}

TEST_F(Refused, while_others_are_answered) {
    EndedLine line = client_end(ClosedFirst::none, Ending::refused);
    end(line);
    EndedLine well = client_end(ClosedFirst::local, Ending::fin).carried(5, 5);
    answered(well, 2030ms);
    end(line, 5);
    EXPECT_THAT(said("connects_refused"), HasSubstr(": others were answered meanwhile, so a "
                                                    "firewall or a limit rejects some, or nobody "
                                                    "listens there at times."));
}

TEST_F(Refused, until_somebody_listens) {
    refused();
    listener(kHere, 3s, true, 8);
    EXPECT_THAT(said("connects_refused"), HasSubstr(": nobody listened there until app (pid 8) "
                                                    "did, 880 ms after the last of them."));
    EXPECT_EQ(found("connects_refused")->severity, report::Severity::info);
}

TEST_F(Refused, while_somebody_listens) {
    listener(kHere, 0s, true, 8);
    refused();
    EXPECT_THAT(said("connects_refused"),
                HasSubstr(": app (pid 8) listens there all the time: a firewall rejects them, or "
                          "address translation leads them elsewhere."));
    EXPECT_THAT(advice(*found("connects_refused")), HasSubstr("The service runs"));
    EXPECT_THAT(advice(*found("connects_refused")), Not(HasSubstr("isn't running")));
    listener(kHere, 2500ms, false); // later, and perhaps others are still refused then
    EXPECT_THAT(said("connects_refused"), HasSubstr("or a firewall rejects them."));
}

/// The RSTs are of a firewall, or of another host that has the address.
TEST_F(Refused, while_somebody_listens_in_another_namespace) {
    listener(kHere, 0s, true, 8, kOther);
    refused("10.0.0.2");
    EXPECT_THAT(said("connects_refused"),
                HasSubstr(": app (pid 8) listens there all the time: a firewall rejects them, or "
                          "another host has that address, or address translation"));
    rsts_sent(0, kOther);
    EXPECT_THAT(said("connects_refused"),
                HasSubstr("all the time, and its kernel has sent no RST: a firewall"));
    listener(kHere, 0s, true, 9, kOther + 1);
    EXPECT_THAT(said("connects_refused"), HasSubstr(": nobody listens there, or a firewall"))
        << "it isn't known which of them is meant";
}

/// A listener on all addresses has those that it was reached at.
TEST_F(Refused, while_a_server_that_was_reached_there_listens) {
    listener({address("0.0.0.0"), 80}, 0s, true, 8, kOther);
    refused("10.0.0.2");
    EXPECT_THAT(said("connects_refused"), HasSubstr(": nobody listens there, or a firewall"));
    EndedLine reached = served_end(ClosedFirst::local, Ending::fin).carried(1, 1);
    reached.who.netns = kOther;
    end(reached);
    EXPECT_THAT(said("connects_refused"), HasSubstr(": app (pid 8) listens there all the time"));
}

TEST_F(Refused, since_a_socket_was_destroyed) {
    listener(kHere, 0s, true, 7, kOther);
    listener(kHere, 2s, false, 7, kOther, process(50, "ss"), tcp::ClosedHow::abort);
    refused("10.0.0.2");
    EXPECT_THAT(
        said("connects_refused"),
        HasSubstr(": nobody listened there since ss (pid 50) ended the socket of app (pid "
                  "7), which hadn't closed it, 20 ms before the first of them, and nobody does "
                  "now."));
    EXPECT_THAT(advice(*found("connects_refused")), HasSubstr("if app (pid 7) still runs"));
}

TEST_F(Refused, since_a_process_closed_its_socket_and_went_on) {
    listener(kHere, 0s, true, 7);
    listener(kHere, 2s, false, 7, kNetns, process(7, "app"), tcp::ClosedHow::close);
    refused();
    EXPECT_THAT(said("connects_refused"),
                HasSubstr("since the socket of app (pid 7) was closed (by close(), not by its "
                          "end), 20 ms before"));
}

/// A NAT rule leads them to a port of their own host.
TEST_F(Refused, by_this_very_host) {
    refused("10.0.0.2");
    rsts_sent(6);
    EXPECT_THAT(said("connects_refused"),
                HasSubstr(": nobody listens there, or a firewall rejects them, or this host "
                          "refuses them itself: its kernel has sent as many RSTs meanwhile (6)."));
    EXPECT_EQ(evidence(*found("connects_refused"), "resets_sent_here"), 6);
    EXPECT_THAT(advice(*found("connects_refused")), HasSubstr("REDIRECT"));
    EXPECT_THAT(advice(*found("connects_refused")), Not(HasSubstr("The host is up")));
    auto reset = served_end(ClosedFirst::local, Ending::reset_sent).carried(1, 1);
    end(reset); // one of these RSTs was for it
    EXPECT_FALSE(has_fact(found("connects_refused")->evidence, "resets_sent_here"));
}

TEST_F(Refused, wherever_to_by_this_very_host) {
    for (int i = 0; i < 6; ++i)
        for (const std::string_view remote : {"10.0.0.8", "10.0.0.9"}) {
            EndedLine line = client_end(ClosedFirst::none, Ending::refused);
            line.who.tuple.local.address = address("10.0.0.2");
            line.who.tuple.remote.address = address(remote);
            end(line);
        }
    const auto count = [&] { return std::ranges::count(ids(), "connects_refused"); };
    EXPECT_EQ(count(), 2) << "two servers may be down";
    rsts_sent(12);
    EXPECT_EQ(count(), 1);
    EXPECT_THAT(said("connects_refused"),
                HasSubstr("12 of 12 connects of app (pid 100) to 2 endpoints (10.0.0.8:80, "
                          "10.0.0.9:80) were refused, all within"));
    EXPECT_EQ(evidence(*found("connects_refused"), "count"), 12);
    EXPECT_EQ(evidence(*found("connects_refused"), "all"), 12);
    EXPECT_EQ(evidence(*found("connects_refused"), "endpoints"), 2);
}

TEST_F(Refused, to_own_addresses_by_whom_else) {
    refused();
    rsts_sent(6);
    EXPECT_FALSE(has_fact(found("connects_refused")->evidence, "resets_sent_here"));
}

TEST_F(Refused, until_they_are_answered_again) {
    refused("10.0.0.2");
    EndedLine well = client_end(ClosedFirst::local, Ending::fin).carried(5, 5);
    answered(well, 4s);
    EXPECT_THAT(said("connects_refused"),
                HasSubstr(": nobody listened there, or a firewall rejected them; connects there "
                          "are answered again since 1.9 s after the last."));
    EXPECT_THAT(advice(*found("connects_refused")), HasSubstr("It is over"));
    EndedLine line = client_end(ClosedFirst::none, Ending::refused);
    line.line.opened = at(5s);
    end(line);
    answered(well, 6s);
    EXPECT_THAT(said("connects_refused"), Not(HasSubstr("answered again"))) << "on and off";
}

TEST_F(Refused, by_a_server_that_ends_again_and_again) {
    for (const Nanoseconds began : {Nanoseconds(0s), Nanoseconds(2050ms)}) {
        listener(kHere, began, true);
        listener(kHere, began + 30ms, false);
    }
    refused();
    EXPECT_THAT(said("connects_refused"),
                HasSubstr(": nobody listens there at times: the listening "
                          "socket was closed 2 times."));
}

TEST_F(Refused, where_the_program_listens_at_another_address) {
    const tcp::Endpoint ipv4{address("127.0.0.1"), 80};
    EndedLine line = client_end(ClosedFirst::none, Ending::refused);
    line.who.tuple = tuple("::1", 50'000, "::1", 80);
    listener(ipv4, 0s, true, 8);
    end(line, 6);
    EXPECT_THAT(said("connects_refused"), HasSubstr(": nobody listens at that address, but app "
                                                    "(pid 8) does on 127.0.0.1:80."));
}

} // namespace
} // namespace tcpdwell::test
