// SPDX-License-Identifier: Apache-2.0
// What idle_close_race says of why connections were closed that were used again.
#include "cause_findings.h"

namespace tcpdwell::test {
namespace {

class IdleRaces : public CauseFindings {
protected:
    std::string said() {
        const report::Finding* f = found("idle_close_race");
        return f ? std::string(f->what) : "nothing";
    }
    std::string advised() { return std::string(found("idle_close_race")->advice.front()); }
};

EndedLine closed_after(std::uint32_t idle_ms, Nanoseconds met, Nanoseconds established) {
    const auto closing = std::chrono::duration_cast<std::chrono::milliseconds>(met).count();
    return served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
        .carried(88, 22)
        .established(established)
        .stays(FIN_WAIT1, met)
        .idle(idle_ms + static_cast<std::uint32_t>(closing), 0);
}

/// The time since its last heartbeat is no limit of anybody.
TEST_F(IdleRaces, a_server_that_was_sending_until_it_closed_had_no_idle_limit) {
    EndedLine beats = closed_after(500, 1500ms, 4500ms);
    beats.numbers.segments_sent = 15;
    end(beats, 5);
    EXPECT_THAT(said(), HasSubstr("closed connections on which it was sending again and again, "
                                  "500 ms before the close for the last time, and on 5 of 5 "
                                  "connections the client sent something after that"));
    EXPECT_THAT(advised(), HasSubstr("heartbeats"));
    EXPECT_EQ(std::get<Nanoseconds>(fact(found("idle_close_race")->evidence, "idle_ns")), 500ms);
    begin_anew();
    beats.numbers.segments_sent = 16;
    end(beats, 5);
    EXPECT_THAT(said(), HasSubstr("closed connections that had been idle for 500 ms"))
        << "twice as long as it usually paused";
    EXPECT_THAT(advised(), HasSubstr("which is 500 ms here"));
}

/// An upgrade or reload closes what has been answered, and the next requests meet that.
TEST_F(IdleRaces, what_is_closed_at_one_moment_between_two_requests) {
    keeps_ports_ = true;
    for (int i = 0; i < 6; ++i) {
        EndedLine served =
            closed_after(static_cast<std::uint32_t>(90 - 12 * i), 10ms + i * 12ms, 3s);
        served.who.tuple.remote.port = static_cast<tcp::Port>(30'000 + i);
        served.line.closed = at(4s + 10ms + i * 12ms);
        end(served);
    }
    EXPECT_EQ(said(), "app (pid 100) on 10.0.0.1:80 closed connections at one moment (within 1 "
                      "ms), which had been idle for 30 ms to 90 ms, and on 6 of 6 the client sent "
                      "something after that, all within 60 ms: an RST answered it, and if it was a "
                      "request, it is lost.");
    EXPECT_THAT(advised(), HasSubstr("reload"));
}

TEST(IdleClose, lies_between_two_requests) {
    EXPECT_EQ(closed_after(20, 30ms, 1s).cause(), EndCause::idle_close);
    EXPECT_EQ(closed_after(19, 900ms, 1s).cause(), EndCause::reset_here) << "at once";
    EXPECT_EQ(closed_after(20, 29ms, 1s).cause(), EndCause::reset_here)
        << "a client that still sends doesn't pause for so long";
    EXPECT_EQ(closed_after(20, 30ms, 999ms).cause(), EndCause::reset_here);
    EXPECT_EQ(closed_after(20, 30ms, 1s).carried(0, 22).cause(), EndCause::reset_here);
}

} // namespace
} // namespace tcpdwell::test
