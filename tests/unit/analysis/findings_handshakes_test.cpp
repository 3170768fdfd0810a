// SPDX-License-Identifier: Apache-2.0
// The finding about handshakes that are never completed.
#include <fmt/format.h>

#include "rule_test.h"

namespace tcpdwell::test {
namespace {

class HandshakesFailing : public RuleTest {};

TEST_F(HandshakesFailing, from_the_number_on) {
    served(scenario("handshake_times_out"), 19);
    EXPECT_FALSE(found("handshakes_failing", kLater));
    served(scenario("handshake_times_out"), 1, 60'000);
    const report::Finding* f = found("handshakes_failing", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "failed"), 20);
    EXPECT_EQ(evidence(*f, "handshakes"), 20);
    EXPECT_EQ(evidence(*f, "addresses"), 1);
    EXPECT_EQ(f->connections.size(), 3u);
}

TEST_F(HandshakesFailing, those_that_are_reset_at_once_are_checks_unless_many_hosts_do_so) {
    for (int host = 1; host <= 17; ++host) {
        EXPECT_FALSE(found("handshakes_failing", kLater)) << host;
        town.add(
            scenario("handshake_reset"),
            here(tuple("10.0.0.1", 80, "192.0.2." + std::to_string(host), 50'000), host * 1s, 100),
            2, Vary::remote_port);
        EXPECT_EQ(found("half_open_checks", kLater) != nullptr, 3 <= host && host <= 16) << host;
    }
    const report::Finding* f = found("handshakes_failing", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "failed"), 34);
    EXPECT_EQ(evidence(*f, "addresses"), 17);
}

/// Accepted by another program than the one that listens, which can't make the share of the failed
/// ones any larger.
TEST_F(HandshakesFailing, from_the_share_of_the_endpoint_s_handshakes_on) {
    served(scenario("handshake_times_out"), 20);
    served(scenario("served"), 100, 52'000);
    served(scenario("served_by_listener"), 80, 54'000);
    const report::Finding* f = found("handshakes_failing", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "handshakes"), 200);
    EXPECT_DOUBLE_EQ(std::get<double>(fact(f->evidence, "share")), 0.1);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("app (pid 100) on 0.0.0.0:80: 20 of 200 handshakes"));
    served(scenario("served"), 1, 60'000);
    EXPECT_FALSE(found("handshakes_failing", kLater));
}

TEST_F(HandshakesFailing, from_as_many_in_syn_recv_on) {
    served(kSynRecvStays, 19);
    EXPECT_FALSE(found("handshakes_failing", 2s));
    served(kSynRecvStays, 1, 60'000);
    const report::Finding* f = found("handshakes_failing", 2s);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "syn_recv"), 20);
    EXPECT_EQ(evidence(*f, "failed"), 0);
}

TEST_F(HandshakesFailing, syn_cookies_are_reported) {
    sysctl("net.ipv4.tcp_syncookies", "1");
    served(scenario("syn_cookie"), 20);
    const report::Finding* f = found("handshakes_failing", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "syn_cookies"), 20);
    EXPECT_THAT(std::string(f->what), HasSubstr("20 came in by SYN cookies"));
    EXPECT_THAT(advice(*f), HasSubstr("net.ipv4.tcp_syncookies (1 here)"));
}

/// The kernel's counters, which alone know of SYNs that found the queue full.
class SynQueueFull : public RuleTest {
protected:
    void read(Nanoseconds when, const char* counter, std::uint64_t count) {
        more.emplace_back(when, event::KernelCounters{at(when), kNetns, {{counter, count}}});
    }
};

TEST_F(SynQueueFull, syns_that_got_a_cookie_or_were_dropped_count) {
    struct Counted {
        const char* counter;
        const char* key;
        const char* text;
    };
    served(scenario("served"), 5);
    for (const auto& [counter, key, text] :
         {Counted{"TcpExt.TCPReqQFullDrop", "syns_dropped", "dropped 20 SYNs"},
          Counted{"TcpExt.SyncookiesSent", "cookies_sent", "sent 20 SYN cookies"}}) {
        more.clear();
        read(1s, counter, 100);
        read(31s, counter, 119);
        EXPECT_FALSE(found("handshakes_failing", 40s)) << key;
        read(35s, counter, 120);
        const report::Finding* f = found("handshakes_failing", 40s);
        ASSERT_TRUE(f) << key;
        EXPECT_EQ(evidence(*f, key), 20);
        EXPECT_THAT(std::string(f->what), HasSubstr(text));
    }
}

TEST_F(SynQueueFull, is_the_kernel_s_count_whatever_is_sampled) {
    options.run.sample = 1000;
    served(scenario("served"), 5);
    read(1s, "TcpExt.TCPReqQFullDrop", 100);
    read(31s, "TcpExt.TCPReqQFullDrop", 119);
    EXPECT_FALSE(found("handshakes_failing", 40s));
    read(35s, "TcpExt.TCPReqQFullDrop", 120);
    EXPECT_TRUE(found("handshakes_failing", 40s));
}

/// Without cookies the kernel drops at three quarters of tcp_max_syn_backlog, and counts no more
/// than that.
TEST_F(SynQueueFull, a_small_backlog_without_cookies_drops_before_it_is_full) {
    sysctl("net.ipv4.tcp_max_syn_backlog", "8");
    served(scenario("served"), 6);
    read(1s, "TcpExt.ListenDrops", 100);
    read(35s, "TcpExt.ListenDrops", 120);
    sysctl("net.ipv4.tcp_syncookies", "1");
    EXPECT_FALSE(found("handshakes_failing", 40s));
    sysctl("net.ipv4.tcp_syncookies", "0");
    const report::Finding* f = found("handshakes_failing", 40s);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("dropped 20 SYNs that found no full queue: with net.ipv4.tcp_syncookies "
                          "(0 here) the kernel drops them once three quarters of "
                          "net.ipv4.tcp_max_syn_backlog (8 here) handshakes are under way."));
    EXPECT_EQ(evidence(*f, "drops"), 20);
    EXPECT_THAT(advice(*f), HasSubstr("No handshake fails, so it is no flood"));
    sysctl("net.ipv4.tcp_max_syn_backlog", "9"); // which six handshakes can't come near
    EXPECT_FALSE(found("handshakes_failing", 40s));
}

TEST_F(SynQueueFull, drops_at_full_accept_queues_are_none_of_a_small_backlog) {
    sysctl("net.ipv4.tcp_max_syn_backlog", "8");
    sysctl("net.ipv4.tcp_syncookies", "0");
    served(scenario("served"), 6);
    read(1s, "TcpExt.ListenDrops", 100);
    read(1s, "TcpExt.TCPReqQFullDrop", 100);
    read(35s, "TcpExt.ListenDrops", 138);
    EXPECT_TRUE(found("handshakes_failing", 40s));
    read(35s, "TcpExt.TCPReqQFullDrop", 119);
    EXPECT_FALSE(found("handshakes_failing", 40s));
}

/// The kernel doesn't say which listener it was: not one that a program connects from.
TEST_F(SynQueueFull, is_one_of_a_listener) {
    clients(scenario("client_first_fin_with_ack"), 5);
    read(1s, "TcpExt.TCPReqQFullDrop", 100);
    read(31s, "TcpExt.TCPReqQFullDrop", 200);
    EXPECT_FALSE(found("handshakes_failing", 40s));
    served(scenario("served"), 1);
    const report::Finding* f = found("handshakes_failing", 40s);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "syns_dropped"), 100);
    EXPECT_EQ(f->what, "worker (pid 101) on 0.0.0.0:80: 1 handshake was completed; the kernel "
                       "dropped 100 SYNs, because the queue was full.");
}

TEST_F(SynQueueFull, counts_where_the_most_handshakes_fail) {
    served(scenario("served"), 30);
    for (const tcp::Port port : {tcp::Port{81}, tcp::Port{82}, tcp::Port{83}})
        town.add(scenario("handshake_times_out"),
                 here(tuple("10.0.0.1", port, "192.0.2.7", 60'000)), port == 82 ? 3 : 2,
                 Vary::remote_port);
    read(1s, "TcpExt.TCPReqQFullDrop", 100);
    read(31s, "TcpExt.TCPReqQFullDrop", 200);
    const report::Finding* f = found("handshakes_failing", kLater);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->subject), HasSubstr(":82"));
}

/// SYNs alone, in an interval without a handshake.
TEST_F(SynQueueFull, without_a_handshake_none_has_failed) {
    served(scenario("served"), 5);
    read(1s, "TcpExt.TCPReqQFullDrop", 100);
    report(kLater);
    run->interval();
    run->feed(event::KernelCounters{at(kLater + 1s), kNetns, {{"TcpExt.TCPReqQFullDrop", 120}}},
              at(kLater + 1s));
    last = run->interval();
    const report::Finding* f = finding(last, "handshakes_failing");
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "handshakes"), 0);
    EXPECT_EQ(std::get<double>(fact(f->evidence, "share")), 0.0);
}

TEST_F(HandshakesFailing, those_that_wait_are_said_to) {
    served(kSynRecvStays, 20);
    EXPECT_THAT(std::string(found("handshakes_failing", 2s)->what),
                HasSubstr(": 20 of 20 handshakes wait in SYN_RECV now."));
    threshold("handshakes_failing.connections=1");
    town = ConnectionMix();
    served(kSynRecvStays, 1);
    EXPECT_THAT(std::string(found("handshakes_failing", 2s)->what),
                HasSubstr(": 1 of 1 handshake waits in SYN_RECV now."));
}

/// TCP_DEFER_ACCEPT: the clients are through, as browsers are that connect in advance.
TEST_F(SynQueueFull, handshakes_that_the_listener_defers_do_not_fail) {
    served(kSynRecvStays, 20);
    read(0s, "TcpExt.TCPDeferAcceptDrop", 100);
    EXPECT_TRUE(found("handshakes_failing", 2s)) << "of others, before";
    read(1500ms, "TcpExt.TCPDeferAcceptDrop", 101);
    EXPECT_FALSE(found("handshakes_failing", 2s));
}

TEST_F(HandshakesFailing, from_how_many_addresses_is_said) {
    served(scenario("handshake_times_out"), 20);
    EXPECT_THAT(std::string(found("handshakes_failing", kLater)->what),
                HasSubstr("now, from 1 address."));
    town.add(scenario("handshake_times_out"), here(tuple("10.0.0.1", 80, "192.0.2.8", 50'000)), 1,
             Vary::remote_port);
    EXPECT_THAT(std::string(found("handshakes_failing", kLater)->what),
                HasSubstr("now, from 2 addresses."));
}

TEST_F(HandshakesFailing, each_endpoint_for_itself) {
    served(scenario("handshake_times_out"), 15);
    town.add(scenario("handshake_times_out"), here(tuple("10.0.0.1", 81, "192.0.2.7", 50'000)), 15,
             Vary::remote_port);
    EXPECT_FALSE(found("handshakes_failing", kLater));
}

TEST_F(HandshakesFailing, a_single_check_comes_at_no_interval) {
    served(scenario("handshake_reset"), 1);
    threshold("half_open_checks.connections=1");
    const report::Finding* f = found("half_open_checks", kLater);
    ASSERT_TRUE(f);
    EXPECT_THAT(
        std::string(f->what),
        HasSubstr(" was opened and reset at once without data, by 1 host, as health checks do."));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(f->evidence, "interval_ns")));
}

/// On a busy server so many are on their way at any time.
TEST_F(HandshakesFailing, those_that_have_just_begun_do_not_hang) {
    served(kSynRecvStays, 20);
    served(kSynRecvStays, 1, 60'000, 1s);
    EXPECT_FALSE(found("handshakes_failing", 1s));
    const report::Finding* f = found("handshakes_failing", 1500ms);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "syn_recv"), 21);
}

TEST_F(HandshakesFailing, of_a_flood_not_all_addresses_are_counted) {
    for (int i = 0; i < 1001; ++i)
        town.add(scenario("handshake_times_out"),
                 here(tuple("10.0.0.1", 80, fmt::format("10.1.{}.{}", i / 250, i % 250), 50'000),
                      i * 1ms));
    const report::Finding* f = found("handshakes_failing", kLater);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), HasSubstr("now, from at least 1000 addresses."));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(f->evidence, "addresses")));
}

/// tcp_syncookies 2: each SYN gets a cookie, and no queue is full.
TEST_F(SynQueueFull, is_none_where_each_syn_gets_a_cookie) {
    served(scenario("syn_cookie"), 20);
    read(1s, "TcpExt.SyncookiesSent", 100);
    read(31s, "TcpExt.SyncookiesSent", 120);
    EXPECT_TRUE(found("handshakes_failing", kLater));
    sysctl("net.ipv4.tcp_syncookies", "2");
    EXPECT_FALSE(found("handshakes_failing", kLater));
    served(scenario("handshake_times_out"), 20, 55'000);
    const report::Finding* f = found("handshakes_failing", kLater);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), HasSubstr("the kernel sent 20 SYN cookies, 20 came in"));
    EXPECT_THAT(std::string(f->what), Not(HasSubstr("queue")));
}

} // namespace
} // namespace tcpdwell::test
