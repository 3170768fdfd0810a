// SPDX-License-Identifier: Apache-2.0
// What is counted of a connection, above all why an active close left no TIME_WAIT.
#include <gtest/gtest.h>

#include "analysis/flows.h"
#include "lines.h"
#include "report_access.h"

namespace tcpdwell {
namespace {

struct EndCountsTest : testing::Test {
    ProcessNames people;

    EndCounts counted(ClosedFirst first, Ending ending, EndingDetail detail = EndingDetail::none,
                      std::optional<TimeWaitEnd> time_wait = {}) {
        ConnectionLine line{};
        line.who = &people.client(1);
        line.closed_first = first;
        line.ending = ending;
        line.detail = detail;
        if (time_wait) line.time_wait = ConnectionLine::TimeWait{60s, *time_wait, 0};
        EndCounts tally;
        count(tally, line);
        return tally;
    }
    /// The only cause counted; nullopt if none is.
    static std::optional<SkipCause> cause(const EndCounts& tally) {
        std::optional<SkipCause> found;
        for (const SkipCause cause : kAllOf<SkipCause>) {
            if (tally.skipped_by(cause) == 0) continue;
            EXPECT_FALSE(found) << name(*found) << " and " << name(cause);
            found = cause;
        }
        return found;
    }
};

TEST_F(EndCountsTest, counts_one_of_each_kind) {
    const EndCounts t = counted(ClosedFirst::remote, Ending::timed_out, EndingDetail::keepalive);
    EXPECT_EQ(t.connections, 1u);
    EXPECT_EQ(t.closed(ClosedFirst::remote), 1u);
    EXPECT_EQ(t.closed(ClosedFirst::local), 0u);
    EXPECT_EQ(t.ended(Ending::timed_out), 1u);
    EXPECT_EQ(t.ended(Ending::fin), 0u);
    EXPECT_EQ(t.with(EndingDetail::keepalive), 1u);
    EXPECT_EQ(t.time_waits, 0u);
}

TEST_F(EndCountsTest, adds_up) {
    EndCounts sum =
        counted(ClosedFirst::local, Ending::fin, EndingDetail::none, TimeWaitEnd::expired);
    sum.add(counted(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero));
    sum.add(counted(ClosedFirst::both, Ending::fin, EndingDetail::none, TimeWaitEnd::overflow));
    EXPECT_EQ(sum.connections, 3u);
    EXPECT_EQ(sum.closed(ClosedFirst::local), 2u);
    EXPECT_EQ(sum.ended(Ending::fin), 2u);
    EXPECT_EQ(sum.time_waits, 1u); // overflow is none
    EXPECT_EQ(sum.skipped_by(SkipCause::so_linger_zero), 1u);
    EXPECT_EQ(sum.skipped_by(SkipCause::overflow), 1u);
}

TEST_F(EndCountsTest, causes_of_a_missing_time_wait) {
    using enum Ending;
    const auto local = ClosedFirst::local;
    EXPECT_EQ(cause(counted(local, reset_sent, EndingDetail::so_linger_zero)),
              SkipCause::so_linger_zero);
    EXPECT_EQ(cause(counted(local, reset_sent, EndingDetail::unread_data)), SkipCause::unread_data);
    EXPECT_EQ(cause(counted(local, reset_sent, EndingDetail::data_after_close)),
              SkipCause::data_after_close);
    EXPECT_EQ(cause(counted(local, reset_sent, EndingDetail::linger2)), SkipCause::linger2);
    for (const auto detail :
         {EndingDetail::none, EndingDetail::admin_kill, EndingDetail::listener_closed,
          EndingDetail::disconnect, EndingDetail::orphan_limit})
        EXPECT_EQ(cause(counted(local, reset_sent, detail)), SkipCause::other_reset_sent)
            << name(detail);
    EXPECT_EQ(cause(counted(local, reset_received)), SkipCause::reset_received);
    EXPECT_EQ(cause(counted(ClosedFirst::both, reset_received)), SkipCause::reset_received);
    EXPECT_EQ(cause(counted(local, timed_out, EndingDetail::retransmission)), SkipCause::timed_out);
    EXPECT_EQ(cause(counted(local, fin_wait2_expired)), SkipCause::fin_wait2_expired);
    EXPECT_EQ(cause(counted(local, fin, EndingDetail::none, TimeWaitEnd::overflow)),
              SkipCause::overflow);
    EXPECT_EQ(cause(counted(local, fin, EndingDetail::peer_fin_not_seen, TimeWaitEnd::overflow)),
              SkipCause::overflow);
}

TEST_F(EndCountsTest, nothing_is_missing_where_none_was_due) {
    for (const auto first : {ClosedFirst::remote, ClosedFirst::none, ClosedFirst::unknown})
        for (const auto ending :
             {Ending::fin, Ending::reset_sent, Ending::reset_received, Ending::timed_out})
            EXPECT_EQ(cause(counted(first, ending)), std::nullopt)
                << name(first) << ' ' << name(ending);
    for (const auto ending : {Ending::fin, Ending::open, Ending::unknown})
        EXPECT_EQ(cause(counted(ClosedFirst::local, ending)), std::nullopt) << name(ending);
    for (const auto end :
         {TimeWaitEnd::expired, TimeWaitEnd::reused, TimeWaitEnd::recycled, TimeWaitEnd::reset,
          TimeWaitEnd::killed, TimeWaitEnd::purged, TimeWaitEnd::open, TimeWaitEnd::unknown}) {
        const EndCounts t = counted(ClosedFirst::local, Ending::fin, EndingDetail::none, end);
        EXPECT_EQ(cause(t), std::nullopt) << name(end);
        EXPECT_EQ(t.time_waits, 1u);
    }
}

TEST_F(EndCountsTest, every_cause_has_a_word_of_its_own) {
    std::set<std::string_view> words;
    for (const SkipCause cause : kAllOf<SkipCause>) words.insert(name(cause));
    EXPECT_EQ(words.size(), kCountOf<SkipCause>);
    EXPECT_FALSE(words.contains(""));
}

TEST_F(EndCountsTest, syn_cookies_are_passive_opens_without_a_handshake) {
    const auto cookies = [&](Role role, Seen seen, std::vector<PathStep> path) {
        ConnectionLine line{};
        line.who = &people.add(role, tuple("10.0.0.1", 80, "10.0.0.2", 1));
        line.seen = seen;
        line.states = path;
        EndCounts tally;
        count(tally, line);
        return tally.cookies;
    };
    EXPECT_EQ(cookies(Role::server, Seen::whole, {{SYN_RECV, std::nullopt}, {ESTABLISHED, 1s}}),
              1u);
    EXPECT_EQ(cookies(Role::server, Seen::whole, {{SYN_RECV, 1ms}, {ESTABLISHED, 1s}}), 0u);
    EXPECT_EQ(cookies(Role::server, Seen::joined, {{SYN_RECV, std::nullopt}}), 0u);
    EXPECT_EQ(cookies(Role::server, Seen::whole, {{ESTABLISHED, std::nullopt}}), 0u);
    EXPECT_EQ(cookies(Role::client, Seen::whole, {{SYN_RECV, std::nullopt}}), 0u);
    EXPECT_EQ(cookies(Role::server, Seen::whole, {}), 0u);
}

} // namespace
} // namespace tcpdwell
