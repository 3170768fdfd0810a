// SPDX-License-Identifier: Apache-2.0
// Scenarios: both ends send their FIN, in every order.
#include <netinet/tcp.h>

#include <array>
#include <barrier>
#include <thread>

#include "catalog.h"

namespace tcpdwell::test {

namespace {

void client_closes_first(Scene& scene) {
    Pair pair = open_pair(scene);
    pause(100ms);
    const Moment closed = during([&] { pair.client.reset(); });
    pause(150ms);
    const Moment answered = during([&] { pair.server.reset(); });
    scene.require_listed(pair.client_end, TCP_TIME_WAIT);
    scene.expect(closes_first(pair.client_end, closed, answered));
    scene.expect(closes_second(pair.server_end, closed, answered));
}

void server_closes_first(Scene& scene) {
    Pair pair = open_pair(scene);
    pause(100ms);
    const Moment closed = during([&] { pair.server.reset(); });
    pause(150ms);
    const Moment answered = during([&] { pair.client.reset(); });
    scene.require_listed(pair.server_end, TCP_TIME_WAIT);
    scene.expect(closes_first(pair.server_end, closed, answered));
    scene.expect(closes_second(pair.client_end, closed, answered));
}

void data_then_fin(Scene& scene) {
    Pair pair = open_pair(scene);
    send_bytes(pair.client, 100000);
    const Moment closed = during([&] { pair.client.reset(); });
    scene.require(read_to_end(pair.server) == 0, "no FIN after the data");
    const Moment answered = during([&] { pair.server.reset(); });
    Expected client = closes_first(pair.client_end, closed, answered);
    client.path[2].dwell = client.path[3].dwell = within({closed.before, answered.after});
    Expected server = closes_second(pair.server_end, closed, answered);
    server.path[2].dwell = within({closed.before, answered.after});
    scene.expect(client);
    scene.expect(server);
}

// Our FIN and the peer's are both on their way when the peer's arrives.
void simultaneous_close(Scene& scene) {
    PeerPair pair = open_to_peer(scene);
    pause(50ms);
    const Moment closed = during([&] { pair.socket.reset(); });
    pause(50ms);
    const Moment fin = during([&] { pair.peer.send_fin(); });
    scene.require_listed(pair.end, TCP_CLOSING);
    pause(150ms);
    pair.peer.await(kFin);
    const Moment acked = during([&] { pair.peer.send_ack(); });
    scene.require_listed(pair.end, TCP_TIME_WAIT);
    scene.expect({.what = "client",
                  .end = pair.end,
                  .path = path_of(pair.end, closed,
                                  {{"FIN_WAIT1", between(closed, fin)},
                                   {"CLOSING", between(fin, acked)},
                                   {"TIME_WAIT", two_msl()}}),
                  .closed_first = "both",
                  .ending = "fin",
                  .time_wait = "expired"});
}

// Two threads close both ends at once. What the packets make of it differs; that the ends report
// the same story doesn't.
void race_to_close(Scene& scene) {
    constexpr int kPairs = 20;
    const Fd listener = listen_on({"127.0.0.1", 0});
    const Moment opened{monotonic_now(), monotonic_now() + 5s};
    std::array<Pair, kPairs> pairs;
    for (Pair& pair : pairs) pair = open_pair(scene, listener);
    std::barrier start(2);
    const auto close_all = [&](Fd Pair::*end) {
        for (Pair& pair : pairs) {
            start.arrive_and_wait();
            (pair.*end).reset();
        }
    };
    std::thread other(close_all, &Pair::server);
    close_all(&Pair::client);
    other.join();

    Expected client{.what = "clients",
                    .end = pairs[0].client_end,
                    .count = kPairs,
                    .closed_first = {"local", "remote", "both"},
                    .ending = "fin",
                    // A FIN that was sent twice restarts a TIME_WAIT, and is acknowledged from it;
                    // if the socket that sent it is gone meanwhile, the answer is a reset.
                    .time_wait = {"null", "expired", "reset"},
                    .restarts = -1,
                    .closed_by = only(scene.self())};
    client.end.local.port = 0;
    client.end.opened = opened;
    Expected server = client;
    server.what = "servers";
    server.end = pairs[0].server_end;
    server.end.remote.port = 0;
    server.end.opened = opened;
    scene.expect(client);
    scene.expect(server);
}

// A socket that is its own peer: simultaneous open, simultaneous close.
void self_connect(Scene& scene) {
    Fd socket = tcp_socket();
    bind_to(socket, {"127.0.0.1", 45000});
    const Moment opened = during([&] { connect_to(socket, {"127.0.0.1", 45000}); });
    const End end = client_end(scene, socket, opened);
    pause(80ms);
    const Moment closed = during([&] { socket.reset(); });
    scene.require_listed(end, TCP_TIME_WAIT);
    scene.expect({.what = "socket",
                  .end = end,
                  .path = {{"SYN_SENT", within(opened)},
                           {"SYN_RECV", within(opened)},
                           {"ESTABLISHED", between(opened, closed)},
                           {"FIN_WAIT1", within(closed)},
                           {"CLOSING", within(closed)},
                           {"TIME_WAIT", two_msl()}},
                  .closed_first = "both",
                  .ending = "fin",
                  .time_wait = "expired"});
}

void half_close(Scene& scene) {
    Pair pair = open_pair(scene);
    pause(50ms);
    const Moment closed = during([&] { shutdown(pair.client.get(), SHUT_WR); });
    pause(150ms);
    scene.require_state(pair.client, TCP_FIN_WAIT2);
    send_bytes(pair.server, 100);
    const Moment answered = during([&] { pair.server.reset(); });
    scene.require(read_to_end(pair.client) == 0, "no FIN from the server");
    scene.require_listed(pair.client_end, TCP_TIME_WAIT);
    scene.expect(closes_first(pair.client_end, closed, answered));
    scene.expect(closes_second(pair.server_end, closed, answered));
}

// close() of a socket that is in FIN_WAIT2 already is no transition.
void half_close_then_close(Scene& scene) {
    Pair pair = open_pair(scene);
    const Moment closed = during([&] { shutdown(pair.client.get(), SHUT_WR); });
    pause(100ms);
    scene.require_state(pair.client, TCP_FIN_WAIT2);
    pair.client.reset();
    scene.require_listed(pair.client_end, TCP_FIN_WAIT2);
    pause(100ms);
    const Moment answered = during([&] { pair.server.reset(); });
    scene.expect(closes_first(pair.client_end, closed, answered));
    scene.expect(closes_second(pair.server_end, closed, answered));
}

// shutdown() in CLOSE_WAIT sends the FIN; the close() later is no transition.
void shutdown_second(Scene& scene) {
    Pair pair = open_pair(scene);
    const Moment closed = during([&] { pair.client.reset(); });
    pause(100ms);
    const Moment answered = during([&] { shutdown(pair.server.get(), SHUT_WR); });
    pause(50ms);
    scene.expect(closes_first(pair.client_end, closed, answered));
    scene.expect(closes_second(pair.server_end, closed, answered));
}

void listener_comes_and_goes(Scene& scene) {
    Fd listener = tcp_socket();
    bind_to(listener, {"127.0.0.1", 0});
    const Endpoint local = local_of(listener);
    const Moment opened = during([&] { check(listen(listener.get(), 8), "listen"); });
    Pair pair = open_pair(scene, listener);
    close_and_expect(scene, pair);
    pause(60ms);
    const Moment closed = during([&] { listener.reset(); });
    scene.expect_listener({.local = local, .dwell = between(opened, closed)});
}

constexpr Scenario kScenarios[] = {
    {"client_closes_first", client_closes_first},
    {"server_closes_first", server_closes_first},
    {"data_then_fin", data_then_fin},
    {"simultaneous_close", simultaneous_close},
    {"race_to_close", race_to_close},
    {"self_connect", self_connect},
    {"half_close", half_close},
    {"half_close_then_close", half_close_then_close},
    {"shutdown_second", shutdown_second},
    {"listener_comes_and_goes", listener_comes_and_goes},
};

} // namespace

std::span<const Scenario> closes() { return kScenarios; }

} // namespace tcpdwell::test
