// SPDX-License-Identifier: Apache-2.0
// What is counted of a connection, above all why an active close left no TIME_WAIT.
#include <gtest/gtest.h>

#include "analysis/flows.h"
#include "lines.h"
#include "report_access.h"

namespace tcpdwell::test {
namespace {

struct EndCountsTest : testing::Test {
    ProcessNames people;

    analysis::EndCounts counted(tcp::ClosedFirst first, tcp::Ending ending,
                                tcp::EndingDetail detail = tcp::EndingDetail::none,
                                std::optional<tcp::TimeWaitEnd> time_wait = {}) {
        track::ConnectionLine line{};
        line.who = &people.client(1);
        line.closed_first = first;
        line.ending = ending;
        line.detail = detail;
        if (time_wait) line.time_wait = track::ConnectionLine::TimeWait{60s, *time_wait, 0};
        analysis::EndCounts tally;
        count(tally, line, 1);
        return tally;
    }
    /// The only cause counted; nullopt if none is.
    static std::optional<analysis::SkipCause> cause(const analysis::EndCounts& tally) {
        std::optional<analysis::SkipCause> found;
        for (const analysis::SkipCause cause : kAllOf<analysis::SkipCause>) {
            if (tally.skipped_by(cause) == 0) continue;
            EXPECT_FALSE(found) << name(*found) << " and " << name(cause);
            found = cause;
        }
        return found;
    }
};

TEST_F(EndCountsTest, counts_one_of_each_kind) {
    const analysis::EndCounts t =
        counted(tcp::ClosedFirst::remote, tcp::Ending::timed_out, tcp::EndingDetail::keepalive);
    EXPECT_EQ(t.connections, 1u);
    EXPECT_EQ(t.closed(tcp::ClosedFirst::remote), 1u);
    EXPECT_EQ(t.closed(tcp::ClosedFirst::local), 0u);
    EXPECT_EQ(t.ended(tcp::Ending::timed_out), 1u);
    EXPECT_EQ(t.ended(tcp::Ending::fin), 0u);
    EXPECT_EQ(t.with(tcp::EndingDetail::keepalive), 1u);
    EXPECT_EQ(t.time_waits, 0u);
}

TEST_F(EndCountsTest, adds_up) {
    analysis::EndCounts sum = counted(tcp::ClosedFirst::local, tcp::Ending::fin,
                                      tcp::EndingDetail::none, tcp::TimeWaitEnd::expired);
    sum.add(counted(tcp::ClosedFirst::local, tcp::Ending::reset_sent,
                    tcp::EndingDetail::so_linger_zero));
    sum.add(counted(tcp::ClosedFirst::both, tcp::Ending::fin, tcp::EndingDetail::none,
                    tcp::TimeWaitEnd::overflow));
    EXPECT_EQ(sum.connections, 3u);
    EXPECT_EQ(sum.closed(tcp::ClosedFirst::local), 2u);
    EXPECT_EQ(sum.ended(tcp::Ending::fin), 2u);
    EXPECT_EQ(sum.time_waits, 1u); // overflow is none
    EXPECT_EQ(sum.skipped_by(analysis::SkipCause::so_linger_zero), 1u);
    EXPECT_EQ(sum.skipped_by(analysis::SkipCause::overflow), 1u);
}

TEST_F(EndCountsTest, causes_of_a_missing_time_wait) {
    using enum tcp::Ending;
    const auto local = tcp::ClosedFirst::local;
    EXPECT_EQ(cause(counted(local, reset_sent, tcp::EndingDetail::so_linger_zero)),
              analysis::SkipCause::so_linger_zero);
    EXPECT_EQ(cause(counted(local, reset_sent, tcp::EndingDetail::unread_data)),
              analysis::SkipCause::unread_data);
    EXPECT_EQ(cause(counted(local, reset_sent, tcp::EndingDetail::data_after_close)),
              analysis::SkipCause::data_after_close);
    EXPECT_EQ(cause(counted(local, reset_sent, tcp::EndingDetail::linger2)),
              analysis::SkipCause::linger2);
    for (const auto detail : {tcp::EndingDetail::none, tcp::EndingDetail::admin_kill,
                              tcp::EndingDetail::listener_closed, tcp::EndingDetail::disconnect,
                              tcp::EndingDetail::orphan_limit})
        EXPECT_EQ(cause(counted(local, reset_sent, detail)), analysis::SkipCause::other_reset_sent)
            << name(detail);
    EXPECT_EQ(cause(counted(local, reset_received)), analysis::SkipCause::reset_received);
    EXPECT_EQ(cause(counted(tcp::ClosedFirst::both, reset_received)),
              analysis::SkipCause::reset_received);
    EXPECT_EQ(cause(counted(local, timed_out, tcp::EndingDetail::retransmission)),
              analysis::SkipCause::timed_out);
    EXPECT_EQ(cause(counted(local, fin_wait2_expired)), analysis::SkipCause::fin_wait2_expired);
    EXPECT_EQ(cause(counted(local, fin, tcp::EndingDetail::none, tcp::TimeWaitEnd::overflow)),
              analysis::SkipCause::overflow);
    EXPECT_EQ(cause(counted(local, fin, tcp::EndingDetail::peer_fin_not_seen,
                            tcp::TimeWaitEnd::overflow)),
              analysis::SkipCause::overflow);
}

TEST_F(EndCountsTest, nothing_is_missing_where_none_was_due) {
    for (const auto first :
         {tcp::ClosedFirst::remote, tcp::ClosedFirst::none, tcp::ClosedFirst::unknown})
        for (const auto ending : {tcp::Ending::fin, tcp::Ending::reset_sent,
                                  tcp::Ending::reset_received, tcp::Ending::timed_out})
            EXPECT_EQ(cause(counted(first, ending)), std::nullopt)
                << name(first) << ' ' << name(ending);
    for (const auto ending : {tcp::Ending::fin, tcp::Ending::open, tcp::Ending::unknown})
        EXPECT_EQ(cause(counted(tcp::ClosedFirst::local, ending)), std::nullopt) << name(ending);
    for (const auto end :
         {tcp::TimeWaitEnd::expired, tcp::TimeWaitEnd::reused, tcp::TimeWaitEnd::recycled,
          tcp::TimeWaitEnd::reset, tcp::TimeWaitEnd::killed, tcp::TimeWaitEnd::purged,
          tcp::TimeWaitEnd::open, tcp::TimeWaitEnd::unknown}) {
        const analysis::EndCounts t =
            counted(tcp::ClosedFirst::local, tcp::Ending::fin, tcp::EndingDetail::none, end);
        EXPECT_EQ(cause(t), std::nullopt) << name(end);
        EXPECT_EQ(t.time_waits, 1u);
    }
}

TEST_F(EndCountsTest, every_cause_has_a_word_of_its_own) {
    std::set<std::string_view> words;
    for (const analysis::SkipCause cause : kAllOf<analysis::SkipCause>) words.insert(name(cause));
    EXPECT_EQ(words.size(), kCountOf<analysis::SkipCause>);
    EXPECT_FALSE(words.contains(""));
}

TEST_F(EndCountsTest, syn_cookies_are_passive_opens_without_a_handshake) {
    const auto cookies = [&](tcp::Role role, tcp::Seen seen, std::vector<track::PathStep> path) {
        track::ConnectionLine line{};
        line.who = &people.add(role, tuple("10.0.0.1", 80, "10.0.0.2", 1));
        line.seen = seen;
        line.states = path;
        analysis::EndCounts tally;
        count(tally, line, 1);
        return tally.cookies;
    };
    EXPECT_EQ(
        cookies(tcp::Role::server, tcp::Seen::whole, {{SYN_RECV, std::nullopt}, {ESTABLISHED, 1s}}),
        1u);
    EXPECT_EQ(cookies(tcp::Role::server, tcp::Seen::whole, {{SYN_RECV, 1ms}, {ESTABLISHED, 1s}}),
              0u);
    EXPECT_EQ(cookies(tcp::Role::server, tcp::Seen::joined, {{SYN_RECV, std::nullopt}}), 0u);
    EXPECT_EQ(cookies(tcp::Role::server, tcp::Seen::whole, {{ESTABLISHED, std::nullopt}}), 0u);
    EXPECT_EQ(cookies(tcp::Role::client, tcp::Seen::whole, {{SYN_RECV, std::nullopt}}), 0u);
    EXPECT_EQ(cookies(tcp::Role::server, tcp::Seen::whole, {}), 0u);
}

} // namespace
} // namespace tcpdwell::test
