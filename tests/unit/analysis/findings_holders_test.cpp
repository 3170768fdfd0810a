// SPDX-License-Identifier: Apache-2.0
// Findings on sockets in CLOSE_WAIT: which processes they name, and what they advise to do to them.
#include "rule_test.h"

namespace tcpdwell::test {
namespace {

/// Sockets that a listing found in CLOSE_WAIT.
class HeldInCloseWait : public RuleTest {
protected:
    void socket(std::optional<event::Process> opener, std::vector<event::Process> holders = {},
                bool are_all = true, std::optional<event::SocketNumbers> numbers = {}) {
        const auto port = static_cast<tcp::Port>(40'000 + more.size());
        listed({.state = CLOSE_WAIT,
                .ends = tuple("10.0.0.1", port, "10.0.0.5", 80),
                .opener = std::move(opener),
                .holders = std::move(holders),
                .are_all = are_all,
                .numbers = numbers});
    }
    const report::Finding* leak() { return found("close_wait_leak", 101s); }
    const report::Finding* inherited() { return found("descriptor_inherited", 101s); }
    /// Of a leak of one socket that these hold.
    std::string leak_of(const std::vector<event::Process>& holders) {
        more.clear();
        socket(holders.front(), holders);
        const report::Finding* f = leak();
        return f ? std::string(f->what) : "no leak";
    }
};

const event::Process kSeven = process(7, "app");
const event::Process kEight = process(8, "app");
const event::Process kNine = process(9, "app");
const event::Process kTen = process(10, "app");

TEST_F(HeldInCloseWait, who_opened_it_is_not_named_again_where_it_holds_it) {
    socket(kSeven, {kSeven});
    const report::Finding* f = leak();
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what, "app (pid 7) has 1 socket in CLOSE_WAIT for longer than 60.0 s, the oldest "
                       "for at least 100.0 s: the peers have closed, and close() isn't called.");
    EXPECT_EQ(f->subject, "app (pid 7)");
    EXPECT_TRUE(has_fact(f->evidence, "holders"));
    EXPECT_EQ(evidence(*f, "pid"), 7);
    EXPECT_THAT(advice(*f), HasSubstr("/proc/7/fd"));
    EXPECT_THAT(advice(*f), HasSubstr("Ending this process closes them."));
}

TEST_F(HeldInCloseWait, who_opened_it_is_named_where_another_worker_holds_it) {
    socket(kSeven, {kEight});
    const report::Finding* f = leak();
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("app (pid 8) has 1 socket in CLOSE_WAIT for longer than 60.0 s, the "
                          "oldest for at least 100.0 s (accepted or connected by app (pid 7)):"));
    EXPECT_THAT(advice(*f), HasSubstr("/proc/8/fd"));
}

TEST_F(HeldInCloseWait, who_opened_only_some_of_them_is_not_named) {
    socket(kSeven, {kNine});
    socket(kEight, {kTen});
    const report::Finding* f = leak();
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("app (pids 9, 10) have 2 sockets in CLOSE_WAIT for longer than 60.0 s, "
                          "the oldest for at least 100.0 s: the peers"));
}

TEST_F(HeldInCloseWait, nobody_is_named_where_no_process_is_known) {
    socket({});
    const report::Finding* f = leak();
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), HasSubstr("a process that is not known has 1 socket"));
    EXPECT_THAT(std::string(f->what), Not(HasSubstr("accepted or connected by")));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(f->evidence, "pid")));
    EXPECT_FALSE(has_fact(f->evidence, "holders"));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(f->evidence, "comm")));
    EXPECT_THAT(advice(*f), HasSubstr("/proc/PID/fd"));
    EXPECT_THAT(advice(*f), Not(HasSubstr("Ending")));
}

TEST_F(HeldInCloseWait, who_opened_it_holds_it_only_where_that_was_looked_up) {
    socket(kSeven);
    const report::Finding* f = leak();
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what,
              "app (pid 7) accepted or connected 1 socket that has been in CLOSE_WAIT for longer "
              "than 60.0 s, the oldest for at least 100.0 s: the peers have closed, and close() "
              "isn't called; which processes have a descriptor hasn't been looked up.");
    socket(kSeven);
    EXPECT_THAT(std::string(leak()->what),
                HasSubstr("app (pid 7) accepted or connected 2 sockets that have been in"));
    socket(kSeven, {kEight});
    EXPECT_THAT(std::string(leak()->what), HasSubstr("app (pids 7, 8) have 3 sockets in"));
}

TEST_F(HeldInCloseWait, a_process_of_another_pid_namespace_has_a_name_only) {
    socket(process(0, "app"), {process(0, "app")});
    const report::Finding* f = leak();
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), HasSubstr("app has 1 socket"));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(f->evidence, "pid")));
    EXPECT_EQ(std::get<std::string_view>(fact(f->evidence, "comm")), "app");
    EXPECT_THAT(advice(*f), HasSubstr("/proc/PID/fd"));
}

TEST_F(HeldInCloseWait, three_processes_are_named_and_that_there_are_more) {
    EXPECT_THAT(leak_of({kSeven, kEight}), HasSubstr("app (pids 7, 8) have 1 socket"));
    EXPECT_THAT(leak_of({kSeven, kEight, kNine}), HasSubstr("app (pids 7, 8, 9) have"));
    EXPECT_THAT(leak_of({kSeven, kEight, kNine, kTen}), HasSubstr("app (pids 7, 8, 9, ...) have"));
}

TEST_F(HeldInCloseWait, of_several_programs_each_is_named) {
    EXPECT_THAT(leak_of({kSeven, process(8, "worker")}),
                HasSubstr("app (pid 7), worker (pid 8) have 1 socket"));
    EXPECT_THAT(leak_of({kSeven, process(8, "worker"), kNine, kTen}),
                HasSubstr("app (pid 7), worker (pid 8), app (pid 9), ... have 1 socket"));
}

TEST_F(HeldInCloseWait, the_end_of_all_holders_is_advised_where_all_are_known) {
    socket(kSeven, {kSeven, kEight});
    EXPECT_THAT(advice(*leak()), HasSubstr("Ending all of these processes closes them."));
    EXPECT_THAT(advice(*leak()), HasSubstr("/proc/PID/fd"));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(leak()->evidence, "pid")));
    socket(kSeven, {kSeven}, false);
    EXPECT_EQ(evidence(*leak(), "sockets"), 2);
    EXPECT_THAT(advice(*leak()), Not(HasSubstr("Ending")));
}

TEST_F(HeldInCloseWait, numbers_are_given_where_they_are_known_of_all) {
    event::SocketNumbers numbers;
    numbers.unread = 512;
    socket(kSeven, {kSeven}, true, numbers);
    EXPECT_EQ(evidence(*leak(), "unread"), 512);
    EXPECT_THAT(std::string(leak()->what),
                HasSubstr("the peers have closed, nothing moves any more, and close()"));
    socket(kSeven, {kSeven});
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(leak()->evidence, "unread")));
    EXPECT_THAT(std::string(leak()->what), Not(HasSubstr("nothing moves")));
}

const event::Process kParent = process(6, "parent");

TEST_F(HeldInCloseWait, a_child_that_inherited_the_descriptor_is_no_leak) {
    threshold("descriptor_inherited.sockets=2");
    socket(kParent, {kSeven});
    EXPECT_FALSE(inherited());
    EXPECT_FALSE(leak());
    threshold("descriptor_inherited.sockets=1");
    const report::Finding* f = inherited();
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::warning);
    EXPECT_EQ(f->what, "1 socket in CLOSE_WAIT, the oldest for at least 100.0 s, is held open by "
                       "app (pid 7) only, which inherited the descriptor or was handed it: parent "
                       "(pid 6) accepted or connected it, and has closed its own.");
    EXPECT_THAT(advice(*f), HasSubstr("If app (pid 7) has no use for it, parent (pid 6) has to"));
    EXPECT_THAT(advice(*f), HasSubstr("As 0 and 1 in /proc/7/fd it is no accident."));
    EXPECT_THAT(advice(*f), HasSubstr("parent (pid 6) has to open its sockets with SOCK_CLOEXEC"));
    EXPECT_THAT(advice(*f), HasSubstr("Now: the end of app (pid 7) ends the connections."));
    EXPECT_FALSE(finding(last, "close_wait_leak"));
}

TEST_F(HeldInCloseWait, where_not_all_holders_are_known_who_opened_it_may_have_it_still) {
    socket(kParent, {kSeven}, false);
    const report::Finding* f = inherited();
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what, "1 socket in CLOSE_WAIT, the oldest for at least 100.0 s, is held open by "
                       "app (pid 7), which inherited the descriptor or was handed it: parent (pid "
                       "6) accepted or connected it, and wasn't found to have one (not all "
                       "processes could be looked into).");
    EXPECT_THAT(advice(*f), Not(HasSubstr("ends the connections")));
}

TEST_F(HeldInCloseWait, of_children_that_inherited_it_all_have_to_end) {
    socket(kParent, {kSeven, kEight});
    socket(kParent, {kSeven, kEight});
    const report::Finding* f = inherited();
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "sockets"), 2);
    EXPECT_EQ(evidence(*f, "in_state"), 2);
    EXPECT_THAT(std::string(f->what), HasSubstr("are held open by app (pids 7, 8) only, which"));
    EXPECT_THAT(std::string(f->what), HasSubstr("parent (pid 6) accepted or connected them"));
    EXPECT_THAT(advice(*f), HasSubstr("Now: only the end of app (pids 7, 8) ends"));
}

TEST_F(HeldInCloseWait, one_that_nobody_has_worked_on_was_handed_over) {
    event::SocketNumbers numbers;
    numbers.bytes_sent = 0;
    numbers.bytes_received = 5;
    numbers.unread = 5;
    socket(kParent, {kSeven}, true, numbers);
    const report::Finding* f = leak();
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("app (pid 7) has 1 socket in CLOSE_WAIT for longer than 60.0 s, the "
                          "oldest for at least 100.0 s (handed over by parent (pid 6), which "
                          "accepted or connected it): the peers have closed"));
    EXPECT_THAT(advice(*f), Not(HasSubstr("SOCK_CLOEXEC")));
    EXPECT_FALSE(finding(last, "descriptor_inherited"));
    socket(kParent, {kSeven});
    EXPECT_TRUE(inherited()) << "not most of them";
    EXPECT_FALSE(finding(last, "close_wait_leak"));
}

TEST_F(HeldInCloseWait, of_each_program_that_opened_them_there_is_a_finding) {
    socket(kParent, {kSeven});
    socket(process(5, "another"), {kSeven});
    const auto& all = section<report::Findings>(report(101s), "findings").list;
    ASSERT_EQ(all.size(), 2u);
    EXPECT_THAT(std::string(all[0].what), HasSubstr("another (pid 5) accepted or connected it"));
    EXPECT_THAT(std::string(all[1].what), HasSubstr("parent (pid 6) accepted or connected it"));
}

TEST_F(HeldInCloseWait, a_threshold_of_0_is_one_of_1) {
    threshold("close_wait_leak.sockets=0");
    clients(kLeaks, 1);
    EXPECT_FALSE(found("close_wait_leak", 10s)); // not old yet
    EXPECT_TRUE(found("close_wait_leak", 101s));
}

} // namespace
} // namespace tcpdwell::test
