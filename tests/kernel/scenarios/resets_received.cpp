// SPDX-License-Identifier: Apache-2.0
// Scenarios: the peer sends an RST, in each state where that can happen to an established
// connection.
#include <netinet/tcp.h>

#include "catalog.h"

namespace tcpdwell::test {

namespace {

void expect_reset(Scene& scene, const PeerPair& pair, std::vector<Step> path,
                  const char* closed_first) {
    scene.require_listed(pair.end, -1);
    scene.expect({.what = "the end reset",
                  .end = pair.end,
                  .path = std::move(path),
                  .closed_first = closed_first,
                  .ending = "reset_received"});
}

Moment reset(PeerPair& pair) {
    pause(100ms);
    return during([&] { pair.peer.send_rst(); });
}

void reset_in_established(Scene& scene) {
    PeerPair pair = open_to_peer(scene);
    const Moment rst = reset(pair);
    scene.require(read_to_end(pair.socket) == ECONNRESET, "the socket has no ECONNRESET");
    expect_reset(scene, pair, path_of(pair.end, rst), "remote");
}

void reset_in_fin_wait1(Scene& scene) {
    PeerPair pair = open_to_peer(scene);
    const Moment closed = during([&] { pair.socket.reset(); });
    scene.require_listed(pair.end, TCP_FIN_WAIT1);
    const Moment rst = reset(pair);
    expect_reset(scene, pair, path_of(pair.end, closed, {{"FIN_WAIT1", between(closed, rst)}}),
                 "local");
}

void reset_in_full_fin_wait2(Scene& scene) {
    PeerPair pair = open_from_peer(scene);
    const Moment closed = during([&] { shutdown(pair.socket.get(), SHUT_WR); });
    pair.peer.await(kFin);
    const Moment acked = during([&] { pair.peer.send_ack(); });
    scene.require_state(pair.socket, TCP_FIN_WAIT2);
    const Moment rst = reset(pair);
    expect_reset(
        scene, pair,
        path_of(pair.end, closed,
                {{"FIN_WAIT1", between(closed, acked)}, {"FIN_WAIT2", between(acked, rst)}}),
        "local");
}

void reset_in_mini_fin_wait2(Scene& scene) {
    PeerPair pair = open_to_peer(scene, true);
    const Moment closed = during([&] { pair.socket.reset(); });
    pair.peer.await(kFin);
    const Moment acked = during([&] { pair.peer.send_ack(); });
    scene.require_listed(pair.end, TCP_FIN_WAIT2);
    const Moment rst = reset(pair);
    expect_reset(
        scene, pair,
        path_of(pair.end, closed,
                {{"FIN_WAIT1", between(closed, acked)}, {"FIN_WAIT2", between(acked, rst)}}),
        "local");
}

void reset_in_closing(Scene& scene) {
    PeerPair pair = open_from_peer(scene);
    const Moment closed = during([&] { pair.socket.reset(); });
    pause(50ms);
    const Moment fin = during([&] { pair.peer.send_fin(); });
    scene.require_listed(pair.end, TCP_CLOSING);
    const Moment rst = reset(pair);
    expect_reset(scene, pair,
                 path_of(pair.end, closed,
                         {{"FIN_WAIT1", between(closed, fin)}, {"CLOSING", between(fin, rst)}}),
                 "both");
}

void reset_in_close_wait(Scene& scene) {
    PeerPair pair = open_from_peer(scene);
    const Moment fin = during([&] { pair.peer.send_fin(); });
    scene.require_state(pair.socket, TCP_CLOSE_WAIT);
    const Moment rst = reset(pair);
    expect_reset(scene, pair, path_of(pair.end, fin, {{"CLOSE_WAIT", between(fin, rst)}}),
                 "remote");
}

void reset_in_last_ack(Scene& scene) {
    PeerPair pair = open_to_peer(scene);
    const Moment fin = during([&] { pair.peer.send_fin(); });
    pause(50ms);
    const Moment closed = during([&] { pair.socket.reset(); });
    scene.require_listed(pair.end, TCP_LAST_ACK);
    const Moment rst = reset(pair);
    expect_reset(
        scene, pair,
        path_of(pair.end, fin,
                {{"CLOSE_WAIT", between(fin, closed)}, {"LAST_ACK", between(closed, rst)}}),
        "remote");
}

// The process gets to see the connection only after it has ended.
void reset_before_accept(Scene& scene) {
    const Fd listener = listen_on({"127.0.0.1", 0});
    Fd client = tcp_socket();
    const Moment opened = during([&] { connect_to(client, local_of(listener)); });
    const End client_side = client_end(scene, client, opened);
    const End server_side = server_end(scene, client_side, opened);
    pause(100ms);
    const Moment aborted = during([&] { abort_socket(client); });
    pause(50ms);
    const Fd server = accept_from(listener);
    scene.require(read_to_end(server) == ECONNRESET, "the socket has no ECONNRESET");
    scene.expect({.what = "client",
                  .end = client_side,
                  .path = path_of(client_side, aborted),
                  .closed_first = "local",
                  .ending = "reset_sent",
                  .detail = "so_linger_zero"});
    scene.expect({.what = "server",
                  .end = server_side,
                  .path = path_of(server_side, aborted),
                  .closed_first = "remote",
                  .ending = "reset_received"});
}

constexpr Scenario kScenarios[] = {
    {"reset_in_established", reset_in_established},
    {"reset_in_fin_wait1", reset_in_fin_wait1},
    {"reset_in_full_fin_wait2", reset_in_full_fin_wait2},
    {"reset_in_mini_fin_wait2", reset_in_mini_fin_wait2},
    {"reset_in_closing", reset_in_closing},
    {"reset_in_close_wait", reset_in_close_wait},
    {"reset_in_last_ack", reset_in_last_ack},
    {"reset_before_accept", reset_before_accept},
};

} // namespace

std::span<const Scenario> resets_received() { return kScenarios; }

} // namespace tcpdwell::test
