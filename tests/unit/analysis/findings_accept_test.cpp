// SPDX-License-Identifier: Apache-2.0
// Findings on accept queues that are full, and on connections that nobody accepts.
#include "rule_test.h"

namespace tcpdwell::test {
namespace {

class AcceptTest : public RuleTest {
protected:
    /// A listener of app (pid 7) with so many in its queue, and the length of that.
    void listen(tcp::Port port, std::uint32_t queued, std::uint32_t backlog,
                std::uint32_t pid = 7) {
        event::SocketNumbers numbers;
        numbers.unread = queued;
        listed({.state = LISTEN,
                .ends = tuple("10.0.0.1", port, "0.0.0.0", 0),
                .opener = process(pid, "app"),
                .numbers = numbers,
                .backlog = backlog});
    }
    /// Established, and not accepted.
    void waits(tcp::Port port, std::size_t count = 1, tcp::State state = ESTABLISHED) {
        for (std::size_t i = 0; i < count; ++i)
            listed({.state = state,
                    .ends = tuple("10.0.0.1", port, "192.0.2.7",
                                  static_cast<tcp::Port>(50'000 + more.size())),
                    .held = false});
    }
    void overflow(std::uint64_t times, Nanoseconds from = 1ms, Nanoseconds until = 2s) {
        for (const auto& [when, count] : {std::pair(from, std::uint64_t{0}), {until, times}})
            more.emplace_back(
                when, event::KernelCounters{at(when), kNetns, {{"TcpExt.ListenOverflows", count}}});
    }
    const report::Finding* full() { return found("accept_queue_full", 10s); }
    const report::Finding* stalled() { return found("accept_stalled", 10s); }
};

TEST_F(AcceptTest, a_queue_is_full_beyond_its_limit) {
    listen(80, 5, 5);
    EXPECT_FALSE(full());
    more.clear();
    listen(80, 6, 5);
    const report::Finding* f = full();
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::warning);
    EXPECT_EQ(f->what, "The accept queue of app (pid 7) on 10.0.0.1:80 is full: 6 wait (limit 5).");
    EXPECT_EQ(f->subject, "app (pid 7) on 10.0.0.1:80");
    EXPECT_EQ(evidence(*f, "overflows"), 0);
    EXPECT_EQ(evidence(*f, "queued"), 6);
    EXPECT_EQ(evidence(*f, "limit"), 5);
    EXPECT_EQ(evidence(*f, "waiting"), 0);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(f->evidence, "oldest_ns")));
    EXPECT_THAT(advice(*f), HasSubstr("(/proc/7/stack, /proc/7/wchan)"));
    EXPECT_THAT(advice(*f), HasSubstr("net.core.somaxconn (not known here) limits it"));
}

TEST_F(AcceptTest, who_listens_are_all_that_have_the_socket) {
    const auto listeners = [&] {
        return std::get<report::HolderList>(fact(full()->evidence, "holders")).count;
    };
    listen(80, 6, 5);
    EXPECT_EQ(listeners(), 1u);
    more.clear();
    event::SocketNumbers numbers;
    numbers.unread = 6;
    listed({.state = LISTEN,
            .ends = tuple("10.0.0.1", 80, "0.0.0.0", 0),
            .opener = process(7, "app"),
            .holders = {process(7, "app"), process(8, "app")},
            .numbers = numbers,
            .backlog = 5});
    EXPECT_EQ(listeners(), 2u);
}

TEST_F(AcceptTest, a_report_on_no_time_is_not_critical) {
    listen(80, 6, 5);
    report(10s);
    run->interval();
    last = run->interval();
    const report::Finding* f = finding(last, "accept_queue_full");
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::warning);
}

TEST_F(AcceptTest, a_hundred_overflows_a_second_are_critical_in_a_short_time_too) {
    overflow(49, 1ms, 400ms);
    EXPECT_EQ(found("accept_queue_full", 500ms)->severity, report::Severity::warning);
    more.clear();
    overflow(50, 1ms, 400ms);
    EXPECT_EQ(found("accept_queue_full", 500ms)->severity, report::Severity::critical);
}

TEST_F(AcceptTest, of_several_the_one_at_its_limit_has_overflowed) {
    listen(80, 0, 5);
    listen(81, 6, 5);
    listen(82, 0, 5);
    waits(82, 3);
    overflow(1);
    EXPECT_THAT(std::string(full()->what),
                HasSubstr("The accept queue of app (pid 7) on 10.0.0.1:81 (limit 5) overflowed 1 "
                          "time in 10.0 s:"));
}

TEST_F(AcceptTest, clients_that_have_all_closed_believe_nothing) {
    listen(80, 2, 5);
    waits(80, 2, CLOSE_WAIT);
    const report::Finding* f = stalled();
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), HasSubstr(": the clients have all closed their side, and"));
}

TEST_F(AcceptTest, where_none_waits_none_is_named) {
    listen(80, 0, 5);
    listen(81, 0, 5);
    overflow(2);
    const report::Finding* f = full();
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), HasSubstr("An accept queue in network namespace 4026531840 "
                                                "overflowed 2 times"));
    EXPECT_EQ(evidence(*f, "netns"), kNetns);
    EXPECT_THAT(advice(*f), HasSubstr("/proc/PID/stack, /proc/PID/wchan"));
}

/// The kernel's number is of the last look; connections have come since.
TEST_F(AcceptTest, a_length_that_is_too_small_is_not_shown) {
    listen(80, 1, 5);
    waits(80, 2);
    const report::Finding* f = stalled();
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), Not(HasSubstr("(queue")));
    EXPECT_EQ(evidence(*f, "queued"), 1);
}

TEST(AcceptQueue, from_which_was_accepted_since_is_no_longer_known_to_be_full) {
    analysis::AcceptQueue queue;
    queue.sockets = {{process(7, "app"), {}, false, 6, 5, at(1s)}};
    EXPECT_TRUE(queue.is_full());
    queue.accepters = {{process(7, "app"), at(3s)}};
    EXPECT_TRUE(queue.is_full()) << "soon after the look";
    queue.accepters.push_back({process(8, "app"), at(3s + 1ns)});
    EXPECT_FALSE(queue.is_full());
    queue.sockets.front().looked_at.reset();
    EXPECT_TRUE(queue.is_full()) << "not known when";
}

/// Only by the filter there is no other one.
TEST_F(AcceptTest, where_not_all_listeners_are_known_a_slow_one_isnt_the_one) {
    options.run.filter = "--port 80";
    listen(80, 0, 5);
    waits(80, 1);
    overflow(2);
    EXPECT_THAT(std::string(full()->what),
                HasSubstr("An accept queue in network namespace 4026531840, perhaps one that the "
                          "filter leaves out, overflowed 2 times"));
}

TEST_F(AcceptTest, nobody_accepts) {
    threshold("accept_stalled.connections=3");
    listen(80, 3, 5);
    waits(80, 2);
    EXPECT_FALSE(stalled());
    waits(80, 1, CLOSE_WAIT);
    const report::Finding* f = stalled();
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::warning);
    EXPECT_EQ(
        f->what,
        "3 connections wait for accept() at app (pid 7) on 10.0.0.1:80, the oldest for at "
        "least 9.0 s (queue 3 of 5): the clients believe that they are connected (1 of them has "
        "closed), and none has been accepted there in the 10.0 s of this report.");
    EXPECT_EQ(evidence(*f, "waiting"), 3);
    EXPECT_EQ(evidence(*f, "half_closed"), 1);
    EXPECT_EQ(std::get<Nanoseconds>(fact(f->evidence, "oldest_ns")), 9s);
    EXPECT_EQ(f->connections.size(), 3u);
    EXPECT_THAT(advice(*f), HasSubstr("/proc/7/stack"));
    EXPECT_FALSE(finding(last, "close_wait_leak")); // no process can close it
}

/// SO_REUSEPORT: each socket has a queue of its own.
TEST_F(AcceptTest, of_several_sockets_those_are_named_where_connections_wait) {
    listen(80, 0, 5, 7);
    listen(80, 3, 5, 8);
    listen(80, 0, 5, 9);
    waits(80, 3);
    const report::Finding* f = stalled();
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("3 connections wait for accept() at app (pid 8) on 10.0.0.1:80, the "
                          "oldest for at least 9.0 s (queue 3 of 5)"));
    EXPECT_EQ(evidence(*f, "limit"), 5);
    EXPECT_EQ(evidence(*f, "listeners"), 3);
    EXPECT_EQ(evidence(*f, "listeners_busy"), 1);
    EXPECT_THAT(advice(*f), HasSubstr("/proc/8/stack"));
    listen(80, 4, 5, 10);
    EXPECT_EQ(stalled()->subject, "app (pids 10, 8) on 10.0.0.1:80");
    EXPECT_THAT(std::string(stalled()->what), HasSubstr("(the longest queue 4 of 5)"));
}

TEST_F(AcceptTest, one_of_several_sockets_is_full) {
    listen(80, 0, 5, 7);
    listen(80, 6, 5, 8);
    EXPECT_EQ(full()->what, "The accept queue of app (pid 8) on 10.0.0.1:80 is full: 6 wait (limit "
                            "5).");
}

class AcceptersTest : public AcceptTest {
protected:
    /// A listener with so many in its queue, opened by initd (pid 7) and held by those.
    void listen_for(const std::vector<event::Process>& holders, std::uint32_t queued = 2) {
        event::SocketNumbers numbers;
        numbers.unread = queued;
        listed({.state = LISTEN,
                .ends = tuple("10.0.0.1", 80, "0.0.0.0", 0),
                .opener = initd,
                .holders = holders,
                .numbers = numbers,
                .backlog = 5});
    }
    void accepted_by(const event::Process& who, Nanoseconds when) {
        const tcp::FourTuple ends =
            tuple("10.0.0.1", 80, "192.0.2.8", static_cast<tcp::Port>(50'000 + more.size()));
        const std::uint64_t sock = 0x9000 + 0x100 * more.size();
        more.emplace_back(when - 2ms, event::RequestTimer{at(when - 2ms), kNetns, sock, 0, ends,
                                                          TD_TIMER_START, 0});
        more.emplace_back(when - 1ms, event::StateChange{at(when - 1ms), kNetns, sock + 0x10,
                                                         sock + 0x10, ends, SYN_RECV, ESTABLISHED});
        more.emplace_back(
            when,
            event::OwnerFound{at(when), sock + 0x10, sock + 0x10, {who, {}, 0}, TD_OWNER_ACCEPTED});
    }
    std::string what() {
        const report::Finding* finding = stalled();
        return finding ? std::string(finding->what) : "";
    }
    const event::Process initd = process(7, "initd");
    const event::Process service = process(8, "service");
};

TEST_F(AcceptersTest, who_has_accepted_before_is_who_can_go_on) {
    listen_for({initd, service});
    waits(80, 2);
    accepted_by(service, 1500ms);
    EXPECT_THAT(what(), HasSubstr("at service (pid 8) on 10.0.0.1:80"));
    EXPECT_THAT(what(), HasSubstr("and none has been accepted there for 8.5 s."));
    EXPECT_THAT(advice(*finding(last, "accept_stalled")), HasSubstr("/proc/8/stack"));
}

TEST_F(AcceptersTest, a_listener_that_was_only_inherited_is_nobodys) {
    listen_for({process(9, "sleep")});
    waits(80, 2);
    accepted_by(initd, 1500ms);
    EXPECT_THAT(what(), HasSubstr("at sleep (pid 9) on 10.0.0.1:80"));
    EXPECT_THAT(what(), HasSubstr("; initd (pid 7), which listened, has the listener no longer, "
                                  "and no accept() by whoever inherited it was seen."));
    EXPECT_THAT(advice(*finding(last, "accept_stalled")),
                HasSubstr("sleep (pid 9) has the listener's descriptor only because"));
}

TEST_F(AcceptersTest, a_program_that_goes_on_in_a_child_is_no_heir) {
    listen_for({process(9, "initd")});
    waits(80, 2);
    EXPECT_THAT(what(), HasSubstr("at initd (pid 9) on"));
    EXPECT_THAT(what(), HasSubstr("none has been accepted there in the 10.0 s"));
}

TEST_F(AcceptersTest, a_worker_that_has_accepted_is_no_heir) {
    listen_for({process(9, "worker")});
    waits(80, 2);
    accepted_by(process(9, "worker"), 1500ms);
    EXPECT_THAT(what(), HasSubstr("at worker (pid 9) on"));
    EXPECT_THAT(what(), HasSubstr("none has been accepted there for 8.5 s."));
}

/// What waits has waited for 9 s at least.
TEST_F(AcceptersTest, who_goes_on_to_accept_is_too_slow) {
    listen_for({initd});
    waits(80, 2);
    accepted_by(initd, 9500ms);
    EXPECT_THAT(what(), HasSubstr("connected, and accept() takes them too slowly: the last one 500 "
                                  "ms ago."));
    more.clear();
    listen_for({initd});
    waits(80, 2);
    accepted_by(initd, 2s);
    EXPECT_THAT(what(), HasSubstr("none has been accepted there for 8.0 s."))
        << "just after the oldest came";
}

TEST_F(AcceptersTest, what_a_filter_hides_may_have_been_accepted) {
    listen_for({initd});
    waits(80, 2);
    options.run.filter = "--addr 192.0.2.7";
    EXPECT_THAT(what(), HasSubstr("(queue 2 of 5): the clients believe that they are connected."));
}

/// The handshake is no time in the queue; CLOSE_WAIT is.
TEST_F(AcceptTest, they_wait_since_they_were_established) {
    threshold("accept_stalled.connections=1");
    listen(80, 1, 5);
    const tcp::FourTuple ends = tuple("10.0.0.1", 80, "192.0.2.7", 50'000);
    const auto change = [&](Nanoseconds when, tcp::State from, tcp::State to) {
        more.emplace_back(when, event::StateChange{at(when), kNetns, 0x9100, 5, ends, from, to});
    };
    more.emplace_back(2s, event::RequestTimer{at(2s), kNetns, 0x9000, 0, ends, TD_TIMER_START, 0});
    change(3s, SYN_RECV, ESTABLISHED);
    change(5s, ESTABLISHED, CLOSE_WAIT);
    const report::Finding* f = stalled();
    ASSERT_TRUE(f);
    EXPECT_EQ(std::get<Nanoseconds>(fact(f->evidence, "oldest_ns")), 7s);
    EXPECT_THAT(std::string(f->what), HasSubstr(" for 7.0 s"));
}

TEST_F(AcceptTest, a_leak_of_the_same_process_may_be_why) {
    listen(80, 1, 5);
    waits(80);
    const auto leaks = [&](std::uint32_t pid, std::string_view comm) {
        listed({.state = CLOSE_WAIT,
                .ends = tuple("10.0.0.1", 80, "192.0.2.7",
                              static_cast<tcp::Port>(40'000 + more.size())),
                .opener = process(pid, comm),
                .holders = {process(pid, comm)}});
    };
    const auto advised = [&](Nanoseconds now) { return advice(*found("accept_stalled", now)); };
    leaks(8, "other");
    EXPECT_THAT(advised(100s), Not(HasSubstr("EMFILE")));
    leaks(7, "app");
    leaks(7, "app");
    EXPECT_THAT(advised(10s), Not(HasSubstr("EMFILE"))) << "not old";
    EXPECT_THAT(advised(100s),
                HasSubstr("app (pid 7) also has 2 sockets in CLOSE_WAIT. If the "
                          "descriptors are used up by them, accept() fails with EMFILE"));
    leaks(8, "app");
    EXPECT_THAT(advised(100s), HasSubstr("app (pid 7) also has sockets in CLOSE_WAIT."));
}

TEST_F(AcceptTest, it_has_stalled_from_the_age_on) {
    threshold("accept_stalled.age=9s");
    listen(80, 1, 5);
    waits(80);
    EXPECT_THAT(std::string(stalled()->what), HasSubstr("1 connection waits for accept() at"));
    threshold("accept_stalled.age=9.1s");
    EXPECT_FALSE(stalled());
}

TEST_F(AcceptTest, a_full_queue_and_nobody_who_accepts_are_one_finding) {
    listen(80, 6, 5);
    waits(80, 6);
    EXPECT_TRUE(full());
    EXPECT_FALSE(stalled());
    listen(81, 1, 5);
    waits(81);
    EXPECT_TRUE(stalled());
    EXPECT_EQ(stalled()->subject, "app (pid 7) on 10.0.0.1:81");
}

TEST_F(AcceptersTest, the_one_that_leaks_is_named) {
    const event::Process ten = process(10, "app"), eleven = process(11, "app");
    listen_for({ten, eleven});
    waits(80, 2);
    accepted_by(ten, 1500ms);
    accepted_by(eleven, 1600ms);
    listed({.state = CLOSE_WAIT,
            .ends = tuple("10.0.0.1", 80, "192.0.2.7", 40'000),
            .opener = eleven,
            .holders = {eleven}});
    const std::string advised = advice(*found("accept_stalled", 100s));
    EXPECT_THAT(advised, HasSubstr("app (pid 11) also has 1 socket in CLOSE_WAIT."));
    EXPECT_THAT(advised, HasSubstr("compare ls /proc/11/fd | wc -l with \"Max open files\" in "
                                   "/proc/11/limits."));
}

TEST_F(AcceptersTest, a_process_of_another_pid_namespace_has_no_directory) {
    listen_for({process(0, "initd")});
    waits(80, 2);
    EXPECT_THAT(what(), HasSubstr("at initd on 10.0.0.1:80"));
    EXPECT_THAT(advice(*finding(last, "accept_stalled")), HasSubstr("(/proc/PID/stack"));
}

} // namespace
} // namespace tcpdwell::test
