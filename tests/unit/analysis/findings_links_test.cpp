// SPDX-License-Identifier: Apache-2.0
// Which findings explain which.
#include "linked_findings.h"

namespace tcpdwell::test {
namespace {

constexpr std::uint32_t kElsewhere = kNetns + 1;

TEST_F(Links, a_client_of_a_full_queue_under_its_cause) {
    const Draft client = Draft("connects_unanswered", "ab").connects("10.0.0.1", 80);
    EXPECT_THAT(linked({client, Draft("accept_queue_full", "app").serves("10.0.0.1", 80)}),
                ElementsAre("app", "ab <- app accept_queue_full"));
    EXPECT_THAT(severities_, ElementsAre(Severity::warning, Severity::info));
    EXPECT_THAT(linked({client, Draft("accept_queue_full", "app").serves("10.0.0.1", 81)}),
                ElementsAre("ab", "app"));
    EXPECT_THAT(linked({client, Draft("accept_queue_full", "app").serves("10.0.0.2", 80)}),
                ElementsAre("ab", "app"));
    EXPECT_THAT(severities_, ElementsAre(Severity::warning, Severity::warning));
}

TEST_F(Links, an_address_is_the_hosts_and_loopback_the_namespaces) {
    const auto full = [](std::string_view host) {
        return Draft("accept_queue_full", "app").serves(host, 80).in(kElsewhere);
    };
    const auto client = [](std::string_view host) {
        return Draft("connects_unanswered", "ab").connects(host, 80);
    };
    EXPECT_EQ(linked({client("10.0.0.1"), full("10.0.0.1")})[0], "app");
    EXPECT_EQ(linked({client("127.0.0.1"), full("127.0.0.1")})[0], "ab");
    EXPECT_EQ(linked({client("10.0.0.1"), full("0.0.0.0")})[0], "ab");
    EXPECT_EQ(linked({client("10.0.0.1"), full("0.0.0.0").in(kNetns)})[0], "app");
    EXPECT_EQ(linked({client("10.0.0.1"), full("::").in(kNetns)})[0], "app");
}

TEST_F(Links, a_proxy_that_waits_for_what_is_behind_it) {
    const Draft proxy = Draft("close_wait_leak", "proxy").serves("10.0.0.1", 80).by(7);
    const Draft backend = Draft("close_wait_leak", "backend").serves("10.0.0.9", 8080).by(9);
    EXPECT_THAT(linked({proxy, backend}), ElementsAre("proxy", "backend"));
    upstream(7, "10.0.0.9", 8080);
    EXPECT_THAT(linked({proxy, backend}),
                ElementsAre("backend", "proxy <- backend close_wait_leak"));
    EXPECT_THAT(linked({Draft(proxy).by(8), backend})[0], "backend"); // one of its processes
    EXPECT_EQ(linked({Draft("close_wait_leak", "proxy").serves("10.0.0.1", 80).by(8), backend})[0],
              "proxy"); // of another process
    // Sockets of a client in CLOSE_WAIT wait for nobody.
    EXPECT_EQ(
        linked({Draft("close_wait_leak", "proxy").connects("10.0.0.1", 80).by(7), backend})[0],
        "proxy");
}

TEST_F(Links, a_proxy_whose_backends_are_gone) {
    const Draft proxy = Draft("close_wait_leak", "proxy").serves("10.0.0.1", 80).by(7);
    const auto gone = [](std::string_view id, std::uint32_t pid) {
        return Draft(id, "gone").connects("10.0.0.9", 8080).by(pid);
    };
    EXPECT_THAT(linked({proxy, gone("peers_gone", 7)}),
                ElementsAre("gone", "proxy <- gone peers_gone"));
    EXPECT_THAT(linked({proxy, gone("connects_unanswered", 7)}),
                ElementsAre("gone", "proxy <- gone connects_unanswered"));
    EXPECT_THAT(linked({proxy, gone("peers_gone", 8)}), ElementsAre("proxy", "gone"));
    // Its own clients are gone: that isn't why it doesn't close others.
    EXPECT_THAT(linked({proxy, Draft("peers_gone", "gone").serves("10.0.0.1", 80).by(7)}),
                ElementsAre("proxy", "gone"));
}

TEST_F(Links, a_listener_ends_with_its_process) {
    const Draft closed =
        Draft("listener_closed", "queue").serves("10.0.0.1", 80).of(1).from(5s, 5s);
    const auto died = [](tcp::Port port) {
        return Draft("process_died", "app").serves("10.0.0.1", port).of(2).from(5s, 5s);
    };
    EXPECT_THAT(linked({closed, died(80)}), ElementsAre("app", "queue <- app process_died"));
    EXPECT_THAT(linked({closed, died(81)}), ElementsAre("queue", "app"));
}

TEST_F(Links, a_proxy_that_closes_both_sides_of_what_is_idle) {
    const auto resets = [](std::uint32_t pid) {
        return Draft("connections_reset", "upstream").connects("10.0.0.9", 8080).by(pid);
    };
    const Draft idle = Draft("idle_close_race", "proxy").serves("10.0.0.1", 80).by(7);
    EXPECT_THAT(linked({resets(7), idle}),
                ElementsAre("proxy", "upstream <- proxy idle_close_race"));
    EXPECT_THAT(linked({resets(8), idle}), ElementsAre("upstream", "proxy"));
    EXPECT_THAT(linked({Draft("connections_reset", "own").serves("10.0.0.2", 81).by(7), idle}),
                ElementsAre("own", "proxy"));
}

TEST_F(Links, the_other_ends_of_a_leak_whoever_connected) {
    const Draft pileup = Draft("fin_wait2_pileup", "closed");
    EXPECT_THAT(linked({Draft(pileup).connects("10.0.0.1", 80),
                        Draft("close_wait_leak", "leak").serves("10.0.0.1", 80)}),
                ElementsAre("leak", "closed <- leak close_wait_leak"));
    EXPECT_THAT(linked({Draft(pileup).serves("10.0.0.1", 80),
                        Draft("close_wait_leak", "leak").connects("10.0.0.1", 80)}),
                ElementsAre("leak", "closed <- leak close_wait_leak"));
    EXPECT_THAT(linked({Draft(pileup).serves("10.0.0.1", 80),
                        Draft("close_wait_leak", "leak").serves("10.0.0.1", 80)}),
                ElementsAre("closed", "leak"));
}

TEST_F(Links, handshakes_of_the_full_queue_itself) {
    const Draft full = Draft("accept_queue_full", "app").serves("10.0.0.1", 80);
    EXPECT_THAT(linked({Draft("handshakes_failing", "syns").serves("10.0.0.1", 80), full}),
                ElementsAre("app", "syns <- app accept_queue_full"));
    EXPECT_THAT(linked({Draft("handshakes_failing", "syns").serves("10.0.0.1", 81), full}),
                ElementsAre("syns", "app"));
    EXPECT_THAT(
        linked({Draft("handshakes_failing", "syns").serves("10.0.0.1", 80).in(kElsewhere), full}),
        ElementsAre("syns", "app"));
}

TEST_F(Links, a_few_do_not_explain_many) {
    const Draft resets = Draft("connections_reset", "client").connects("10.0.0.1", 80);
    const Draft idle = Draft("idle_close_race", "server").serves("10.0.0.1", 80);
    EXPECT_EQ(linked({Draft(resets).of(20), idle})[0], "server");
    EXPECT_EQ(linked({Draft(resets).of(21), idle})[0], "client");
    EXPECT_EQ(linked({Draft(resets).of(21), Draft(idle).of(0)})[0], "server"); // not counted
}

TEST_F(Links, a_chain_is_shown_from_its_root_which_is_as_severe_as_the_worst_of_it) {
    upstream(7, "10.0.0.9", 8080);
    const Draft caller = Draft("fin_wait2_pileup", "caller").connects("10.0.0.1", 80);
    const Draft proxy =
        Draft("close_wait_leak", "proxy", Severity::critical).serves("10.0.0.1", 80).by(7);
    const Draft backend = Draft("close_wait_leak", "backend").serves("10.0.0.9", 8080).by(9);
    const Draft other = Draft("self_connected", "other", Severity::warning);
    EXPECT_THAT(linked({proxy, other, caller, backend}),
                ElementsAre("backend", "proxy <- backend close_wait_leak",
                            "caller <- proxy close_wait_leak", "other"));
    EXPECT_THAT(severities_,
                ElementsAre(Severity::critical, Severity::info, Severity::info, Severity::warning));
}

TEST_F(Links, what_waits_for_each_other_has_one_root) {
    upstream(7, "10.0.0.9", 8080);
    upstream(9, "10.0.0.1", 80);
    const Draft one = Draft("close_wait_leak", "one").serves("10.0.0.1", 80).by(7);
    const Draft two = Draft("close_wait_leak", "two").serves("10.0.0.9", 8080).by(9);
    EXPECT_THAT(linked({one, two}), ElementsAre("two", "one <- two close_wait_leak"));
}

TEST_F(Links, of_many_alike_those_with_the_most_connections_are_kept) {
    analysis::FindingDrafts all;
    const auto most = analysis::FindingDrafts::kMostAlike;
    for (std::uint64_t i = 0; i < most + 20; ++i)
        all.push_back(Draft("connections_reset", std::to_string(i)).of(i));
    all.push_back(Draft("connections_reset", "severe", Severity::critical).of(1));
    all.push_back(Draft("turned_away", "another").of(1));
    const std::vector<FindingDraft> kept = all.take(upstreams_);
    ASSERT_EQ(kept.size(), most + 2);
    EXPECT_EQ(kept.front().subject, "severe");
    EXPECT_EQ(kept[most].subject, "another");
    for (std::size_t i = 1; i < most; ++i) EXPECT_GE(kept[i].scope.connections, 21u);
    EXPECT_EQ(kept.back().what,
              "21 findings more of this kind, with fewer connections, are left out.");
    EXPECT_EQ(kept.back().severity, Severity::info);
}

TEST_F(Links, a_process_without_a_number_is_no_link) {
    analysis::HeldSockets holding{};
    holding.processes = {process(0, "app"), process(7, "app")};
    EXPECT_THAT(analysis::scope_of(holding).pids, ElementsAre(7u));
    analysis::AcceptQueue queue;
    analysis::QueueSocket& socket = queue.sockets.emplace_back();
    socket.process = process(0, "app");
    socket.holders = {process(0, "app"), process(8, "app")};
    EXPECT_THAT(analysis::scope_of(queue).pids, ElementsAre(8u));
}

TEST_F(Links, ended_connections_are_those_of_a_service_or_of_a_client) {
    analysis::PartyEnds ends;
    analysis::CauseFacts facts;
    ends.party = {kNetns, tcp::Role::client, endpoint("10.0.0.1", 80), {}};
    ends.process = process(0, "app");
    facts.count = 5;
    facts.first = at(1s);
    facts.last = at(2s);
    const Scope client = analysis::scope_of(ends, facts);
    EXPECT_EQ(client.netns, kNetns);
    EXPECT_THAT(client.remotes, ElementsAre(endpoint("10.0.0.1", 80)));
    EXPECT_TRUE(client.services.empty());
    EXPECT_TRUE(client.pids.empty());
    EXPECT_EQ(client.connections, 5u);
    EXPECT_EQ(client.first, at(1s));
    EXPECT_EQ(client.last, at(2s));
    ends.party.role = tcp::Role::server;
    ends.process = process(1, "app");
    const Scope server = analysis::scope_of(ends, facts);
    EXPECT_THAT(server.services, ElementsAre(endpoint("10.0.0.1", 80)));
    EXPECT_TRUE(server.remotes.empty());
    EXPECT_THAT(server.pids, ElementsAre(1u));
    ends.process.reset();
    EXPECT_TRUE(analysis::scope_of(ends, facts).pids.empty());
}

TEST_F(Links, what_a_listener_serves_is_where_it_was_reached) {
    analysis::AcceptQueue queue;
    queue.local = endpoint("0.0.0.0", 80);
    EXPECT_THAT(analysis::scope_of(queue).services, ElementsAre(endpoint("0.0.0.0", 80)));
    queue.addresses = {address("10.0.0.1"), address("10.0.0.2")};
    EXPECT_THAT(analysis::scope_of(queue).services,
                ElementsAre(endpoint("10.0.0.1", 80), endpoint("10.0.0.2", 80)));
}

TEST_F(Links, a_scope_is_no_larger_than_it_is_useful) {
    std::set<int> some;
    for (int i = 0; i < 100; ++i) analysis::note_some(some, i);
    EXPECT_EQ(some.size(), 16u);
}

TEST_F(Links, nothing_to_link) {
    EXPECT_TRUE(linked({}).empty());
    EXPECT_THAT(linked({Draft("close_wait_leak", "a").serves("10.0.0.1", 80),
                        Draft("connections_reset", "b").connects("10.0.0.1", 80)}),
                ElementsAre("a", "b"));
}

/// Each connection that a full queue spoils is one overflow at least.
TEST_F(Links, a_queue_that_overflowed_seldom_explains_few) {
    Draft full = Draft("accept_queue_full", "app").serves("10.0.0.1", 80).of(0);
    full.scope.overflows = 5;
    const auto resets = [](std::uint64_t count) {
        return Draft("connections_reset", "resets").connects("10.0.0.1", 80).of(count);
    };
    EXPECT_THAT(linked({full, resets(10)}), ElementsAre("app", "resets <- app accept_queue_full"));
    EXPECT_THAT(linked({full, resets(11)}), ElementsAre("app", "resets"));
    full.scope.overflows.reset(); // it is full, and nothing was counted
    EXPECT_THAT(linked({full, resets(11)}), ElementsAre("app", "resets <- app accept_queue_full"));
}

/// At the same host and by the same process, and while that lasted.
TEST_F(Links, who_gets_no_answer_on_its_connections_gets_none_to_new_ones) {
    const auto connects = [] {
        return Draft("connects_unanswered", "new").connects("10.0.0.5", 80).by(7).of(100);
    };
    const auto gone = [] {
        return Draft("peers_gone", "old").connects("10.0.0.5", 90).by(7).of(3);
    };
    const auto linked_with = [&](const FindingDraft& consequence, const FindingDraft& cause) {
        return linked({consequence, cause}).back() == "new <- old peers_gone";
    };
    EXPECT_TRUE(linked_with(connects().since(3s).from(4s, 9s), gone().since(2s).from(5s, 6s)));
    EXPECT_TRUE(linked_with(connects().since(7s).from(8s, 9s), gone().since(2s).from(5s, 6s)));
    EXPECT_FALSE(linked_with(connects().since(8s).from(8s, 9s), gone().since(2s).from(5s, 6s)))
        << "it was over";
    EXPECT_FALSE(linked_with(connects().since(1s).from(1s, 2s), gone().since(3s).from(5s, 6s)))
        << "it was over";
    EXPECT_FALSE(linked_with(connects().by(7), Draft("peers_gone", "old").connects("10.0.0.5", 80)))
        << "of another process";
    EXPECT_FALSE(linked_with(connects(), Draft("peers_gone", "old").connects("10.0.0.6", 80).by(7)))
        << "of another host";
}

TEST_F(Links, a_full_queue_explains_whom_its_listener_has_forgotten) {
    Draft full = Draft("accept_queue_full", "app").serves("10.0.0.1", 80).of(0);
    full.scope.overflows = 5;
    const auto strays = [](std::uint64_t count) {
        return Draft("stray_resets", "strays").serves("10.0.0.1", 80).of(count);
    };
    EXPECT_THAT(linked({full, strays(10)}), ElementsAre("app", "strays <- app accept_queue_full"));
    EXPECT_THAT(severities_, ElementsAre(Severity::warning, Severity::info));
    EXPECT_THAT(linked({full, strays(11)}), ElementsAre("app", "strays"))
        << "more than have met an overflow";
    EXPECT_THAT(linked({full, Draft("stray_resets", "strays").serves("10.0.0.1", 81)}),
                ElementsAre("app", "strays"));
}

TEST_F(Links, what_a_finding_infers_gives_way_to_what_explains_it) {
    Draft gone = Draft("peers_gone", "ab").connects("10.0.0.1", 80);
    gone.what = "The peers don't answer.";
    gone.inference = "what these send is lost on the way";
    std::vector<FindingDraft> alone = {gone};
    analysis::link_findings(upstreams_, alone);
    EXPECT_EQ(alone[0].what, "The peers don't answer: what these send is lost on the way.");

    std::vector<FindingDraft> explained = {Draft("accept_queue_full", "app").serves("10.0.0.1", 80),
                                           gone};
    analysis::link_findings(upstreams_, explained);
    EXPECT_EQ(explained[1].what,
              "The peers don't answer: while its accept queue was full, the listener dropped what "
              "completes their handshakes.");

    std::vector<FindingDraft> without = {Draft("stray_resets", "app").serves("10.0.0.1", 80), gone};
    analysis::link_findings(upstreams_, without);
    ASSERT_TRUE(without[1].because);
    EXPECT_EQ(without[1].what, alone[0].what) << "this cause says nothing of its own";
}

TEST_F(Links, connects_that_are_delayed) {
    const Draft delayed = Draft("connects_delayed", "late").connects("10.0.0.1", 80).by(7);
    Draft full = Draft("accept_queue_full", "app").serves("10.0.0.1", 80).of(0);
    full.scope.overflows = 5;
    EXPECT_THAT(linked({full, delayed}), ElementsAre("app", "late <- app accept_queue_full"));
    full.scope.overflows = 4;
    EXPECT_THAT(linked({full, delayed}), ElementsAre("app", "late")) << "each has met one";
    // Few that fail show why the others are late.
    EXPECT_THAT(
        linked({Draft("connects_unanswered", "lost").connects("10.0.0.1", 80).of(1), delayed}),
        ElementsAre("lost", "late <- lost connects_unanswered"));
    EXPECT_THAT(linked({Draft("connects_unanswered", "lost").connects("10.0.0.2", 80), delayed}),
                ElementsAre("lost", "late"));
    EXPECT_THAT(linked({Draft("peers_gone", "gone").connects("10.0.0.1", 81).by(7).of(1), delayed}),
                ElementsAre("gone", "late <- gone peers_gone"));
    EXPECT_THAT(linked({Draft("handshakes_failing", "syns").serves("10.0.0.1", 80), delayed}),
                ElementsAre("syns", "late <- syns handshakes_failing"));
}

} // namespace
} // namespace tcpdwell::test
