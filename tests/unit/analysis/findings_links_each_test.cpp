// SPDX-License-Identifier: Apache-2.0
// Findings whose connections each go with one of the finding that explains them.
#include "linked_findings.h"

namespace tcpdwell::test {
namespace {

using testing::HasSubstr;

class LinksOfEach : public Links {
protected:
    static Draft turned_away(Nanoseconds first, std::uint32_t pid = 7) {
        return Draft("turned_away", "gateway").serves("10.0.0.1", 80).closes(pid, first, 10);
    }
    static Draft refused(Nanoseconds first, std::uint64_t count = 10) {
        return Draft("connects_refused", "backend")
            .connects("10.0.0.9", 8080)
            .of(count)
            .closes(7, first, count);
    }
    static Draft reset(Nanoseconds first) {
        return Draft("connections_reset", "upstream")
            .connects("10.0.0.9", 8080)
            .closes(7, first, 10);
    }
    static Draft gone(Severity how) {
        return Draft("peers_gone", "gone", how).serves("10.0.0.1", 80).closes(7, 5s, 10);
    }
};

TEST_F(LinksOfEach, a_proxy_closes_each_client_when_its_connect_has_failed) {
    EXPECT_THAT(linked({turned_away(5s), refused(5s - 50ms)}),
                ElementsAre("backend", "gateway <- backend connects_refused"));
    EXPECT_THAT(severities_, ElementsAre(Severity::warning, Severity::info));
    EXPECT_THAT(linked({turned_away(5s), refused(5s - 51ms)}), ElementsAre("gateway", "backend"))
        << "too long before";
    EXPECT_THAT(linked({turned_away(5s), refused(5s + 1ns)}), ElementsAre("gateway", "backend"))
        << "after that";
    EXPECT_THAT(linked({turned_away(5s, 8), refused(5s)}), ElementsAre("gateway", "backend"))
        << "by another process";
}

TEST_F(LinksOfEach, a_tunnel_closes_each_client_when_a_connect_at_its_other_end_has_failed) {
    const auto tunnelled = [&](std::uint32_t pid) {
        return linked({turned_away(5s, 8).by(8), refused(5s - 5ms).by(pid)});
    };
    EXPECT_THAT(tunnelled(7), ElementsAre("gateway", "backend")) << "they are strangers";
    upstream(8, "10.0.0.3", 22);
    served_by(7, "10.0.0.3", 22);
    EXPECT_THAT(tunnelled(7), ElementsAre("backend", "gateway <- backend connects_refused"));
    EXPECT_THAT(tunnelled(9), ElementsAre("gateway", "backend")) << "of another process";
    EXPECT_THAT(linked({turned_away(5s, 8).by(8), refused(3s).by(7)}),
                ElementsAre("gateway", "backend"))
        << "at other times";
}

TEST_F(LinksOfEach, a_tunnel_may_have_been_open_before) {
    is_open(8, tcp::Role::unknown, tuple("10.0.0.1", 40'000, "10.0.0.3", 22));
    is_open(7, tcp::Role::unknown, tuple("10.0.0.3", 22, "10.0.0.1", 40'000));
    EXPECT_THAT(linked({turned_away(5s, 8).by(8), refused(5s - 5ms).by(7)}),
                ElementsAre("backend", "gateway <- backend connects_refused"));
}

TEST_F(LinksOfEach, nearly_all_have_to_and_that_is_said) {
    std::vector<FindingDraft> drafts = {turned_away(5s), refused(5s, 9)};
    analysis::link_findings(upstreams_, drafts);
    EXPECT_THAT(drafts[1].what,
                HasSubstr("Just before nearly each, a connect of the same process had failed."));
    EXPECT_THAT(drafts[1].advice, ElementsAre(HasSubstr("the server behind it")));
    EXPECT_THAT(linked({turned_away(5s), refused(5s, 8)}), ElementsAre("gateway", "backend"));
}

TEST_F(LinksOfEach, what_fails_all_the_time_fails_before_a_close_by_chance) {
    EXPECT_EQ(linked({turned_away(5s), refused(5s, 40)})[0], "backend");
    EXPECT_EQ(linked({turned_away(5s), refused(5s, 41)})[0], "gateway");
}

TEST_F(LinksOfEach, a_proxy_closes_one_side_as_the_peer_of_the_other_has_gone) {
    const std::vector<std::string> together = {"gone", "upstream <- gone peers_gone"};
    EXPECT_EQ(linked({reset(5s), gone(Severity::warning)}), together);
    EXPECT_EQ(linked({reset(5s - 20ms), gone(Severity::warning)}), together);
    EXPECT_EQ(linked({reset(5s + 20ms), gone(Severity::warning)}), together);
    EXPECT_EQ(linked({reset(5s + 21ms), gone(Severity::warning)})[0], "upstream");
    EXPECT_EQ(linked({reset(5s), gone(Severity::info)}), together);
    EXPECT_THAT(severities_, ElementsAre(Severity::info, Severity::info)) << "it is no worse so";
}

TEST_F(LinksOfEach, both_on_one_side_explain_nothing) {
    const Draft served =
        Draft("connections_reset", "served").serves("10.0.0.1", 80).closes(7, 5s, 10);
    EXPECT_EQ(linked({served, gone(Severity::warning)})[0], "served");
}

TEST_F(Links, a_leak_holds_the_ports) {
    const Draft ports =
        Draft("ephemeral_ports_low", "ports", Severity::critical).connects("10.0.0.9", 80).of(100);
    const auto leak = [](std::string_view host, std::uint64_t count) {
        return Draft("close_wait_leak", "leak").connects(host, 80).of(count);
    };
    EXPECT_THAT(linked({ports, leak("10.0.0.9", 50)}),
                ElementsAre("leak", "ports <- leak close_wait_leak"));
    EXPECT_THAT(severities_, ElementsAre(Severity::critical, Severity::info));
    EXPECT_EQ(linked({ports, leak("10.0.0.9", 49)})[0], "ports") << "others hold more";
    EXPECT_EQ(linked({ports, leak("10.0.0.8", 100)})[0], "ports");
    EXPECT_EQ(linked({ports, leak("10.0.0.9", 100).in(kNetns + 1)})[0], "ports");
}

TEST_F(Links, what_goes_on_stays_as_severe_as_it_is) {
    Draft refused = Draft("connects_refused", "client").connects("10.0.0.1", 80).from(5s, 9s);
    const Draft died = Draft("process_died", "app").serves("10.0.0.1", 80).from(5s, 5s);
    EXPECT_EQ(linked({refused, died})[0], "app");
    EXPECT_THAT(severities_, ElementsAre(Severity::warning, Severity::info));
    refused.scope.goes_on = true;
    EXPECT_EQ(linked({refused, died})[0], "app");
    EXPECT_THAT(severities_, ElementsAre(Severity::warning, Severity::warning));
}

TEST(Closings, are_the_last_ones_in_order) {
    analysis::Closings closings;
    for (std::uint64_t i = 0; i < analysis::Closings::kMost; ++i) closings.note({at(i * 1s), 1, i});
    closings.note({at(1s), 1, 1000});
    closings.note({at(0s), 1, 1001});
    ASSERT_EQ(closings.list().size(), analysis::Closings::kMost);
    EXPECT_EQ(closings.list().front().at, at(1s));
    closings.forget(1000);
    EXPECT_EQ(closings.list().size(), analysis::Closings::kMost - 1);
    EXPECT_TRUE(std::ranges::is_sorted(closings.list(), {}, &analysis::Closing::at));
}

} // namespace
} // namespace tcpdwell::test
