// SPDX-License-Identifier: Apache-2.0
// Whose a connection is, and who closed it: the first that is sure stays, and a guess gives way.
#include <gtest/gtest.h>

#include <cerrno>

#include "events.h"

namespace tcpdwell::test {
namespace {

const event::Process kSecond = process(20, "second");
const event::Process kThird = process(30, "third");

event::OwnerFound owner_found(Nanoseconds when, const TestSocket& s, td_owner_how how,
                              std::optional<event::Process> who = kSecond,
                              std::optional<std::uint32_t> uid = std::nullopt) {
    return {at(when), s.address, s.cookie, event::Owner{who, uid, 0}, how};
}

/// A listener of kApp's, and a connection to it that somebody may accept.
struct Owners : testing::Test {
    Owners() {
        TestSocket listener{0xffff88800000a000, 3};
        listener.tuple.remote = {};
        run << listener.change(1ms, CLOSE, LISTEN, 0, 0, kApp);
    }
    void open() {
        run << s.change(10ms, LISTEN, SYN_RECV) << s.change(11ms, SYN_RECV, ESTABLISHED);
    }
    synth::Outcome outcome() {
        const std::vector<synth::Outcome> all = run.outcomes();
        EXPECT_EQ(all.size(), 2u);
        EXPECT_TRUE(all.back().line);
        return all.back();
    }
    TestSocket s;
    EventRun run;
};

TEST_F(Owners, are_at_first_those_of_the_listener) {
    open();
    EXPECT_EQ(outcome().process, kApp);
}

TEST_F(Owners, are_who_is_found_to_hold_it) {
    open();
    run << owner_found(20ms, s, TD_OWNER_HOLDS);
    EXPECT_EQ(outcome().process, kSecond);
}

TEST_F(Owners, are_the_first_of_several_holders) {
    open();
    event::HoldersFound found{at(20ms), s.address, s.cookie, 2, {kSecond, kThird}, false};
    run << found;
    EXPECT_EQ(outcome().process, kSecond);
}

TEST_F(Owners, that_accepted_stay_whoever_holds_it_later) {
    open();
    event::HoldersFound found{at(40ms), s.address, s.cookie, 1, {kThird}, false};
    run << owner_found(20ms, s, TD_OWNER_ACCEPTED) << owner_found(30ms, s, TD_OWNER_HOLDS, kThird)
        << found;
    EXPECT_EQ(outcome().process, kSecond);
}

TEST_F(Owners, that_accepted_before_the_handshake_was_complete_stay_too) {
    run << s.change(10ms, LISTEN, SYN_RECV) << owner_found(12ms, s, TD_OWNER_ACCEPTED)
        << s.change(15ms, SYN_RECV, ESTABLISHED, 0, TD_STATE_FASTOPEN)
        << owner_found(30ms, s, TD_OWNER_HOLDS, kThird);
    EXPECT_EQ(outcome().process, kSecond);
}

TEST_F(Owners, of_a_child_whose_handshake_goes_on_are_not_who_is_listed) {
    run << s.change(10ms, LISTEN, SYN_RECV) << owner_found(12ms, s, TD_OWNER_HOLDS)
        << s.change(15ms, SYN_RECV, ESTABLISHED, 0, TD_STATE_FASTOPEN);
    EXPECT_EQ(outcome().process, kApp);
}

TEST_F(Owners, are_not_a_kernel_thread_that_accepts) {
    open();
    run << owner_found(20ms, s, TD_OWNER_ACCEPTED, std::nullopt, 7);
    const synth::Outcome o = outcome();
    EXPECT_EQ(o.process, kApp);
    EXPECT_EQ(o.uid, 1000u);
}

TEST_F(Owners, of_another_socket_at_that_address_are_not_its_own) {
    open();
    auto other = owner_found(20ms, s, TD_OWNER_HOLDS);
    other.cookie = s.cookie + 1;
    run << other;
    EXPECT_EQ(outcome().process, kApp);
}

TEST_F(Owners, are_known_by_the_address_where_one_side_has_no_cookie) {
    for (const bool found_has_none : {false, true}) {
        TestSocket each = s;
        each.address += found_has_none ? 0x1000 : 0x2000;
        each.tuple.remote.port = found_has_none ? 1 : 2;
        each.cookie = found_has_none ? 8 : 0;
        EventRun single;
        single << each.change(11ms, SYN_RECV, ESTABLISHED);
        auto found = owner_found(20ms, each, TD_OWNER_HOLDS);
        found.cookie = found_has_none ? 0 : 9;
        single << found;
        EXPECT_EQ(single.only_outcome().process, kSecond) << found_has_none;
    }
}

TEST_F(Owners, are_changed_in_their_user_id_only_by_who_has_one) {
    open();
    run << owner_found(20ms, s, TD_OWNER_HOLDS, kSecond, 33)
        << owner_found(30ms, s, TD_OWNER_HOLDS, kSecond);
    EXPECT_EQ(outcome().uid, 33u);
}

TEST(OwnersOfClients, are_who_called_connect) {
    const TestSocket s;
    EventRun run;
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
        << owner_found(20ms, s, TD_OWNER_HOLDS);
    EXPECT_EQ(run.only_outcome().process, kApp);
}

TEST(OwnersOfClients, that_were_there_before_are_who_holds_them) {
    const TestSocket s;
    EventRun run;
    run << s.listed(10ms, ESTABLISHED) << owner_found(20ms, s, TD_OWNER_HOLDS)
        << owner_found(30ms, s, TD_OWNER_HOLDS, kThird);
    EXPECT_EQ(run.only_outcome().process, kSecond);
}

/// A client of kApp's in this state, until kSecond brings about that change.
synth::Outcome after(tcp::State from, tcp::State to, std::uint8_t error = 0,
                     std::uint16_t flags = 0, std::uint8_t shutdown = 0) {
    const TestSocket s;
    EventRun run;
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp);
    if (from != SYN_SENT) run << s.change(11ms, SYN_SENT, ESTABLISHED);
    if (from == LAST_ACK || from == CLOSE_WAIT) run << s.change(12ms, ESTABLISHED, CLOSE_WAIT);
    if (from == LAST_ACK) run << s.change(13ms, CLOSE_WAIT, LAST_ACK);
    event::StateChange change = s.change(20ms, from, to, error, flags, kSecond);
    change.shutdown = shutdown;
    run << change;
    return run.only_outcome();
}

TEST(Closer, is_who_sends_the_fin_or_gives_up_the_socket) {
    EXPECT_EQ(after(ESTABLISHED, FIN_WAIT1).closed_by, kSecond);
    EXPECT_EQ(after(CLOSE_WAIT, LAST_ACK).closed_by, kSecond);
    EXPECT_EQ(after(ESTABLISHED, CLOSE).closed_by, kSecond);
    EXPECT_EQ(after(CLOSE_WAIT, CLOSE_WAIT).closed_by, kSecond) << "close() after shutdown()";
    EXPECT_EQ(after(ESTABLISHED, CLOSE, ECONNABORTED).closed_by, kSecond) << "ss -K";
}

TEST(Closer, is_not_who_happens_to_be_running_when_the_peer_or_the_time_ends_it) {
    EXPECT_EQ(after(ESTABLISHED, CLOSE_WAIT).closed_by, std::nullopt);
    EXPECT_EQ(after(ESTABLISHED, CLOSE, ECONNRESET).closed_by, std::nullopt);
    EXPECT_EQ(after(ESTABLISHED, CLOSE, ETIMEDOUT).closed_by, std::nullopt);
    EXPECT_EQ(after(LAST_ACK, CLOSE).closed_by, std::nullopt);
}

TEST(Closer, of_a_connect_is_only_who_gave_it_up) {
    EXPECT_EQ(after(SYN_SENT, CLOSE).closed_by, std::nullopt) << "it found no port, say";
    EXPECT_EQ(after(SYN_SENT, CLOSE, 0, TD_STATE_UNANSWERED).closed_by, kSecond);
    EXPECT_EQ(after(SYN_SENT, CLOSE, 0, 0, 3).closed_by, kSecond);
    EXPECT_EQ(after(SYN_SENT, ESTABLISHED).closed_by, std::nullopt);
}

TEST(Closer, is_the_first_of_several) {
    const TestSocket s;
    EventRun run;
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
        << s.change(20ms, ESTABLISHED, FIN_WAIT1, 0, 0, kSecond)
        << s.change(30ms, FIN_WAIT1, FIN_WAIT1, 0, 0, kThird);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.closed_by, kSecond);
    EXPECT_EQ(o.process, kApp);
}

TEST(Closer, is_a_task_that_holds_the_socket) {
    const TestSocket s;
    EventRun run;
    event::StateChange other = s.change(20ms, ESTABLISHED, FIN_WAIT1, 0, 0, kSecond);
    other.flags = 0;
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
        << other;
    EXPECT_EQ(run.only_outcome().closed_by, std::nullopt);
}

TEST(Closer, of_what_nobody_is_known_to_hold_holds_it) {
    const TestSocket s;
    for (const int error : {0, ECONNABORTED}) {
        EventRun run;
        event::SocketListed listed = s.listed(10ms, ESTABLISHED);
        listed.owner = {};
        run << listed
            << s.change(20ms, ESTABLISHED, CLOSE, static_cast<std::uint8_t>(error), 0, kSecond);
        const synth::Outcome o = run.only_outcome();
        EXPECT_EQ(o.closed_by, kSecond);
        EXPECT_EQ(o.process, error == 0 ? std::optional(kSecond) : std::nullopt)
            << "ss -K is another's";
        EXPECT_EQ(o.uid, 1000u);
        EXPECT_EQ(o.cgroup, 42u);
    }
}

TEST(Closer, changes_no_user_id_and_cgroup_that_are_known) {
    const TestSocket s;
    EventRun run;
    event::StateChange close = s.change(20ms, ESTABLISHED, FIN_WAIT1, 0, 0, kSecond);
    close.owner->uid = 0;
    close.owner->cgroup = 1;
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
        << close;
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.uid, 1000u);
    EXPECT_EQ(o.cgroup, 42u);
}

} // namespace
} // namespace tcpdwell::test
