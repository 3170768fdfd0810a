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

} // namespace
} // namespace tcpdwell::test
