// SPDX-License-Identifier: Apache-2.0
// Scenarios: what was there before tracing began. Its past isn't known and isn't made up; what
// comes after is.
#include <netinet/tcp.h>

#include "catalog.h"
#include "netns.h"

namespace tcpdwell::test {

namespace {

// Tracing is on, and the tracer has had the time to look at all sockets of all namespaces and at
// their owners.
void await_listing(Scene& scene) {
    scene.await_tracing();
    pause(patience(8s));
}

// The end as a tracer sees it that came later. Where the state doesn't report the role, it may be
// unknown.
End known_late(End end) {
    end.opened = {};
    end.role.allowed.push_back("unknown");
    return end;
}

// The same for a mini-socket, which has no owner any more.
Expected without_owner(Expected expected) {
    expected.end.process = nobody();
    expected.uid = kNoUid;
    return expected;
}

void joined_established(Scene& scene) {
    Pair pair = open_pair(scene);
    await_listing(scene);
    const Moment closed = during([&] { pair.client.reset(); });
    pause(150ms);
    const Moment answered = during([&] { pair.server.reset(); });
    for (Expected expected : {closes_first(known_late(pair.client_end), closed, answered),
                              closes_second(known_late(pair.server_end), closed, answered)}) {
        expected.path.erase(expected.path.begin());
        expected.path[0].dwell = unknown();
        expected.seen = "joined";
        scene.expect(expected);
    }
}

// One end in CLOSE_WAIT, the other in a mini-socket in FIN_WAIT2. That lasts 60 s at most: where
// the tracer takes so long to come, the FIN is too late for it, and answered by an RST.
void joined_half_closed(Scene& scene) {
    Pair pair = open_pair(scene);
    const Moment closed = during([&] { pair.client.reset(); });
    pause(100ms);
    scene.require_listed(pair.client_end, TCP_FIN_WAIT2);
    scene.require_state(pair.server, TCP_CLOSE_WAIT);
    await_listing(scene);
    const Moment answered = during([&] { pair.server.reset(); });
    const bool in_time =
        listed_state(pair.client_end.local.port, pair.client_end.remote.port) == TCP_TIME_WAIT;
    Expected client{.what = "client",
                    .end = known_late(pair.client_end),
                    .path = {{"FIN_WAIT2", or_unknown(timer(60s))}},
                    .closed_first = "local",
                    .ending = "fin_wait2_expired",
                    .seen = "joined",
                    .closed_by = nobody()};
    if (in_time) {
        client.path = {{"FIN_WAIT2", or_unknown(less_delayed_ack(between(closed, answered)))},
                       {"TIME_WAIT", two_msl()}};
        client.ending = "fin";
        client.time_wait = "expired";
    }
    scene.expect(without_owner(client));
    scene.expect({.what = "server",
                  .end = known_late(pair.server_end),
                  .path = {{"CLOSE_WAIT", unknown()}, {"LAST_ACK", within(answered)}},
                  .closed_first = "remote",
                  .ending = in_time ? "fin" : "reset_received",
                  .seen = "joined"});
}

void joined_time_wait(Scene& scene) {
    Pair pair = open_pair(scene);
    pair.client.reset();
    pause(60ms);
    pair.server.reset();
    scene.require_listed(pair.client_end, TCP_TIME_WAIT);
    await_listing(scene);
    scene.expect(without_owner({.what = "client",
                                .end = known_late(pair.client_end),
                                .path = {{"TIME_WAIT", or_unknown(two_msl())}},
                                .closed_first = {"local", "unknown"},
                                .ending = "fin",
                                .time_wait = "expired",
                                .seen = "joined",
                                .closed_by = nobody()}));
}

void joined_fin_wait2_expires(Scene& scene) {
    Pair pair = open_pair(scene);
    pair.client.reset();
    pause(100ms);
    scene.require_listed(pair.client_end, TCP_FIN_WAIT2);
    await_listing(scene);
    scene.expect(without_owner({.what = "client",
                                .end = known_late(pair.client_end),
                                .path = {{"FIN_WAIT2", or_unknown(timer(60s))}},
                                .closed_first = "local",
                                .ending = "fin_wait2_expired",
                                .seen = "joined",
                                .closed_by = nobody()}));
    scene.expect({.what = "server",
                  .end = known_late(pair.server_end),
                  .path = {{"CLOSE_WAIT", whatever()}},
                  .closed_first = "remote",
                  .ending = "open",
                  .seen = "joined"});
    scene.keep(std::move(pair.server));
}

void joined_full_fin_wait2(Scene& scene) {
    PeerPair pair = open_to_peer(scene);
    check(shutdown(pair.socket.get(), SHUT_WR), "shutdown");
    pair.peer.await(kFin);
    pair.peer.send_ack();
    scene.require_state(pair.socket, TCP_FIN_WAIT2);
    await_listing(scene);
    pair.peer.send_fin();
    scene.require_listed(pair.end, TCP_TIME_WAIT);
    scene.expect({.what = "client",
                  .end = known_late(pair.end),
                  .path = {{"FIN_WAIT2", unknown()}, {"TIME_WAIT", two_msl()}},
                  .closed_first = "local",
                  .ending = "fin",
                  .time_wait = "expired",
                  .seen = "joined",
                  .closed_by = nobody()});
}

// The SYN and the SYN|ACK are sent again for four minutes, not one or two, until a tracer is there
// that a slow machine starts.
void joined_syn_sent(Scene& scene) {
    add_phantom_network();
    write_sysctl("ipv4/tcp_syn_retries", "8");
    PeerPair pair{.peer = PacketPeer(80), .socket = tcp_socket(), .end = {}};
    set_nonblocking(pair.socket);
    connect_to(pair.socket, pair.peer.address());
    pair.end = {.local = local_of(pair.socket),
                .remote = pair.peer.address(),
                .role = "client",
                .process = only(scene.self())};
    await_listing(scene);
    const Moment answered = during([&] { pair.peer.complete_connect(); });
    pause(100ms);
    const Moment rst = during([&] { pair.peer.send_rst(); });
    scene.require_state(pair.socket, TCP_CLOSE); // or our close() overtakes it
    scene.expect({.what = "client",
                  .end = pair.end,
                  .path = {{"SYN_SENT", unknown()}, {"ESTABLISHED", between(answered, rst)}},
                  .closed_first = "remote",
                  .ending = "reset_received",
                  .seen = "joined"});
}

void joined_syn_recv(Scene& scene) {
    add_phantom_network();
    write_sysctl("ipv4/tcp_synack_retries", "8");
    PacketPeer peer(40000);
    const Fd listener = listen_on({"10.9.0.1", 80});
    peer.send_syn(local_of(listener));
    peer.await(kSyn | kAck);
    await_listing(scene);
    const Moment acked = during([&] { peer.send_ack(); });
    const Fd server = accept_from(listener);
    pause(100ms);
    const Moment rst = during([&] { peer.send_rst(); });
    scene.require_state(server, TCP_CLOSE); // or our close() overtakes it
    scene.expect({.what = "server",
                  .end = {.local = local_of(listener),
                          .remote = peer.address(),
                          .role = "server",
                          .process = only(scene.self())},
                  .path = {{"SYN_RECV", unknown()}, {"ESTABLISHED", between(acked, rst)}},
                  .closed_first = "remote",
                  .ending = "reset_received",
                  .seen = "joined"});
}

// Something happens at once, perhaps before the tracer has come to look at the socket. Then it may
// not learn whose it was, but the state that it leaves is known.
void joined_in_a_hurry(Scene& scene) {
    PeerPair pair = open_to_peer(scene);
    check(shutdown(pair.socket.get(), SHUT_WR), "shutdown");
    pair.peer.await(kFin);
    pair.peer.send_ack();
    scene.await_tracing();
    pair.peer.send_fin();
    scene.require_listed(pair.end, TCP_TIME_WAIT);
    Expected expected{.what = "client",
                      .end = known_late(pair.end),
                      .path = {{"FIN_WAIT2", unknown()}, {"TIME_WAIT", two_msl()}},
                      .closed_first = "local",
                      .ending = "fin",
                      .time_wait = "expired",
                      .seen = "joined",
                      .closed_by = nobody()};
    expected.end.process = maybe(scene.self());
    expected.uid = kAnyUid;
    scene.expect(expected);
}

// What such a listener accepts afterwards is seen from its birth.
void joined_listener(Scene& scene) {
    Fd listener = listen_on({"127.0.0.1", 0});
    const Endpoint local = local_of(listener);
    await_listing(scene);
    Pair pair = open_pair(scene, listener);
    pause(50ms);
    close_and_expect(scene, pair);
    listener.reset();
    scene.expect_listener({.local = local, .dwell = unknown()});
}

constexpr Scenario kScenarios[] = {
    {"joined_established", joined_established, Phase::early},
    {"joined_half_closed", joined_half_closed, Phase::early},
    {"joined_time_wait", joined_time_wait, Phase::early},
    {"joined_fin_wait2_expires", joined_fin_wait2_expires, Phase::early},
    {"joined_full_fin_wait2", joined_full_fin_wait2, Phase::early},
    {"joined_syn_sent", joined_syn_sent, Phase::early},
    {"joined_syn_recv", joined_syn_recv, Phase::early},
    {"joined_in_a_hurry", joined_in_a_hurry, Phase::early},
    {"joined_listener", joined_listener, Phase::early},
};

} // namespace

std::span<const Scenario> existing() { return kScenarios; }

} // namespace tcpdwell::test
