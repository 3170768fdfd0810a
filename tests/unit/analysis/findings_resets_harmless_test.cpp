// SPDX-License-Identifier: Apache-2.0
// Resets by which nothing is lost are no problem, and what is said of them.
#include "cause_findings.h"

namespace tcpdwell::test {
namespace {

class HarmlessResets : public CauseFindings {
protected:
    std::string said() {
        const report::Finding* f = found("connections_reset");
        if (!f) return "nothing";
        EXPECT_EQ(f->severity, report::Severity::info);
        EXPECT_EQ(f->advice.size(), 1u);
        return std::string(f->what);
    }
    std::string advised() { return std::string(found("connections_reset")->advice.front()); }
};

EndedLine says_goodbye(std::uint32_t waited_ms = 0) {
    return client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
        .carried(48, 46)
        .stays(FIN_WAIT1, 10ms)
        .idle(10 + waited_ms, 0);
}
EndedLine leaves_unread(std::uint32_t bytes) {
    return client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
        .carried(684, 2021, bytes)
        .idle(4, 0);
}

TEST_F(HarmlessResets, of_clients_that_do_not_want_the_answer_to_their_last_word) {
    end(says_goodbye(), 5);
    EXPECT_EQ(said(), "5 of 5 connections of app (pid 100) to 10.0.0.1:80 were closed by it within "
                      "moments of its last sending, and an RST answered what came then (5 RSTs "
                      "sent here: data_after_close 5), all within 80 ms.");
    EXPECT_THAT(advised(), Not(HasSubstr("time-out")));
    end(says_goodbye(300));
    EXPECT_THAT(said(), HasSubstr("were closed by it just before something came, and an RST "
                                  "answered what came then"));
}

TEST_F(HarmlessResets, of_clients_that_leave_something_unread) {
    end(leaves_unread(24), 4);
    end(leaves_unread(31));
    EXPECT_EQ(said(), "5 of 5 connections of app (pid 100) to 10.0.0.1:80 were closed by it with "
                      "up to 31 bytes unread, for which close() sends an RST (5 RSTs sent here: "
                      "unread_data 5), all within 80 ms.");
    end(says_goodbye());
    EXPECT_THAT(said(), HasSubstr("6 of 6 connections of app (pid 100) to 10.0.0.1:80 were closed "
                                  "by it with data unread, or just before something came, which "
                                  "an RST answered"));
    EXPECT_THAT(advised(), HasSubstr("close_notify"));
}

TEST_F(HarmlessResets, of_a_proxy_whose_own_clients_leave) {
    end(served_end(ClosedFirst::remote, Ending::fin).carried(5, 5), 5);
    end(leaves_unread(9000), 5);
    EXPECT_THAT(advised(), HasSubstr("serves clients itself"));
}

/// The end of its server shows that the client has reset it.
TEST_F(HarmlessResets, explain_what_the_server_sees_of_them) {
    keeps_ports_ = true;
    for (tcp::Port port = 30'000; port < 30'005; ++port) {
        EndedLine client = leaves_unread(24);
        client.who.tuple.local.port = port;
        end(client);
        EndedLine server =
            served_end(ClosedFirst::remote, Ending::reset_received).carried(2021, 684);
        server.who.tuple.remote.port = port;
        end(server);
    }
    EXPECT_EQ(ids(), std::vector<std::string_view>{"connections_reset"});
    EXPECT_THAT(said(), HasSubstr("with up to 24 bytes unread"));
}

TEST_F(HarmlessResets, of_readers_that_leave_a_stream) {
    EndedLine reader =
        client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(27, 232)
            .established(2s)
            .stays(FIN_WAIT1, 200ms)
            .idle(2200, 0);
    reader.numbers.segments_received = 14;
    end(reader, 5);
    EXPECT_EQ(said(), "5 of 5 connections of app (pid 100) to 10.0.0.1:80 were closed by it while "
                      "data was still coming, after up to 232 bytes, and an RST answered what came "
                      "next (5 RSTs sent here: data_after_close 5), all within 80 ms.");
    EXPECT_THAT(advised(), Not(HasSubstr("gave up")));
}

} // namespace
} // namespace tcpdwell::test
