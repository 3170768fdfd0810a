// SPDX-License-Identifier: Apache-2.0
// Which of several accept queues overflowed.
#include "rule_test.h"

namespace tcpdwell::test {
namespace {

class OverflowTest : public RuleTest {
protected:
    /// A listener of app (pid 7) with so many in its queue, and the length of that.
    void listen(std::string_view address, tcp::Port port, std::uint32_t queued,
                std::uint32_t backlog) {
        event::SocketNumbers numbers;
        numbers.unread = queued;
        listed({.state = LISTEN,
                .ends = tuple(address, port, "0.0.0.0", 0),
                .opener = process(7, "app"),
                .numbers = numbers,
                .backlog = backlog});
    }
    void wait_at(tcp::Port port, std::size_t count = 1) {
        for (std::size_t i = 0; i < count; ++i)
            listed({.state = ESTABLISHED,
                    .ends = tuple("10.0.0.1", port, "192.0.2.7",
                                  static_cast<tcp::Port>(50'000 + more.size())),
                    .held = false});
    }
    struct Opens {
        Nanoseconds answered_after = 50us; ///< the SYN
        Nanoseconds handshake = 50us;      ///< the time in SYN_RECV
        std::uint32_t retransmitted = 0;   ///< segments of the client
        bool arrives = true;               ///< the server has its end of it
        std::string_view address = "127.0.0.1";
    };
    /// Both ends of a connection that a client here opens at 2 s.
    void connect(tcp::Port port, const Opens& how) {
        const auto from = static_cast<tcp::Port>(40'000 + more.size());
        const tcp::FourTuple near = tuple(how.address, from, how.address, port);
        const tcp::FourTuple far = tuple(how.address, port, how.address, from);
        const std::uint64_t sock = 0x100000 + 0x100 * more.size();
        const auto changes = [&](Nanoseconds when, std::uint64_t of, const tcp::FourTuple& ends,
                                 tcp::State begins, tcp::State to) {
            more.emplace_back(when, event::StateChange{at(when), kNetns, of, of, ends, begins, to});
        };
        const Nanoseconds answered = 2s + how.answered_after;
        changes(2s, sock, near, CLOSE, SYN_SENT);
        if (how.arrives)
            more.emplace_back(answered - 10us,
                              event::RequestTimer{at(answered - 10us), kNetns, sock + 0x10, 0, far,
                                                  TD_TIMER_START, 0});
        changes(answered, sock, near, SYN_SENT, ESTABLISHED);
        if (how.arrives)
            changes(answered - 10us + how.handshake, sock + 0x20, far, SYN_RECV, ESTABLISHED);
        event::NumbersRead read{};
        read.at = at(8s);
        read.netns = kNetns;
        read.sock = read.cookie = sock;
        read.state = ESTABLISHED;
        read.numbers.segments_retransmitted = how.retransmitted;
        more.emplace_back(8s, read);
    }
    void overflow(std::uint64_t times) {
        for (const auto& [when, count] : {std::pair(1ms, std::uint64_t{0}), {9s, times}})
            more.emplace_back(
                when, event::KernelCounters{at(when), kNetns, {{"TcpExt.ListenOverflows", count}}});
    }
    std::string full() {
        std::ranges::stable_sort(more, {}, [](const auto& each) { return each.first; });
        const report::Finding* finding = found("accept_queue_full", 10s);
        return finding ? std::string(finding->what) : "";
    }
};

constexpr auto kFirst = "The accept queue of app (pid 7) on 127.0.0.1:81 (limit 1) overflowed";
constexpr auto kEither = "An accept queue, that of app (pid 7) on 127.0.0.1:81 or app (pid 7) on "
                         "127.0.0.1:80, overflowed";

/// A queue that is full may have taken all that came.
TEST_F(OverflowTest, a_full_queue_whose_clients_were_all_answered_at_once_lost_none) {
    listen("127.0.0.1", 80, 3, 2);
    listen("127.0.0.1", 81, 0, 1);
    for (int i = 0; i < 3; ++i) connect(80, {});
    connect(81, {});
    connect(81, {.answered_after = 1s});
    overflow(2);
    EXPECT_THAT(full(), HasSubstr(kFirst));
    EXPECT_EQ(evidence(*finding(last, "accept_queue_full"), "delayed"), 1);
    const report::Finding* stalled = finding(last, "accept_stalled");
    ASSERT_TRUE(stalled) << "it is full, and didn't overflow";
    EXPECT_EQ(stalled->subject, "app (pid 7) on 127.0.0.1:80");
}

/// Each is a trace of what was dropped, or may be one.
TEST_F(OverflowTest, a_full_queue_may_have_overflowed_if_one_client_had_trouble) {
    const Opens troubles[] = {
        {.answered_after = 20ms}, {.handshake = 30ms}, {.retransmitted = 1}, {.arrives = false}};
    for (const Opens& trouble : troubles) {
        more.clear();
        listen("127.0.0.1", 80, 3, 2);
        listen("127.0.0.1", 81, 0, 1);
        for (int i = 0; i < 3; ++i) connect(80, {});
        connect(80, trouble);
        connect(81, {});
        connect(81, {.answered_after = 1s});
        overflow(2);
        EXPECT_THAT(full(), HasSubstr(kEither));
    }
}

/// Clients on other hosts can have been dropped without a trace here.
TEST_F(OverflowTest, of_a_full_queue_that_other_hosts_can_reach_it_is_not_known) {
    listen("10.0.0.1", 80, 3, 2);
    listen("127.0.0.1", 81, 0, 1);
    for (int i = 0; i < 3; ++i) connect(80, {.address = "10.0.0.1"});
    connect(81, {});
    connect(81, {.answered_after = 1s});
    overflow(2);
    EXPECT_THAT(full(), HasSubstr("An accept queue, that of app (pid 7) on 127.0.0.1:81 or app "
                                  "(pid 7) on 10.0.0.1:80, overflowed 2 times"));
    EXPECT_EQ(findings(last, "accept_stalled").size(), 2u) << "neither is explained by it";
}

TEST_F(OverflowTest, too_few_connections_cannot_fill_a_queue) {
    listen("10.0.0.1", 80, 2, 4);
    listen("127.0.0.1", 81, 0, 1);
    wait_at(80, 4);
    connect(81, {});
    connect(81, {.answered_after = 1s});
    overflow(1);
    EXPECT_THAT(full(), HasSubstr(kFirst));
    wait_at(80, 1);
    EXPECT_THAT(full(), HasSubstr("An accept queue, probably that of app (pid 7) on 127.0.0.1:81, "
                                  "(limit 1) overflowed 1 time"));
}

/// All of them may have been one socket's.
TEST_F(OverflowTest, of_several_sockets_each_can_be_filled) {
    listen("10.0.0.1", 80, 0, 3);
    listen("10.0.0.1", 80, 0, 2);
    listen("127.0.0.1", 81, 0, 1);
    wait_at(80, 3);
    connect(81, {});
    connect(81, {.answered_after = 1s});
    overflow(1);
    EXPECT_THAT(full(), HasSubstr("An accept queue, probably that of app (pid 7) on 127.0.0.1:81"));
}

TEST_F(OverflowTest, nothing_is_certain_where_a_filter_may_hide_the_rest) {
    listen("127.0.0.1", 80, 3, 2);
    listen("127.0.0.1", 81, 0, 1);
    for (int i = 0; i < 3; ++i) connect(80, {});
    connect(81, {});
    connect(81, {.answered_after = 1s});
    overflow(2);
    options.run.filter = "--netns 4026531840, recorded with --netns a";
    EXPECT_THAT(full(), HasSubstr(kFirst));
    options.run.filter = "--netns 4026531840 --port 81";
    EXPECT_THAT(full(), HasSubstr(kEither));
}

TEST_F(OverflowTest, a_filter_leaves_out_what_overflows_elsewhere) {
    overflow(2);
    EXPECT_THAT(full(), HasSubstr("An accept queue in network namespace 4026531840 overflowed"));
    options.run.filter = "--sample 10";
    EXPECT_NE(full(), "") << "all listeners are selected";
    options.run.filter = "--port 80";
    EXPECT_EQ(full(), "");
    listen("10.0.0.1", 80, 0, 5);
    EXPECT_THAT(full(), HasSubstr("An accept queue in network namespace 4026531840, perhaps one "
                                  "that the filter leaves out, overflowed"));
}

TEST_F(OverflowTest, where_several_may_have_a_few_are_named_the_most_likely_first) {
    for (tcp::Port port = 80; port < 83; ++port) listen("10.0.0.1", port, 0, 0);
    wait_at(80, 1);
    wait_at(81, 2);
    wait_at(82, 2);
    overflow(2);
    EXPECT_THAT(full(), HasSubstr("An accept queue, that of app (pid 7) on 10.0.0.1:81 or app (pid "
                                  "7) on 10.0.0.1:82 or app (pid 7) on 10.0.0.1:80, overflowed 2"));
    const report::Finding* f = finding(last, "accept_queue_full");
    EXPECT_EQ(evidence(*f, "netns"), kNetns);
    EXPECT_THAT(advice(*f), HasSubstr("/proc/PID/stack"));
    listen("10.0.0.1", 83, 0, 0);
    EXPECT_THAT(full(), HasSubstr(" or ")) << "nobody waits there";
    wait_at(83, 1);
    EXPECT_THAT(full(), HasSubstr("An accept queue in network namespace")) << "too many";
}

TEST_F(OverflowTest, probably_it_was_the_only_one_where_any_wait) {
    listen("10.0.0.1", 80, 0, 0);
    listen("10.0.0.1", 81, 0, 0);
    listed(
        {.state = ESTABLISHED, .ends = tuple("10.0.0.1", 80, "192.0.2.7", 50'000), .held = true});
    wait_at(81);
    overflow(2);
    EXPECT_THAT(full(), HasSubstr("An accept queue, probably that of app (pid 7) on 10.0.0.1:81, "
                                  "(limit 0) overflowed 2 times"));
}

TEST_F(OverflowTest, each_full_queue_is_reported_where_none_overflowed) {
    listen("10.0.0.1", 80, 3, 2);
    listen("10.0.0.1", 81, 2, 1);
    listen("10.0.0.1", 82, 2, 2);
    report(10s);
    EXPECT_EQ(findings(last, "accept_queue_full").size(), 2u);
}

} // namespace
} // namespace tcpdwell::test
