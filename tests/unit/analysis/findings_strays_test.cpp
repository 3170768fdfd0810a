// SPDX-License-Identifier: Apache-2.0
// The finding on segments of connections that this host doesn't know.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/report_maker.h"
#include "ended_line.h"
#include "report_access.h"

namespace tcpdwell::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::uint32_t kOther = kNetns + 1;

/// As the end would have it that isn't there: the other one of `client_end()`.
tcp::FourTuple unknown_tuple(tcp::Port client_port, const char* client = "10.0.0.2") {
    return tuple("10.0.0.1", 80, client, client_port);
}

class StrayFindings : public testing::Test, private track::TrackerListener {
protected:
    void reset(const tcp::FourTuple& tuple, Nanoseconds when = 2s, std::uint32_t netns = kOther) {
        maker_.on_stray_reset({at(when), netns, tuple, TD_REASON_NO_SOCKET, 0});
    }
    void end(EndedLine ended, tcp::Port client_port, Nanoseconds closed = 2s) {
        ended.who.id = 0xabc00u + client_port;
        auto& port = ended.who.role == tcp::Role::server ? ended.who.tuple.remote.port
                                                         : ended.who.tuple.local.port;
        port = client_port;
        ended.line.closed = at(closed);
        maker_.on_move({at(1s), &ended.who, std::nullopt, ESTABLISHED, true});
        maker_.on_move({at(closed), &ended.who, ESTABLISHED, std::nullopt});
        maker_.on_connection(ended.get());
    }
    std::vector<std::string_view> ids() {
        std::vector<std::string_view> found;
        for (const report::Finding& each : findings().list) found.push_back(each.id);
        return found;
    }
    const report::Finding& only() {
        EXPECT_THAT(ids(), ElementsAre("stray_resets"));
        return findings().list.at(0);
    }

    const report::Findings& findings() {
        const analysis::HostFacts host;
        report_ = maker_.make(tracker_, {}, host, synth::kTestClock, {}, at(10s));
        return section<report::Findings>(report_, "findings");
    }

    analysis::ReportMaker maker_{{}, at(0s)};

private:
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine&) override {}
    void on_lost(const track::LostLine&) override {}

    track::Tracker tracker_{*this, {}};
    report::Report report_;
};

const EndedLine kResetThere =
    client_end(ClosedFirst::remote, Ending::reset_received).carried(100, 100);
const EndedLine kServed =
    served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
        .carried(100, 100)
        .accepted();

TEST_F(StrayFindings, connections_that_nobody_here_knows_from_five_on) {
    for (tcp::Port port = 1000; port < 1004; ++port) {
        reset(unknown_tuple(port));
        reset(unknown_tuple(port), 3s); // again: no other connection
    }
    EXPECT_THAT(ids(), IsEmpty());
    reset(unknown_tuple(1004, "10.0.0.9"), 4s);
    const report::Finding& finding = only();
    EXPECT_EQ(finding.severity, report::Severity::info); // what it means for the others isn't seen
    EXPECT_EQ(evidence(finding, "count"), 5);
    EXPECT_EQ(evidence(finding, "resets"), 9);
    EXPECT_EQ(evidence(finding, "ended"), 0);
    EXPECT_THAT(std::string(finding.what),
                HasSubstr("from several hosts came to 10.0.0.1:80 within 2.0 s"));
    EXPECT_THAT(advice(finding), HasSubstr("The connection is elsewhere, or ended here before"));
    EXPECT_THAT(advice(finding), Not(HasSubstr("nf_conntrack_tcp_be_liberal")));
    maker_.next_interval(at(10s));
    EXPECT_THAT(ids(), IsEmpty());
}

TEST_F(StrayFindings, what_took_a_second_has_a_duration) {
    for (tcp::Port port = 1000; port < 1004; ++port) reset(unknown_tuple(port));
    reset(unknown_tuple(1004), 3s);
    EXPECT_THAT(std::string(only().what), HasSubstr("came to 10.0.0.1:80 within 1.0 s, and"));
}

TEST_F(StrayFindings, what_came_within_a_second_came_at_once) {
    for (tcp::Port port = 1000; port < 1004; ++port) reset(unknown_tuple(port));
    reset(unknown_tuple(1004), 3s - 1ns);
    EXPECT_EQ(only().what, "Segments of 5 connections from 10.0.0.2 (several ports) came to "
                           "10.0.0.1:80, and no socket there knows them: 5 RSTs answered them.");
    reset(unknown_tuple(1004), 3s);
    EXPECT_THAT(std::string(only().what), HasSubstr("came to 10.0.0.1:80 within 1.0 s, and"));
}

TEST_F(StrayFindings, services_are_apart) {
    for (tcp::Port port = 1000; port < 1004; ++port) {
        reset(unknown_tuple(port));
        reset(tuple("10.0.0.1", 81, "10.0.0.2", port));
        reset(unknown_tuple(port), 2s, kNetns);
    }
    EXPECT_THAT(ids(), IsEmpty());
}

TEST_F(StrayFindings, none_of_connections_that_have_ended_here) {
    for (tcp::Port port = 1000; port < 1010; ++port) {
        if (port % 2 == 0) reset(unknown_tuple(port), 2s + 1ms, kNetns); // its line comes later
        end(kServed, port);
        if (port % 2 != 0) reset(unknown_tuple(port), 2s + 1ms, kNetns);
    }
    EXPECT_THAT(ids(), ElementsAre("connections_reset"));
}

TEST_F(StrayFindings, but_of_one_that_timed_out_here_and_lives_there) {
    reset(unknown_tuple(1000), 2s + 1ms, kNetns);
    end(served_end(ClosedFirst::local, Ending::timed_out, EndingDetail::retransmission)
            .carried(5, 5)
            .accepted(),
        1000);
    end(kResetThere, 1000);
    EXPECT_THAT(ids(), ElementsAre("peers_gone", "stray_resets"));
}

TEST_F(StrayFindings, but_of_one_that_began_later) {
    for (tcp::Port port = 1000; port < 1005; ++port) reset(unknown_tuple(port), 500ms, kNetns);
    for (tcp::Port port = 1000; port < 1005; ++port)
        end(served_end(ClosedFirst::remote, Ending::fin).carried(5, 5).accepted(), port);
    EXPECT_EQ(evidence(only(), "count"), 5);
}

TEST_F(StrayFindings, one_whose_other_end_died_of_it) {
    reset(unknown_tuple(1000));
    end(kResetThere, 1000);
    const report::Finding& finding = only();
    EXPECT_EQ(finding.severity, report::Severity::warning);
    EXPECT_EQ(evidence(finding, "ended"), 1);
    ASSERT_EQ(finding.connections.size(), 1u);
    EXPECT_EQ(finding.connections[0].value, 0xabc00u + 1000);
    EXPECT_THAT(std::string(finding.what), HasSubstr("1 connection of app (pid 100)"));
}

TEST_F(StrayFindings, is_the_only_one_on_them) {
    for (tcp::Port port = 1000; port < 1010; ++port) {
        reset(unknown_tuple(port));
        end(kResetThere, port);
    }
    EXPECT_EQ(evidence(only(), "ended"), 10);
}

TEST_F(StrayFindings, ends_of_several_processes_are_of_their_name_if_they_have_one) {
    EndedLine other = kResetThere;
    other.who.process = process(101, "app");
    reset(unknown_tuple(1000));
    end(kResetThere, 1000);
    reset(unknown_tuple(1001));
    end(other, 1001);
    EXPECT_THAT(std::string(only().what), HasSubstr("2 connections of app on this host ended"));
}

TEST_F(StrayFindings, ends_of_several_programs_are_of_none) {
    EndedLine other = kResetThere;
    other.who.process = process(100, "other");
    reset(unknown_tuple(1000));
    end(kResetThere, 1000);
    reset(unknown_tuple(1001));
    end(other, 1001);
    reset(unknown_tuple(1002));
    end(kResetThere, 1002);
    EXPECT_THAT(std::string(only().what), HasSubstr("3 connections on this host ended by that"));
}

TEST_F(StrayFindings, an_end_that_went_without_a_word_is_not_known_any_more) {
    end(served_end(ClosedFirst::local, Ending::dropped_silently, EndingDetail::repair)
            .carried(5, 5)
            .accepted(),
        1000, 1500ms);
    reset(unknown_tuple(1000), 2s, kNetns);
    end(kResetThere, 1000);
    EXPECT_EQ(evidence(only(), "ended"), 1);
}

TEST_F(StrayFindings, not_of_one_that_ended_at_another_time_or_otherwise) {
    reset(unknown_tuple(1000));
    end(kResetThere, 1000, 7s + 1ns);
    reset(unknown_tuple(1001));
    end(client_end(ClosedFirst::local, Ending::fin).carried(5, 5), 1001);
    reset(unknown_tuple(1002), 8s);
    end(kResetThere, 1002, 2s);
    EXPECT_THAT(ids(), IsEmpty());
}

TEST_F(StrayFindings, loopback_addresses_are_those_of_a_namespace) {
    EndedLine local = kResetThere;
    local.who.tuple = tuple("127.0.0.1", 1000, "127.0.0.1", 80);
    reset(tuple("127.0.0.1", 80, "127.0.0.1", 1000));
    end(local, 1000);
    EXPECT_THAT(ids(), IsEmpty());
    reset(tuple("127.0.0.1", 80, "127.0.0.1", 1001), 2s, kNetns);
    end(local, 1001);
    EXPECT_EQ(evidence(only(), "ended"), 1);
}

/// A client here is connected to an address that is translated; the answers come untranslated.
class TranslatedStrays : public StrayFindings {
protected:
    static constexpr const char* kVirtual = "10.96.0.1";
    static EndedLine client_of_virtual() {
        EndedLine client = kResetThere;
        client.who.netns = kOther;
        client.who.tuple = tuple("10.0.0.2", 1000, kVirtual, 80);
        return client;
    }
    void answer_of_the_server(Nanoseconds when = 2s) {
        reset(tuple("10.0.0.2", 1000, "10.0.0.9", 8080), when);
    }
};

TEST_F(TranslatedStrays, name_the_client_and_explain_its_end) {
    answer_of_the_server();
    end(client_of_virtual(), 1000, 3s);
    const report::Finding& finding = only();
    EXPECT_EQ(finding.severity, report::Severity::warning);
    EXPECT_EQ(evidence(finding, "translated"), 1);
    EXPECT_EQ(evidence(finding, "ended"), 0);
    EXPECT_EQ(std::get<std::string_view>(fact(finding.evidence, "translated_from")),
              "10.96.0.1:80");
    EXPECT_THAT(std::string(finding.what), HasSubstr("knows it: 1 RST answered it."));
    EXPECT_THAT(std::string(finding.what),
                HasSubstr("is that of app (pid 100), which is connected to 10.96.0.1:80"));
    ASSERT_EQ(finding.connections.size(), 1u);
    EXPECT_THAT(advice(finding), HasSubstr("nf_conntrack_tcp_be_liberal"));
    EXPECT_THAT(advice(finding), Not(HasSubstr("The connection is elsewhere")));
}

TEST_F(TranslatedStrays, explain_no_end_of_another_port) {
    reset(tuple("10.0.0.2", 1001, "10.0.0.9", 8080));
    end(client_of_virtual(), 1000, 3s);
    EXPECT_THAT(ids(), IsEmpty());
}

TEST_F(TranslatedStrays, are_why_other_clients_of_that_service_time_out) {
    answer_of_the_server();
    end(client_of_virtual(), 1000, 3s);
    EndedLine gone = client_end(ClosedFirst::none, Ending::timed_out, EndingDetail::retransmission);
    gone.who.netns = kOther;
    gone.who.tuple = tuple("10.0.0.2", 1001, kVirtual, 80);
    end(gone, 1001, 4s);
    EXPECT_THAT(ids(), ElementsAre("stray_resets", "peers_gone"));
    const report::Finding& consequence = findings().list.at(1);
    ASSERT_TRUE(consequence.because);
    EXPECT_EQ(consequence.because->id, "stray_resets");
}

TEST_F(TranslatedStrays, several_are_explained) {
    for (tcp::Port port = 1000; port < 1010; ++port) {
        reset(tuple("10.0.0.2", port, "10.0.0.9", 8080));
        end(client_of_virtual(), port, 3s);
    }
    EXPECT_EQ(evidence(only(), "translated"), 10);
    EXPECT_THAT(std::string(only().what),
                HasSubstr(" 10 of the ports are those of app (pid 100), which is connected to"));
}

TEST_F(TranslatedStrays, not_where_the_port_was_opened_later_or_elsewhere) {
    answer_of_the_server(500ms); // opened at 1 s
    end(client_of_virtual(), 1000, 3s);
    EXPECT_THAT(ids(), IsEmpty());
    answer_of_the_server(3s + 1ns);
    end(client_of_virtual(), 1000, 3s);
    EXPECT_THAT(ids(), IsEmpty());
}

TEST_F(TranslatedStrays, not_in_another_namespace_nor_of_a_server) {
    EndedLine elsewhere = client_of_virtual();
    elsewhere.who.netns = kNetns;
    answer_of_the_server();
    end(elsewhere, 1000, 3s);
    EXPECT_THAT(ids(), IsEmpty());
}

TEST_F(StrayFindings, what_a_recording_claims_takes_no_more_memory_than_that) {
    const auto most = analysis::UnknownConnections::kMostConnections;
    for (std::size_t i = 0; i < most + 10; ++i)
        reset(unknown_tuple(static_cast<tcp::Port>(1000 + i)));
    EXPECT_EQ(evidence(only(), "count"), static_cast<std::int64_t>(most));
}

/// No connection is unknown here, but one that its program had given up.
TEST_F(StrayFindings, answers_to_connects_that_were_given_up) {
    EndedLine given_up =
        client_end(ClosedFirst::none, Ending::connect_failed, EndingDetail::given_up);
    given_up.numbers.segments_sent = 1;
    const auto syn_ack = [&](tcp::Port port) {
        reset(tuple("10.0.0.2", port, "10.0.0.1", 80), 2100ms, kNetns);
    };
    for (tcp::Port port = 50'000; port < 50'006; ++port) end(given_up, port);
    for (tcp::Port port = 50'000; port < 50'003; ++port) syn_ack(port);
    EXPECT_THAT(ids(), ElementsAre("connects_unanswered"));
    EXPECT_EQ(findings().list.at(0).what, "6 connects of app to 10.0.0.1:80 got no answer.");
    syn_ack(50'003);
    const report::Finding& f = findings().list.at(0);
    EXPECT_EQ(f.what, "6 connects of app to 10.0.0.1:80 were given up before the answer came: to 4 "
                      "of them it came after that.");
    EXPECT_EQ(evidence(f, "answered_late"), 4);
    EXPECT_THAT(std::string(f.advice.at(0)), HasSubstr("The server answers"));
    EXPECT_EQ(f.advice.size(), 1u);
}

TEST_F(StrayFindings, beyond_so_many_they_are_at_least_so_many) {
    constexpr auto kMost = analysis::UnknownConnections::kMostConnections;
    for (std::size_t i = 0; i < kMost; ++i) reset(unknown_tuple(static_cast<tcp::Port>(1000 + i)));
    EXPECT_THAT(std::string(only().what), testing::StartsWith("Segments of 10000 connections"));
    reset(unknown_tuple(static_cast<tcp::Port>(1000 + kMost)));
    EXPECT_THAT(std::string(only().what),
                testing::StartsWith("Segments of at least 10000 connections"));
    EXPECT_THAT(std::string(only().what), HasSubstr("at least 10000 RSTs answered them."));
    maker_.next_interval(at(20s));
    for (tcp::Port port = 1000; port < 1005; ++port) reset(unknown_tuple(port));
    EXPECT_THAT(std::string(only().what), testing::StartsWith("Segments of 5 connections"));
}

} // namespace
} // namespace tcpdwell::test
