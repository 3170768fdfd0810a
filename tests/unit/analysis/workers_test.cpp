// SPDX-License-Identifier: Apache-2.0
// What processes that accept nothing are occupied with, as the findings on their queues say it.
#include "rule_test.h"

namespace tcpdwell::test {
namespace {

struct Carried {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    Nanoseconds since_sent{};
    Nanoseconds since_received{};
    std::uint32_t unsent = 0;
    std::uint32_t unread = 0;
    std::uint32_t window = 65536;
};

class WorkersTest : public RuleTest {
protected:
    explicit WorkersTest(std::uint32_t backlog = 128) : backlog_(backlog) { listen(); }

    /// Where app (pid 7) and others of the same name wait in accept(), or don't.
    void listen(std::vector<event::Process> holders = {process(7, "app")}) {
        event::SocketNumbers numbers;
        numbers.unread = 2;
        listed({.state = LISTEN,
                .ends = tuple("10.0.0.1", 80, "0.0.0.0", 0),
                .holders = holders,
                .numbers = numbers,
                .backlog = backlog_});
        for (tcp::Port port = 60'000; port < 60'002; ++port)
            listed({.state = ESTABLISHED,
                    .ends = tuple("10.0.0.1", 80, "192.0.2.7", port),
                    .held = false});
    }
    static event::SocketNumbers numbers_of(const Carried& carried) {
        event::SocketNumbers n;
        n.bytes_sent = carried.sent;
        n.bytes_received = carried.received;
        n.unsent = carried.unsent;
        n.unread = carried.unread;
        n.peer_window = carried.window;
        const auto ms = [](Nanoseconds t) { return static_cast<std::uint32_t>(t / 1ms); };
        n.since_sent_ms = ms(carried.since_sent);
        n.since_received_ms = ms(carried.since_received);
        return n;
    }
    /// A connection that it has accepted.
    void serves(const Carried& carried, std::uint32_t pid = 7, tcp::State state = ESTABLISHED) {
        listed({.state = state,
                .ends = tuple("10.0.0.1", 80, "192.0.2.7", next_port_++),
                .opener = process(pid, "app"),
                .holders = {process(pid, "app")},
                .numbers = numbers_of(carried),
                .held = true});
    }
    /// A connection of it as a client.
    void asks(std::string_view remote, const Carried& carried, std::uint32_t pid = 7) {
        listed({.state = ESTABLISHED,
                .ends = tuple("10.0.0.1", next_port_++, remote, 5432),
                .opener = process(pid, "app"),
                .holders = {process(pid, "app")},
                .numbers = numbers_of(carried)});
    }
    std::string what() {
        const report::Finding* f = found("accept_stalled", 6s);
        return f == nullptr ? "" : std::string(f->what);
    }
    bool is_silent() { return what().find("one connection open") == std::string::npos; }

    static std::string_view word(const report::Finding& f, std::string_view key) {
        return std::get<std::string_view>(fact(f.evidence, key));
    }

    static constexpr Carried kNothing{.since_sent = 7s, .since_received = 7s};
    /// Accepted and read at once, and not answered.
    static constexpr Carried kRequest{.received = 100, .since_sent = 7s, .since_received = 7s};
    tcp::Port next_port_ = 50'000;

private:
    std::uint32_t backlog_;
};

TEST_F(WorkersTest, a_client_that_sends_nothing) {
    serves(kNothing);
    EXPECT_THAT(what(), HasSubstr("; app (pid 7) has one connection open, whose client "
                                  "(192.0.2.7:50000) has sent nothing for 7.0 s."));
    const report::Finding* f = finding(last, "accept_stalled");
    EXPECT_EQ(evidence(*f, "occupied"), 1);
    EXPECT_EQ(word(*f, "occupied_by"), "silent_client");
    EXPECT_EQ(std::get<Nanoseconds>(fact(f->evidence, "occupied_ns")), 7s);
    EXPECT_THAT(advice(*f), HasSubstr("If the program serves one connection at a time"));
}

TEST_F(WorkersTest, a_client_that_does_not_read) {
    serves({.sent = 9000,
            .received = 100,
            .since_sent = 5s,
            .since_received = 1s,
            .unsent = 4000,
            .window = 0});
    EXPECT_THAT(what(), HasSubstr("whose client (192.0.2.7:50000) doesn't read: nothing could be "
                                  "sent for 5.0 s (4000 bytes unsent)."));
}

TEST_F(WorkersTest, what_waits_though_the_window_is_open_is_no_client_that_does_not_read) {
    serves({.sent = 9000, .received = 100, .since_sent = 5s, .since_received = 5s, .unsent = 4000});
    EXPECT_TRUE(is_silent());
}

TEST_F(WorkersTest, a_request_that_is_not_answered) {
    serves(kRequest);
    EXPECT_THAT(what(), HasSubstr("whose client (192.0.2.7:50000) it hasn't answered for 7.0 s."));
    EXPECT_THAT(advice(*finding(last, "accept_stalled")),
                Not(HasSubstr("one connection at a time")));
}

TEST_F(WorkersTest, where_it_has_asked_meanwhile) {
    serves(kRequest);
    asks("10.0.0.9", {.sent = 50, .since_sent = 6990ms, .since_received = 6950ms});
    EXPECT_THAT(what(), HasSubstr("it hasn't answered for 7.0 s, and has heard nothing for 7.0 s "
                                  "from 10.0.0.9:5432, where it has sent something meanwhile."));
    const report::Finding* f = finding(last, "accept_stalled");
    EXPECT_EQ(word(*f, "asked"), "10.0.0.9:5432");
    EXPECT_THAT(advice(*f), HasSubstr("If it waits for the answer from 10.0.0.9:5432"));
}

TEST_F(WorkersTest, who_has_answered_is_not_waited_for) {
    serves(kRequest);
    asks("10.0.0.9", {.sent = 50, .received = 10, .since_sent = 6990ms, .since_received = 6000ms});
    EXPECT_THAT(what(), Not(HasSubstr("10.0.0.9")));
}

TEST_F(WorkersTest, what_was_asked_before_was_for_another_request) {
    serves(kRequest);
    asks("10.0.0.9", {.sent = 50, .since_sent = 8s, .since_received = 8s});
    EXPECT_THAT(what(), Not(HasSubstr("10.0.0.9")));
}

TEST_F(WorkersTest, who_was_asked_last_counts) {
    serves(kRequest);
    asks("10.0.0.9", {.sent = 50, .since_sent = 7s, .since_received = 7s});
    asks("10.0.0.8", {.sent = 50, .since_sent = 5s, .since_received = 5s});
    EXPECT_THAT(what(), HasSubstr("for 5.0 s from 10.0.0.8:5432"));
}

TEST_F(WorkersTest, a_connection_that_has_had_its_answer_keeps_nobody) {
    serves({.sent = 50, .received = 100, .since_sent = 7s, .since_received = 6960ms});
    EXPECT_TRUE(is_silent());
}

TEST_F(WorkersTest, a_request_after_an_answer_keeps_the_process) {
    serves({.sent = 50, .received = 100, .since_sent = 7s, .since_received = 4s});
    EXPECT_THAT(what(), HasSubstr("it hasn't answered for 4.0 s."));
}

TEST_F(WorkersTest, what_is_unread_keeps_nobody) {
    serves({.received = 100, .since_sent = 7s, .since_received = 7s, .unread = 100});
    EXPECT_TRUE(is_silent());
}

TEST_F(WorkersTest, a_client_that_has_closed_may_have_asked_at_any_time) {
    serves(kRequest, 7, CLOSE_WAIT);
    EXPECT_TRUE(is_silent()) << "when it was accepted wasn't seen";
}

TEST_F(WorkersTest, who_has_accepted_several_serves_several) {
    serves(kNothing);
    serves(kNothing);
    EXPECT_TRUE(is_silent());
}

TEST_F(WorkersTest, who_has_accepted_none_is_occupied_otherwise) { EXPECT_TRUE(is_silent()); }

TEST_F(WorkersTest, a_second_is_the_least) {
    serves({.since_sent = 900ms, .since_received = 900ms});
    EXPECT_TRUE(is_silent());
}

TEST_F(WorkersTest, what_was_read_long_ago_may_be_over) {
    serves(kNothing);
    const report::Finding* f = found("accept_stalled", 12s);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), Not(HasSubstr("one connection open")));
}

TEST_F(WorkersTest, a_process_that_has_handed_it_over_is_not_kept_by_it) {
    listed({.state = ESTABLISHED,
            .ends = tuple("10.0.0.1", 80, "192.0.2.7", 50'000),
            .opener = process(7, "app"),
            .holders = {process(99, "child")},
            .numbers = numbers_of(kNothing),
            .held = true});
    EXPECT_TRUE(is_silent());
}

class SeveralWorkersTest : public WorkersTest {
protected:
    SeveralWorkersTest() {
        more.clear();
        listen({process(7, "app"), process(8, "app")});
    }
};

TEST_F(SeveralWorkersTest, each_of_them) {
    serves(kNothing, 7);
    serves({.since_sent = 3s, .since_received = 3s}, 8);
    EXPECT_THAT(what(), HasSubstr("; each of these processes has one connection open, whose client "
                                  "has sent nothing for up to 7.0 s."));
    EXPECT_EQ(evidence(*finding(last, "accept_stalled"), "occupied"), 2);
}

TEST_F(SeveralWorkersTest, one_of_them) {
    serves(kRequest, 7);
    serves({.received = 100, .since_sent = 100ms, .since_received = 100ms}, 8);
    EXPECT_THAT(what(), HasSubstr("; 1 of these 2 processes has one connection open, whose client "
                                  "(192.0.2.7:50000) it hasn't answered for 7.0 s."));
}

TEST_F(SeveralWorkersTest, one_that_is_occupied_otherwise_could_accept) {
    serves(kNothing, 7);
    EXPECT_TRUE(is_silent());
}

TEST_F(SeveralWorkersTest, what_they_have_asked_is_one_endpoint) {
    const Carried asked{.sent = 50, .since_sent = 7s, .since_received = 7s};
    serves(kRequest, 7);
    serves(kRequest, 8);
    asks("10.0.0.9", asked, 7);
    EXPECT_THAT(what(), Not(HasSubstr("10.0.0.9"))) << "the other one has asked nobody";
    asks("10.0.0.9", asked, 8);
    EXPECT_THAT(what(), HasSubstr("each of these processes has one connection open, whose client "
                                  "it hasn't answered for up to 7.0 s, and has heard nothing for "
                                  "7.0 s from 10.0.0.9:5432"));
}

class FullQueueTest : public WorkersTest {
protected:
    FullQueueTest() : WorkersTest(1) {}
};

TEST_F(FullQueueTest, names_what_keeps_the_program_too) {
    serves(kNothing);
    const report::Finding* f = found("accept_queue_full", 6s);
    ASSERT_NE(f, nullptr);
    EXPECT_THAT(std::string(f->what),
                testing::EndsWith("is full: 2 wait (limit 1); app (pid 7) has one connection open, "
                                  "whose client (192.0.2.7:50000) has sent nothing for 7.0 s."));
    EXPECT_EQ(evidence(*f, "occupied"), 1);
}

} // namespace
} // namespace tcpdwell::test
