// SPDX-License-Identifier: Apache-2.0
// Findings about connections that hardly come about: no port, no answer, no third segment of the
// handshake.
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <memory>
#include <stdexcept>

#include "child.h"
#include "crowd.h"
#include "findings.h"
#include "netns.h"
#include "packet_peer.h"
#include "report_case.h"
#include "support/moment.h"

namespace tcpdwell::test {

namespace {

using Evidence = std::map<std::string, nlohmann::json>;

// --- local ports

// Connections whose clients are this process, and whose servers another one. The clients close half
// of them first: those ports are held by TIME_WAIT.
class HeldPorts {
public:
    HeldPorts(const Fd& listener, int count)
        : acceptor_("acceptor", [&](const Child::Script& script) {
              std::vector<Fd> servers;
              for (int i = 0; i < count; ++i) servers.push_back(accept_from(listener));
              script.report_done();
              script.await_order();
              // Accepted in the order in which they were connected.
              for (auto server = servers.begin(); server != servers.begin() + count / 2; ++server) {
                  read_to_end(*server);
                  server->reset();
              }
              script.report_done();
              script.await_order();
          }) {
        for (int i = 0; i < count; ++i) {
            clients_.push_back(tcp_socket());
            connect_to(clients_.back(), local_of(listener));
        }
        acceptor_.await_done();
        clients_.erase(clients_.begin(), clients_.begin() + count / 2);
        acceptor_.order();
        acceptor_.await_done();
    }

private:
    std::vector<Fd> clients_;
    Child acceptor_;
};

void offer_64_ports() {
    write_sysctl("ipv4/ip_local_port_range", "40000 40063");
    write_sysctl("ipv4/tcp_tw_reuse", "0");
}

void hold_ports_to_one(const ReportSyncPoints& cues) {
    offer_64_ports();
    const Fd listener = listen_on({"127.0.0.1", 5432});
    cues.await_tracing();
    const HeldPorts ports(listener, 60);
    cues.await_report();
}

void hold_ports_to_two(const ReportSyncPoints& cues) {
    offer_64_ports();
    const Fd first = listen_on({"127.0.0.1", 5432});
    const Fd second = listen_on({"127.0.0.1", 5433});
    cues.await_tracing();
    const HeldPorts some(first, 30);
    const HeldPorts others(second, 30);
    cues.await_report();
}

// The ports are taken by listeners, not by connections.
void find_no_port(const ReportSyncPoints& cues) {
    write_sysctl("ipv4/ip_local_port_range", "41000 41003");
    const Fd listener = listen_on({"127.0.0.1", 5432});
    std::vector<Fd> takers;
    for (std::uint16_t port = 41000; port <= 41003; ++port)
        takers.push_back(listen_on({"127.0.0.1", port}));
    cues.await_tracing();
    for (int i = 0; i < 3; ++i)
        if (failing_connect(tcp_socket(), local_of(listener)) != EADDRNOTAVAIL)
            throw std::runtime_error("there was a free port");
    cues.await_report();
}

TEST(FindingsOnOpening, localPortsThatRunOut) {
    const std::vector<CaseOutcome> outcomes = perform({
        {"port-hog", {}, hold_ports_to_one},
        {"unlucky", {}, find_no_port},
        {"spreader", {}, hold_ports_to_two},
        {"tolerated", thresholds({"ephemeral_ports_low.share=0.95"}), hold_ports_to_one},
    });
    const auto expect_low = [](const CaseOutcome& outcome, const char* number, Evidence evidence) {
        expect_findings(outcome.report, {"ephemeral_ports_low"});
        expect_finding(outcome.report, {.id = "ephemeral_ports_low",
                                        .reported = {"127.0.0.1:5432", number},
                                        .evidence = std::move(evidence),
                                        .advice = {"ip_local_port_range"},
                                        .not_advised = {"tcp_fin_timeout"},
                                        .has_connections = false});
    };
    expect_low(outcomes[0], "60",
               {{"held", 60},
                {"peak", 60},
                {"limit", 64},
                {"no_port", 0},
                {"local", "127.0.0.1"},
                {"remote", "127.0.0.1:5432"}});
    expect_low(outcomes[1], "3", {{"no_port", 3}, {"remote", "127.0.0.1:5432"}});
    expect_findings(outcomes[2].report, {});
    expect_findings(outcomes[3].report, {});

    const auto held_ports = [](const CaseOutcome& outcome) {
        std::vector<int> held;
        for (const nlohmann::json& row : outcome.report.at("ports")) {
            EXPECT_EQ(row.at("netns"), outcome.netns);
            EXPECT_EQ(row.at("local").at("addr"), "127.0.0.1") << row.dump();
            EXPECT_TRUE(row.at("local").at("port").is_null()) << row.dump();
            EXPECT_EQ(row.at("limit"), 64) << row.dump();
            EXPECT_EQ(row.at("peak"), row.at("held")) << row.dump();
            EXPECT_EQ(row.at("opened"), row.at("held")) << row.dump();
            held.push_back(row.at("held"));
        }
        return held;
    };
    EXPECT_EQ(held_ports(outcomes[0]), (std::vector{60}));
    EXPECT_EQ(held_ports(outcomes[2]), (std::vector{30, 30}));
}

// --- SYNs

constexpr const char* kNobody = "10.9.9.9"; // in the phantom network, where nobody answers

std::vector<Fd> begin_connects(const Endpoint& target, int count) {
    std::vector<Fd> sockets;
    for (int i = 0; i < count; ++i) {
        sockets.push_back(tcp_socket());
        set_nonblocking(sockets.back());
        connect_to(sockets.back(), target);
    }
    return sockets;
}

// Some are still waiting at the end, some have been given up after a while, some at once.
template <int kWaiting, int kGivenUp, int kNotWaitedFor = 0>
void call_nobody(const ReportSyncPoints& cues) {
    add_phantom_network();
    cues.await_tracing();
    const std::vector<Fd> waiting = begin_connects({kNobody, 80}, kWaiting);
    std::vector<Fd> given_up = begin_connects({kNobody, 80}, kGivenUp);
    begin_connects({kNobody, 80}, kNotWaitedFor);
    pause(1500ms);
    given_up.clear();
    cues.await_report();
}

// In each of two processes too few.
void call_nobody_from_two(const ReportSyncPoints& cues) {
    add_phantom_network();
    cues.await_tracing();
    const Child other("caller-2", [](const Child::Script& script) {
        const std::vector<Fd> waiting = begin_connects({kNobody, 80}, 2);
        script.report_done();
        script.await_order();
    });
    other.await_done();
    const std::vector<Fd> waiting = begin_connects({kNobody, 80}, 2);
    pause(1500ms);
    cues.await_report();
}

void call_somebody(const ReportSyncPoints& cues) {
    const Fd listener = listen_on({"127.0.0.1", 80});
    cues.await_tracing();
    const std::vector<SocketPair> couples = couples_at(listener, 25);
    pause(1500ms);
    cues.await_report();
}

// RFC 8305: both addresses of a host are tried, the first that answers is taken.
void call_the_first_that_answers(const ReportSyncPoints& cues) {
    add_phantom_network();
    const Fd listener = listen_on({"127.0.0.1", 80});
    cues.await_tracing();
    for (int i = 0; i < 25; ++i) {
        std::vector<Fd> first = begin_connects({kNobody, 80}, 1);
        pause(20ms);
        const std::vector<SocketPair> second = couples_at(listener, 1);
        first.clear();
    }
    cues.await_report();
}

// localhost is ::1 first.
void get_refused_first(const ReportSyncPoints& cues) {
    const Fd listener = listen_on({"127.0.0.1", 80});
    cues.await_tracing();
    for (int i = 0; i < 25; ++i) {
        if (failing_connect(tcp_socket(AF_INET6), {"::1", 80}) != ECONNREFUSED)
            throw std::runtime_error("not refused");
        const std::vector<SocketPair> second = couples_at(listener, 1);
    }
    cues.await_report();
}

// An answer too.
template <int kTimes>
void get_refused(const ReportSyncPoints& cues) {
    cues.await_tracing();
    for (int i = 0; i < kTimes; ++i)
        if (failing_connect(tcp_socket(), {"127.0.0.1", 80}) != ECONNREFUSED)
            throw std::runtime_error("not refused");
    pause(1500ms);
    cues.await_report();
}

TEST(FindingsOnOpening, connectsThatNobodyAnswers) {
    const std::vector<std::string> late = thresholds({"connects_unanswered.age=30s"});
    const std::vector<CaseOutcome> outcomes = perform({
        {"caller", {}, call_nobody<25, 0>},
        {"impatient", {}, call_nobody<0, 25>},
        {"undecided", {}, call_nobody<2, 1>},
        {"at-once", {}, call_nobody<0, 0, 25>},
        {"rare-caller", {}, call_nobody<1, 1>},
        {"racer", {}, call_the_first_that_answers},
        {"caller", late, call_nobody<25, 0>},
        {"caller-1", {}, call_nobody_from_two},
        {"answered", {}, call_somebody},
        {"refused", {}, get_refused<25>},
        {"rarely", {}, get_refused<4>},
        {"dual-stack", {}, get_refused_first},
    });
    const auto expect_unanswered = [](const CaseOutcome& outcome, int waiting, int given_up) {
        expect_findings(outcome.report, {"connects_unanswered"});
        expect_finding(outcome.report,
                       {.id = "connects_unanswered",
                        .reported = {outcome.actor.comm, std::to_string(waiting + given_up)},
                        .evidence = {{"connects", waiting + given_up},
                                     {"waiting", waiting},
                                     {"failed", given_up},
                                     {"hosts", 1},
                                     {"host", kNobody},
                                     {"program", outcome.actor.comm}},
                        .advice = {"tcp_syn_retries"},
                        .not_advised = {"tcp_fin_timeout", "tcp_tw_reuse"}});
    };
    expect_unanswered(outcomes[0], 25, 0);
    expect_unanswered(outcomes[1], 0, 25);
    expect_unanswered(outcomes[2], 2, 1);
    expect_unanswered(outcomes[3], 0, 25);
    for (const std::size_t quiet : {4, 5, 6, 7, 8, 10, 11})
        expect_findings(outcomes[quiet].report, {});
    expect_findings(outcomes[9].report, {"connects_refused"});
    expect_finding(outcomes[9].report,
                   {.id = "connects_refused",
                    .reported = {"refused", "25 of 25", "127.0.0.1:80"},
                    .evidence = {{"count", 25}, {"all", 25}, {"remote", "127.0.0.1:80"}},
                    .advice = {"listens"},
                    .not_advised = {"tcp_fin_timeout", "tcp_tw_reuse", "tcp_syn_retries"}});
}

// --- handshakes

const Endpoint kHere{"10.9.0.1", 80};

using Peers = std::vector<std::unique_ptr<PacketPeer>>;

Peers peers(int count) {
    Peers result;
    for (int i = 0; i < count; ++i)
        result.push_back(std::make_unique<PacketPeer>(static_cast<std::uint16_t>(30000 + i)));
    return result;
}

Fd listen_here() {
    add_phantom_network();
    return listen_on(kHere, 1024);
}

void await_end_of_requests(const Peers& all) {
    const nanoseconds deadline = monotonic_now() + 10s;
    for (const auto& peer : all)
        while (listed_state(kHere.port, peer->address().port) != -1) {
            if (monotonic_now() > deadline) throw std::runtime_error("a request that doesn't end");
            pause(20ms);
        }
}

// kFailing SYNs whose answer nobody takes, kWell connections, and kWithCookies that the kernel
// keeps no request for.
template <int kFailing, int kWell, int kWithCookies>
void be_listened_to(const ReportSyncPoints& cues) {
    const Fd listener = listen_here();
    write_sysctl("ipv4/tcp_synack_retries", "0");
    const Peers silent = peers(kFailing);
    cues.await_tracing();
    for (const auto& peer : silent) peer->send_syn(kHere);
    await_end_of_requests(silent);
    const std::vector<SocketPair> well = couples_at(listener, kWell);
    write_sysctl("ipv4/tcp_syncookies", "2");
    const std::vector<SocketPair> with_cookies = couples_at(listener, kWithCookies);
    cues.await_report();
}

void hold_handshakes(const ReportSyncPoints& cues) {
    const Fd listener = listen_here();
    const Peers silent = peers(25);
    cues.await_tracing();
    for (const auto& peer : silent) peer->send_syn(kHere);
    pause(200ms);
    cues.await_report();
}

void complete_handshakes(const ReportSyncPoints& cues) {
    const Fd listener = listen_here();
    const Peers talkative = peers(25);
    cues.await_tracing();
    std::vector<Fd> servers;
    for (const auto& peer : talkative) {
        peer->connect_to(kHere);
        servers.push_back(accept_from(listener));
    }
    cues.await_report();
}

TEST(FindingsOnOpening, handshakesThatFail) {
    const std::vector<CaseOutcome> outcomes = perform({
        {"flooded", {}, be_listened_to<22, 10, 5>},
        {"attacked", {}, hold_handshakes},
        {"listened-to", {}, complete_handshakes},
        {"mostly-well", {}, be_listened_to<22, 220, 0>}, // less than a tenth
        {"rarely-bad", {}, be_listened_to<19, 0, 0>},
    });
    const auto expect_failing = [](const CaseOutcome& outcome, int number, Evidence evidence) {
        expect_findings(outcome.report, {"handshakes_failing"});
        expect_finding(outcome.report,
                       {.id = "handshakes_failing",
                        .reported = {outcome.actor.comm, "10.9.0.1:80", std::to_string(number)},
                        .evidence = std::move(evidence),
                        .advice = {"tcp_max_syn_backlog"},
                        .not_advised = {"tcp_fin_timeout", "tcp_tw_reuse"},
                        .has_connections = number != 25});
    };
    expect_failing(outcomes[0], 22,
                   {{"failed", 22}, {"handshakes", 37}, {"syn_recv", 0}, {"syn_cookies", 5}});
    expect_failing(outcomes[1], 25,
                   {{"failed", 0}, {"handshakes", 25}, {"syn_recv", 25}, {"syn_cookies", 0}});
    for (const std::size_t quiet : {2, 3, 4}) expect_findings(outcomes[quiet].report, {});
}

} // namespace

} // namespace tcpdwell::test
