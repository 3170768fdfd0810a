// SPDX-License-Identifier: Apache-2.0
// What connections_reset says first: the cause.
#include "cause_findings.h"

namespace tcpdwell::test {
namespace {

class ResetCauses : public CauseFindings {
protected:
    std::string said() {
        const report::Finding* f = found("connections_reset");
        return f ? std::string(f->what) : "nothing";
    }
};

EndedLine closed_by_server(EndingDetail detail) {
    return served_end(ClosedFirst::local, Ending::reset_sent, detail).carried(0, 5);
}

TEST_F(ResetCauses, the_cause_comes_first) {
    const auto gives_up = [](EndingDetail detail, std::uint64_t received) {
        return client_end(ClosedFirst::local, Ending::reset_sent, detail)
            .carried(5, received)
            .idle(2000, 0);
    };
    struct Case {
        EndedLine ended;
        const char* what;
    };
    const Case cases[] = {
        {gives_up(EndingDetail::data_after_close, 0),
         "5 of 5 connections of app (pid 100) to 10.0.0.1:80 were closed by it before the answers "
         "came: it gave up waiting after 2.0 s (5 RSTs sent here: data_after_close 5), all within "
         "80 ms."},
        {gives_up(EndingDetail::data_after_close, 9),
         "were closed by it before the answers, or the rest of them, came: it gave up waiting "
         "after 2.0 s"},
        {gives_up(EndingDetail::data_after_close, 0).idle(90, 0),
         "were closed by it before the answers came (5 RSTs"},
        {gives_up(EndingDetail::so_linger_zero, 0),
         "to 10.0.0.1:80 were closed by it with SO_LINGER 0: it gave up waiting after 2.0 s (5 "
         "RSTs sent here: so_linger_zero 5)"},
        {gives_up(EndingDetail::so_linger_zero, 9).established(3s),
         "were closed by it 2.0 s after it had last sent something, with SO_LINGER 0 (5 RSTs"},
        {closed_by_server(EndingDetail::so_linger_zero),
         "on 10.0.0.1:80 were closed by it with SO_LINGER 0, by which close() sends an RST (5 "
         "RSTs"},
        {closed_by_server(EndingDetail::data_after_close),
         "were closed by it while the clients were still sending (5 RSTs"},
        {closed_by_server(EndingDetail::data_after_close).idle(1000, 0),
         "were closed by it after 1.0 s without having sent anything, and the clients sent more "
         "after that (5 RSTs"},
        {client_end(ClosedFirst::remote, Ending::reset_received)
             .carried(10, 0)
             .stays(CLOSE_WAIT, 500ms)
             .idle(0, 500),
         "to 10.0.0.1:80 were closed by 10.0.0.1:80 without having sent anything: an RST answered "
         "what was sent then (5 RSTs received)"},
        {closed_by_server(EndingDetail::disconnect),
         "5 of 5 connections of app (pid 100) on 10.0.0.1:80 ended by a reset: 5 sent here, 0 "
         "received (disconnect 5)"},
    };
    for (const Case& each : cases) {
        begin_anew();
        end(each.ended, 5);
        EXPECT_THAT(said(), HasSubstr(each.what));
    }
}

/// The server's answers come all at once when it goes on, however long ago the clients gave up.
TEST_F(ResetCauses, are_spread_over_the_time_of_the_closes) {
    for (int i = 0; i < 5; ++i)
        end(client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
                .carried(5, 0)
                .stays(FIN_WAIT1, 5s - i * 1s)
                .idle(static_cast<std::uint32_t>(2000 + 1000 * (5 - i)), 0));
    EXPECT_THAT(said(), HasSubstr("it gave up waiting after 2.0 s (5 RSTs sent here: "
                                  "data_after_close 5), all within 4.1 s."));
    end(client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
            .carried(5, 0)
            .idle(2000, 0));
    EXPECT_THAT(said(), HasSubstr("all within 5.1 s.")) << "of all causes";
}

/// A time-out for sending is no fault of SO_LINGER.
TEST_F(ResetCauses, of_peers_that_did_not_read_the_window_is_named) {
    EndedLine stuck =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
            .carried(100, 30)
            .idle(1900, 400);
    stuck.numbers.unsent = 1000;
    stuck.numbers.peer_window = 0;
    stuck.numbers.receiver_limited_ms = 2000;
    end(stuck, 25);
    EXPECT_EQ(ids(), std::vector<std::string_view>{"connections_reset"}) << "no time_wait_skipped";
    EXPECT_THAT(said(), HasSubstr("25 of 25 connections of app (pid 100) on 10.0.0.1:80 were reset "
                                  "by it (SO_LINGER 0) with 25000 bytes unsent in all: the windows "
                                  "of the peers, which didn't read, were 0, and had kept it from "
                                  "sending for up to 2.0 s (25 RSTs"));
    EXPECT_THAT(std::string(found("connections_reset")->advice.front()),
                testing::AllOf(HasSubstr("send_timeout"), Not(HasSubstr("Remove it"))));
    for (const auto change : {+[](event::SocketNumbers& n) { n.peer_window = 1; },
                              +[](event::SocketNumbers& n) { n.unsent = 0; },
                              +[](event::SocketNumbers& n) { n.receiver_limited_ms = 99; }}) {
        EndedLine other = stuck;
        change(other.numbers);
        EXPECT_EQ(other.cause(), EndCause::lingered);
    }
}

/// An idle limit, whatever it is carried out by.
TEST_F(ResetCauses, of_a_server_that_resets_idle_connections_the_time_is_named) {
    const auto silent =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
            .carried(1857, 693)
            .established(2s);
    end(EndedLine(silent).idle(2050, 2000), 25);
    EXPECT_EQ(ids(), std::vector<std::string_view>{"connections_reset"}) << "no time_wait_skipped";
    EXPECT_THAT(said(), HasSubstr("25 of 25 connections of app (pid 100) on 10.0.0.1:80 were reset "
                                  "by it (SO_LINGER 0) when nothing had come or gone for 2.0 s (25 "
                                  "RSTs"));
    EXPECT_THAT(std::string(found("connections_reset")->advice.front()),
                testing::AllOf(HasSubstr("idle limit"), Not(HasSubstr("Remove it"))));
    EXPECT_EQ(std::get<Nanoseconds>(fact(found("connections_reset")->evidence, "idle_ns")), 2s);
    end(EndedLine(silent).idle(9000, 9000), 5);
    EXPECT_THAT(said(), HasSubstr("when nothing had come or gone for 2.0 s to 9.0 s"));
    EXPECT_THAT(std::string(found("connections_reset")->advice.front()),
                Not(HasSubstr("the same time")));
    EXPECT_EQ(EndedLine(silent).idle(999, 2000).cause(), EndCause::lingered);
    EXPECT_EQ(EndedLine(silent).idle(2000, 2000).carried(1, 9, 1).cause(), EndCause::lingered);
    EXPECT_EQ(EndedLine(silent).idle(2000, 2000).carried(0, 9).cause(), EndCause::lingered)
        << "it has never answered";
}

/// Of one cause it is known what came before, not of all that have a detail in common.
TEST_F(ResetCauses, what_has_another_cause_is_counted_by_itself) {
    const auto lingers =
        client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero);
    end(EndedLine(lingers).carried(5, 0).idle(2000, 0), 5);
    end(client_end(ClosedFirst::remote, Ending::reset_received).carried(5, 5), 4);
    EXPECT_THAT(said(), HasSubstr("5 of 9 connections of app (pid 100) to 10.0.0.1:80 were closed "
                                  "by it with SO_LINGER 0: it gave up waiting after 2.0 s; 4 more "
                                  "ended by a reset (5 RSTs sent here: so_linger_zero 5; 4 "
                                  "received)"));
}

} // namespace
} // namespace tcpdwell::test
