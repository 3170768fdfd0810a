// SPDX-License-Identifier: Apache-2.0
// Findings about sockets that stay: half closed, unanswered, or without a peer.
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <memory>

#include "child.h"
#include "crowd.h"
#include "findings.h"
#include "netns.h"
#include "packet_peer.h"
#include "report_case.h"
#include "support/moment.h"

namespace tcpdwell::test {

namespace {

constexpr int kSockets = 12;

Fd web_listener() { return listen_on({"127.0.0.1", 8080}); }

// Connections whose clients are those of another process, so that one name is on each side.
class Clients {
public:
    explicit Clients(const Fd& listener)
        : child_("leaver", [target = local_of(listener)](const Child::Script& script) {
              std::vector<Fd> clients;
              for (int i = 0; i < kSockets; ++i) {
                  clients.push_back(tcp_socket());
                  connect_to(clients.back(), target);
              }
              script.report_done();
              script.await_order();
              clients.clear();
              script.report_done();
              script.await_order();
          }) {
        for (int i = 0; i < kSockets; ++i) servers_.push_back(accept_from(listener));
        child_.await_done();
    }
    /// All clients close; returns when the servers have got their FINs.
    void close() {
        child_.order();
        child_.await_done();
        for (const Fd& server : servers_) read_to_end(server);
    }
    void close_servers() { servers_.clear(); }

private:
    std::vector<Fd> servers_;
    Child child_;
};

// --- CLOSE_WAIT

void leak(const ReportSyncPoints& cues) {
    const Fd listener = web_listener();
    cues.await_tracing();
    Clients clients(listener);
    clients.close();
    pause(1200ms);
    cues.await_report();
}

void leak_before_tracing(const ReportSyncPoints& cues) {
    const Fd listener = web_listener();
    Clients clients(listener);
    clients.close();
    cues.await_tracing();
    pause(1200ms);
    cues.await_report();
}

// In the queue of a listener who never calls accept().
void leak_in_queue(const ReportSyncPoints& cues) {
    const Fd listener = web_listener();
    cues.await_tracing();
    for (int i = 0; i < kSockets; ++i) {
        const Fd client = tcp_socket();
        connect_to(client, local_of(listener));
    }
    pause(1200ms);
    cues.await_report();
}

void close_at_once(const ReportSyncPoints& cues) {
    const Fd listener = web_listener();
    cues.await_tracing();
    Clients clients(listener);
    clients.close();
    clients.close_servers();
    pause(1200ms);
    cues.await_report();
}

TEST(FindingsOnLingering, aLeakOfSocketsInCloseWait) {
    const std::vector<std::string> soon = thresholds({"close_wait_leak.age=500ms"});
    const std::vector<CaseOutcome> outcomes = perform({
        {"leaker", soon, leak},
        {"old-leaker", soon, leak_before_tracing},
        {"not-accepting", soon, leak_in_queue},
        {"tidy", soon, close_at_once},
        {"patient", {}, leak}, // for less than a minute
        {"tolerated", thresholds({"close_wait_leak.age=500ms", "close_wait_leak.sockets=13"}),
         leak},
    });
    expect_findings(outcomes[2].report, {"accept_stalled"});
    const nlohmann::json stalled = expect_finding(
        outcomes[2].report,
        {.id = "accept_stalled",
         .reported = {outcomes[2].actor.comm, std::to_string(kSockets), "accept()"},
         .evidence = {{"waiting", kSockets}, {"half_closed", kSockets}, {"queued", kSockets}},
         .advice = {"accept"},
         .not_advised = {"tcp_keepalive_time", "tcp_fin_timeout", "tcp_tw_reuse"}});
    if (!stalled.is_null()) {
        EXPECT_EQ(stalled.at("evidence").at("holders").at(0).at("pid"), outcomes[2].actor.pid);
    }
    for (const std::size_t leaking : {0, 1}) {
        const CaseOutcome& outcome = outcomes[leaking];
        expect_findings(outcome.report, {"close_wait_leak"});
        const nlohmann::json finding = expect_finding(
            outcome.report,
            {.id = "close_wait_leak",
             .reported = {outcome.actor.comm, std::to_string(kSockets)},
             .evidence = {{"pid", outcome.actor.pid},
                          {"comm", outcome.actor.comm},
                          {"netns", outcome.netns},
                          {"sockets", kSockets},
                          {"in_state", kSockets}},
             .advice = {"close"},
             .not_advised = {"tcp_keepalive_time", "tcp_fin_timeout", "tcp_tw_reuse"}});
        if (finding.is_null()) continue;
        // At least as long as the actor waited; and not longer than that and what comes after it
        // can take.
        const nanoseconds oldest(finding.at("evidence").at("oldest_ns"));
        EXPECT_GE(oldest, 1200ms);
        EXPECT_LT(oldest, 30s);
    }
    for (const std::size_t quiet : {3, 4, 5}) expect_findings(outcomes[quiet].report, {});
}

// --- FIN_WAIT2

void wait_for_fins(const ReportSyncPoints& cues) {
    const Fd listener = web_listener();
    cues.await_tracing();
    Clients clients(listener);
    clients.close();
    cues.await_report();
}

// They are given up after a second.
void wait_for_fins_in_vain(const ReportSyncPoints& cues) {
    write_sysctl("ipv4/tcp_fin_timeout", "1");
    const Fd listener = web_listener();
    cues.await_tracing();
    Clients clients(listener);
    clients.close();
    pause(2s);
    cues.await_report();
}

TEST(FindingsOnLingering, socketsThatPileUpInFinWait2) {
    const std::vector<std::string> few =
        thresholds({"fin_wait2_pileup.sockets=10", "fin_wait2_pileup.age=0s"});
    const std::vector<CaseOutcome> outcomes = perform({
        {"silent", few, wait_for_fins},
        {"silent", few, wait_for_fins_in_vain},
        {"answering", few, close_at_once},
        {"silent", thresholds({"fin_wait2_pileup.sockets=13", "fin_wait2_pileup.age=0s"}),
         wait_for_fins},
        {"silent", thresholds({"fin_wait2_pileup.sockets=10"}), wait_for_fins}, // a burst
    });
    for (const bool expired : {false, true}) {
        const CaseOutcome& outcome = outcomes[expired];
        expect_findings(outcome.report, {"fin_wait2_pileup"});
        expect_finding(outcome.report, {.id = "fin_wait2_pileup",
                                        .reported = {"leaver", std::to_string(kSockets)},
                                        .evidence = {{"netns", outcome.netns},
                                                     {"comm", "leaver"},
                                                     {"sockets", expired ? 0 : kSockets},
                                                     {"expired", expired ? kSockets : 0}},
                                        .advice = {"tcp_fin_timeout"},
                                        .not_advised = {"tcp_tw_reuse"},
                                        .has_connections = !expired});
    }
    for (const std::size_t quiet : {2, 3, 4}) expect_findings(outcomes[quiet].report, {});
}

// --- peers that fall silent

struct PeerConnection {
    explicit PeerConnection(std::uint16_t port) : peer(port), socket(tcp_socket()) {
        set_nonblocking(socket);
        connect_to(socket, peer.address());
        peer.complete_connect();
    }
    PacketPeer peer;
    Fd socket;
};

using PeerConnections = std::vector<std::unique_ptr<PeerConnection>>;

PeerConnections connect_to_peers(int count) {
    PeerConnections connections;
    for (int i = 0; i < count; ++i)
        connections.push_back(
            std::make_unique<PeerConnection>(static_cast<std::uint16_t>(5000 + i)));
    return connections;
}

// Their FINs are on the way to somebody who says nothing any more.
void get_stuck(const ReportSyncPoints& cues) {
    constexpr std::size_t kInLastAck = 3;
    add_phantom_network();
    cues.await_tracing();
    PeerConnections connections = connect_to_peers(5);
    for (std::size_t i = 0; i < connections.size(); ++i) {
        PeerConnection& each = *connections[i];
        if (i < kInLastAck) each.peer.send_fin();
        pause(50ms);
        each.socket.reset();
        pause(50ms);
        if (i >= kInLastAck) each.peer.send_fin(); // doesn't acknowledge ours
    }
    pause(1s);
    cues.await_report();
}

void get_acknowledged(const ReportSyncPoints& cues) {
    add_phantom_network();
    cues.await_tracing();
    PeerConnections connections = connect_to_peers(3);
    for (const auto& each : connections) {
        each->peer.send_fin();
        pause(50ms);
        each->socket.reset();
        each->peer.await(kFin);
        each->peer.send_ack();
    }
    pause(1s);
    cues.await_report();
}

TEST(FindingsOnLingering, closesThatAreStuck) {
    const std::vector<std::string> soon = thresholds({"closing_stuck.age=500ms"});
    const std::vector<CaseOutcome> outcomes = perform({
        {"unheard", soon, get_stuck},
        {"heard", soon, get_acknowledged},
        {"patient", {}, get_stuck},
    });
    expect_findings(outcomes[0].report, {"closing_stuck"});
    for (const auto& [state, sockets] : {std::pair("LAST_ACK", 3), std::pair("CLOSING", 2)})
        expect_finding(outcomes[0].report, {.id = "closing_stuck",
                                            .reported = {"unheard", state, std::to_string(sockets)},
                                            .evidence = {{"state", state},
                                                         {"sockets", sockets},
                                                         {"in_state", sockets},
                                                         {"comm", "unheard"},
                                                         {"pid", outcomes[0].actor.pid},
                                                         {"netns", outcomes[0].netns}},
                                            .advice = {"tcp_orphan_retries"},
                                            .not_advised = {"tcp_fin_timeout", "tcp_tw_reuse"}});
    expect_findings(outcomes[1].report, {});
    expect_findings(outcomes[2].report, {});
}

// --- keepalive

void keep_alive(const Fd& socket) {
    set_tcp_option(socket, TCP_KEEPIDLE, 1);
    set_tcp_option(socket, TCP_KEEPINTVL, 1);
    set_tcp_option(socket, TCP_KEEPCNT, 1);
    set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
}

void outlive_peers(const ReportSyncPoints& cues) {
    add_phantom_network();
    cues.await_tracing();
    PeerConnections connections = connect_to_peers(2);
    for (const auto& each : connections) keep_alive(each->socket);
    for (const auto& each : connections)
        if (read_to_end(each->socket) != ETIMEDOUT)
            throw std::runtime_error("the connection didn't time out");
    cues.await_report();
}

void live_together(const ReportSyncPoints& cues) {
    const Fd listener = web_listener();
    cues.await_tracing();
    const std::vector<SocketPair> couples = couples_at(listener, 2);
    for (const SocketPair& couple : couples) keep_alive(couple.client);
    pause(3s);
    cues.await_report();
}

TEST(FindingsOnLingering, connectionsThatKeepaliveKilled) {
    const std::vector<CaseOutcome> outcomes = perform({
        {"widow", {}, outlive_peers},
        {"happy", {}, live_together},
        {"tolerant", thresholds({"peers_gone.connections=3"}), outlive_peers},
    });
    expect_findings(outcomes[0].report, {"peers_gone"});
    expect_finding(outcomes[0].report, {.id = "peers_gone",
                                        .reported = {"widow", "2"},
                                        .evidence = {{"ended", 2}, {"keepalive", 2}},
                                        .advice = {"keepalive"},
                                        .not_advised = {"tcp_fin_timeout", "tcp_tw_reuse"}});
    expect_findings(outcomes[1].report, {});
    expect_findings(outcomes[2].report, {});
}

} // namespace

} // namespace tcpdwell::test
