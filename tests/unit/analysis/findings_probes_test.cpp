// SPDX-License-Identifier: Apache-2.0
// Resets by probes and checks, which are no fault, and their neighbours, which may be one.
#include "cause_findings.h"

namespace tcpdwell::test {
namespace {

class ProbeFindings : public CauseFindings {
protected:
    report::Severity severity() {
        const report::Finding* f = found("connections_reset");
        EXPECT_TRUE(f);
        return f ? f->severity : report::Severity::critical;
    }
    std::string said() { return std::string(found("connections_reset")->what); }
    std::string advised() { return std::string(found("connections_reset")->advice.front()); }
};

const EndedLine kProbe =
    client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
        .established(1ms);
const EndedLine kProbed =
    served_end(ClosedFirst::remote, Ending::reset_received).established(1ms).carried(11, 0);
const EndedLine kChecked =
    served_end(ClosedFirst::remote, Ending::reset_received).established(1ms).carried(7, 6);
const EndedLine kServedWell = served_end(ClosedFirst::remote, Ending::fin).carried(5, 5).accepted();

TEST_F(ProbeFindings, whoever_probes_has_not_given_up_waiting) {
    end(kProbe, 6);
    EXPECT_EQ(ids(), std::vector<std::string_view>{"connections_reset"});
    EXPECT_EQ(severity(), report::Severity::info);
    EXPECT_THAT(said(), HasSubstr("within moments of connecting, having sent nothing"));
    EXPECT_THAT(advised(), HasSubstr("nothing is lost"));
    begin_anew();
    keeps_ports_ = true; // all at the same time
    end(kProbe, 6);
    EXPECT_EQ(severity(), report::Severity::warning);
    EXPECT_THAT(advised(), HasSubstr("it waited for nothing"));
}

TEST_F(ProbeFindings, a_server_that_serves_others_is_probed) {
    end(kProbed, 6);
    EXPECT_EQ(severity(), report::Severity::warning) << "nobody else shows that it works";
    EXPECT_THAT(advised(), HasSubstr("probes of the port"));
    end(kServedWell);
    EXPECT_EQ(severity(), report::Severity::info);
    EXPECT_THAT(said(), HasSubstr("6 of 7 connections"));
}

TEST_F(ProbeFindings, checks_send_the_same_each_time) {
    end(kChecked, 6);
    EXPECT_EQ(severity(), report::Severity::info);
    EXPECT_THAT(said(), HasSubstr("The requests were all of the same size."));
    end(EndedLine(kChecked).carried(7, 5));
    EXPECT_EQ(severity(), report::Severity::warning);
    EXPECT_THAT(advised(), HasSubstr("as soon as they were answered"));
}

TEST_F(ProbeFindings, checks_hide_no_other_resets) {
    end(kChecked, 6);
    end(served_end(ClosedFirst::remote, Ending::reset_received).carried(5, 5), 6);
    const auto& all = section<report::Findings>(report(), "findings").list;
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].severity, report::Severity::warning);
    EXPECT_THAT(std::string(all[0].what), HasSubstr("6 of 12 connections"));
    EXPECT_EQ(all[1].severity, report::Severity::info);
}

/// Both ends here: a probe counts once.
TEST_F(ProbeFindings, count_for_the_program_that_probes) {
    keeps_ports_ = true;
    for (int i = 0; i < 8; ++i) {
        EndedLine server = EndedLine(kProbed).stays(CLOSE_WAIT, 1ms);
        EndedLine client = kProbe;
        server.who.tuple.remote.port = client.who.tuple.local.port =
            static_cast<tcp::Port>(30'000 + i);
        server.line.closed = client.line.closed = at(2s + i * 100ms);
        end(i % 2 == 0 ? client : server);
        end(i % 2 == 0 ? server : client);
    }
    EXPECT_EQ(ids(), std::vector<std::string_view>{"connections_reset"});
    EXPECT_EQ(severity(), report::Severity::info);
    EXPECT_THAT(said(), HasSubstr("8 of 8 connections of app (pid 100) to 10.0.0.1:80 were closed "
                                  "by it within moments of"));
}

TEST_F(ProbeFindings, of_a_received_reset_it_is_not_said_who_sent_it) {
    end(client_end(ClosedFirst::remote, Ending::reset_received).carried(5, 5), 6);
    EXPECT_THAT(advised(), HasSubstr("it can't be seen who resets"));
    EXPECT_FALSE(has_fact(found("connections_reset")->evidence, "open_there"));
}

/// A SYN-ACK that comes when the client has given up: neither a flood nor a path that loses.
TEST_F(ProbeFindings, handshakes_that_clients_gave_up) {
    EndedLine late =
        served_end(ClosedFirst::none, Ending::handshake_failed, EndingDetail::reset_received);
    late.states = {{SYN_RECV, 300ms}};
    end(late, 21);
    EXPECT_EQ(ids(), std::vector<std::string_view>{"handshakes_failing"});
    EXPECT_EQ(evidence(*found("handshakes_failing"), "reset_by_client"), 21);
    EXPECT_THAT(advice(*found("handshakes_failing")), HasSubstr("had given up"));
    EXPECT_THAT(advice(*found("handshakes_failing")), Not(HasSubstr("flood")));
    late.line.detail = EndingDetail::timeout;
    end(late, 22);
    EXPECT_THAT(advice(*found("handshakes_failing")), HasSubstr("flood"));
}

/// Within a round trip, before the SYN-ACK comes.
TEST_F(ProbeFindings, a_client_that_gives_up_looks_like_a_check) {
    EndedLine soon =
        served_end(ClosedFirst::none, Ending::handshake_failed, EndingDetail::reset_received);
    soon.states = {{SYN_RECV, 1ms}};
    end(soon, 6);
    EXPECT_EQ(ids(), std::vector<std::string_view>{"half_open_checks"});
    EXPECT_THAT(advice(*found("half_open_checks")), HasSubstr("looks the same from here"));
    begin_anew();
    end(served_end(ClosedFirst::remote, Ending::reset_received), 6); // completed
    EXPECT_THAT(advice(*found("half_open_checks")), Not(HasSubstr("looks the same from here")));
}

} // namespace
} // namespace tcpdwell::test
