// SPDX-License-Identifier: Apache-2.0
// Which findings can't explain others: those that are too few, came later or were over before.
#include "linked_findings.h"

namespace tcpdwell::test {
namespace {

TEST_F(Links, who_is_refused_after_the_endpoint_has_answered_again_is_refused_by_another) {
    const Draft refused = Draft("connects_refused", "client").connects("10.0.0.1", 80).from(3s, 9s);
    const Draft died = Draft("process_died", "server").serves("10.0.0.1", 80).from(1s, 3s);
    EXPECT_EQ(linked({Draft(refused).answered(4s), died})[0], "server");
    EXPECT_EQ(linked({Draft(refused).answered(4s + 1ns), died})[0], "client");
    Draft absent = Draft(refused).answered(8s);
    absent.scope.ended = "app";
    EXPECT_EQ(linked({absent, died})[0], "client") << "another program's socket was closed";
    Draft dead = died;
    dead.scope.ended = "app";
    EXPECT_EQ(linked({absent, dead})[0], "server") << "which ended once more, unnoticed";
    // One of several ends; since which of them they are refused isn't known.
    const Draft again = Draft(died).from(1s, 10s);
    EXPECT_EQ(linked({Draft(refused).answered(2s), again})[0], "server");
    EXPECT_EQ(linked({Draft(refused).answered(2s + 1ns), again})[0], "client");
}

TEST_F(Links, a_leak_that_was_there_before_what_its_process_waits_for) {
    upstream(7, "10.0.0.9", 8080);
    const Draft leak = Draft("close_wait_leak", "leak").serves("10.0.0.1", 80).by(7);
    const Draft stall = Draft("accept_stalled", "backend").serves("10.0.0.9", 8080);
    EXPECT_EQ(linked({Draft(leak).since(4s), Draft(stall).since(5s)})[0], "backend");
    EXPECT_EQ(linked({Draft(leak).since(4s), Draft(stall).since(5s + 1ns)})[0], "leak");
    EXPECT_EQ(linked({Draft(leak).since(4s), Draft(stall).since(6s, false)})[0], "backend")
        << "not later than that";
    EXPECT_EQ(linked({leak, Draft(stall).since(6s)})[0], "backend");
}

TEST_F(Links, a_cause_that_was_over_before) {
    const Draft stall = Draft("accept_stalled", "stall").serves("10.0.0.1", 80).by(7).since(9s);
    const Draft gone = Draft("peers_gone", "gone").connects("10.0.0.9", 8080).by(7);
    EXPECT_EQ(linked({stall, Draft(gone).from(2s, 8s)})[0], "gone");
    EXPECT_EQ(linked({stall, Draft(gone).from(2s, 8s - 1ns)})[0], "stall");
}

TEST_F(Links, one_that_waits_does_not_explain_many_that_leak) {
    upstream(7, "10.0.0.9", 8080);
    const Draft stall = Draft("accept_stalled", "backend").serves("10.0.0.9", 8080).of(1);
    const auto proxy = [](std::string_view id) {
        return Draft(id, "proxy").serves("10.0.0.1", 80).by(7).of(12);
    };
    EXPECT_EQ(linked({proxy("close_wait_leak"), stall})[0], "proxy");
    EXPECT_EQ(linked({proxy("accept_stalled"), stall})[0], "backend")
        << "it may keep the process from accepting any";
}

TEST_F(Links, a_process_that_served_its_clients_all_along_is_not_kept_by_what_fails_all_along) {
    const Draft stall = Draft("accept_stalled", "stall").serves("10.0.0.1", 80).by(7).since(9s);
    const Draft silent =
        Draft("connects_unanswered", "silent").connects("10.0.0.9", 80).by(7).of(8).since(1s);
    EXPECT_EQ(linked({stall, silent})[0], "silent");
    EXPECT_EQ(linked({Draft(stall).accepted(2s, 8), silent})[0], "silent")
        << "each of them may be one that fails";
    EXPECT_EQ(linked({Draft(stall).accepted(2s, 8).accepted(9s, 1), silent})[0], "stall");
    EXPECT_EQ(linked({Draft(stall).accepted(900ms, 20).accepted(9100ms, 20), silent})[0], "silent")
        << "before, and meanwhile";
    EXPECT_EQ(linked({Draft(stall).accepted(2s, 9), Draft(silent).since(1s, false)})[0], "silent");
}

TEST_F(Links, a_queue_waits_since_its_oldest_unless_others_waited_before) {
    analysis::AcceptQueue queue;
    queue.waiting = 3;
    queue.since = at(5s);
    queue.seen_at = at(9s);
    queue.prompt.note_ended({at(1s), 2});
    queue.prompt.note_live({at(2s), 1});
    Scope scope = analysis::scope_of(queue);
    EXPECT_EQ(scope.connections, 3u);
    EXPECT_EQ(scope.began, at(5s));
    EXPECT_TRUE(scope.is_began_seen);
    EXPECT_EQ(scope.last, at(9s));
    EXPECT_THAT(scope.accepted, ElementsAre(std::pair(at(1s), 2u), std::pair(at(2s), 1u)));
    queue.delays.record(999ms, 1);
    EXPECT_TRUE(analysis::scope_of(queue).is_began_seen);
    queue.delays.record(1100ms, 1);
    EXPECT_FALSE(analysis::scope_of(queue).is_began_seen);
}

TEST_F(Links, accepts_are_remembered_up_to_a_number) {
    analysis::PromptAccepts prompt;
    for (std::size_t i = 0; i < analysis::PromptAccepts::kMost + 2; ++i) {
        prompt.note_ended({at(Nanoseconds(i)), 1});
        prompt.note_live({at(1h), 1});
    }
    EXPECT_EQ(prompt.list().size(), 2 * analysis::PromptAccepts::kMost);
    EXPECT_EQ(prompt.list()[0].first, at(Nanoseconds(analysis::PromptAccepts::kMost)));
    EXPECT_EQ(prompt.list()[2].first, at(2ns));
    prompt.clear_live();
    EXPECT_EQ(prompt.list().size(), analysis::PromptAccepts::kMost);
    prompt.clear_ended();
    EXPECT_TRUE(prompt.list().empty());
}

TEST_F(Links, several_began_when_the_first_did_and_that_was_seen_if_it_was_of_all) {
    Scope all;
    const auto add = [&](Nanoseconds when, bool seen) {
        Scope one;
        one.connections = 1;
        one.began = at(when);
        one.is_began_seen = seen;
        all.add(one);
    };
    add(3s, true);
    EXPECT_EQ(all.began, at(3s));
    EXPECT_TRUE(all.is_began_seen);
    add(2s, true);
    add(4s, true);
    EXPECT_EQ(all.began, at(2s));
    EXPECT_TRUE(all.is_began_seen);
    add(5s, false);
    add(6s, true);
    EXPECT_EQ(all.began, at(2s));
    EXPECT_FALSE(all.is_began_seen);
}

TEST_F(Links, nothing_is_explained_by_what_came_later) {
    const Draft resets = Draft("connections_reset", "client").connects("10.0.0.1", 80);
    const Draft died = Draft("process_died", "server").serves("10.0.0.1", 80);
    EXPECT_EQ(linked({Draft(resets).from(1s, 3s), Draft(died).from(3s, 9s)})[0], "server");
    EXPECT_EQ(linked({Draft(resets).from(1s, 3s), Draft(died).from(3s + 1ns, 9s)})[0], "client");
}

TEST_F(Links, who_is_refused_tries_again_and_again_since_the_end_of_the_listener) {
    const Draft refused = Draft("connects_refused", "client").connects("10.0.0.1", 80).of(100);
    const Draft died = Draft("process_died", "server").serves("10.0.0.1", 80).of(1);
    EXPECT_EQ(linked({Draft(refused).from(2s, 9s), Draft(died).from(3s, 3s)})[0], "server");
    EXPECT_EQ(linked({Draft(refused).from(2s - 1ns, 9s), Draft(died).from(3s, 3s)})[0], "client")
        << "they were refused before";
    EXPECT_EQ(linked({refused, Draft(died).from(3s, 3s)})[0], "client") << "since when isn't known";
    EXPECT_EQ(linked({Draft(refused).from(2s, 9s), died})[0], "client");
}

} // namespace
} // namespace tcpdwell::test
