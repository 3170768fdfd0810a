// SPDX-License-Identifier: Apache-2.0
// Scenarios: the peer falls silent.
#include <linux/icmp.h>
#include <netinet/tcp.h>

#include "catalog.h"
#include "netns.h"

namespace tcpdwell::test {

namespace {

// The socket's error arrives while `pair` is established.
void expect_timed_out(Scene& scene, const PeerPair& pair, int expected_error, const char* detail) {
    const int error = read_to_end(pair.socket);
    const Moment died = just_now();
    scene.require(error == expected_error, "the socket's error is " + std::to_string(error));
    scene.expect({.what = "the end that gave up",
                  .end = pair.end,
                  .path = path_of(pair.end, died),
                  .closed_first = "none",
                  .ending = "timed_out",
                  .detail = detail});
}

void retransmission_times_out(Scene& scene) {
    write_sysctl("ipv4/tcp_retries2", "2");
    PeerPair pair = open_to_peer(scene);
    send_bytes(pair.socket, 10);
    expect_timed_out(scene, pair, ETIMEDOUT, "retransmission");
}

// Meanwhile a router complains, and so the socket's error is another one.
void retransmission_times_out_unreachable(Scene& scene) {
    write_sysctl("ipv4/tcp_retries2", "2");
    PeerPair pair = open_from_peer(scene);
    send_bytes(pair.socket, 10);
    pair.peer.await_data();
    pair.peer.send_unreachable(ICMP_HOST_UNREACH);
    expect_timed_out(scene, pair, EHOSTUNREACH, "retransmission");
}

void user_timeout(Scene& scene) {
    PeerPair pair = open_from_peer(scene);
    set_tcp_option(pair.socket, TCP_USER_TIMEOUT, 1000);
    send_bytes(pair.socket, 10);
    expect_timed_out(scene, pair, ETIMEDOUT, "user_timeout");
}

void keepalive(Scene& scene) {
    PeerPair pair = open_to_peer(scene);
    set_tcp_option(pair.socket, TCP_KEEPIDLE, 1);
    set_tcp_option(pair.socket, TCP_KEEPINTVL, 1);
    set_tcp_option(pair.socket, TCP_KEEPCNT, 1);
    set_option(pair.socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    expect_timed_out(scene, pair, ETIMEDOUT, "keepalive");
}

void fin_wait1_times_out(Scene& scene) {
    write_sysctl("ipv4/tcp_orphan_retries", "2");
    PeerPair pair = open_from_peer(scene);
    const Moment closed = during([&] { pair.socket.reset(); });
    const Moment gone = await_unlisted(pair.end);
    scene.expect({.what = "server",
                  .end = pair.end,
                  .path = path_of(pair.end, closed, {{"FIN_WAIT1", between(closed, gone)}}),
                  .closed_first = "local",
                  .ending = "timed_out",
                  .detail = "retransmission"});
}

void last_ack_times_out(Scene& scene) {
    write_sysctl("ipv4/tcp_orphan_retries", "2");
    PeerPair pair = open_to_peer(scene);
    const Moment fin = during([&] { pair.peer.send_fin(); });
    pause(50ms);
    const Moment closed = during([&] { pair.socket.reset(); });
    const Moment gone = await_unlisted(pair.end);
    scene.expect({.what = "client",
                  .end = pair.end,
                  .path = path_of(
                      pair.end, fin,
                      {{"CLOSE_WAIT", between(fin, closed)}, {"LAST_ACK", between(closed, gone)}}),
                  .closed_first = "remote",
                  .ending = "timed_out",
                  .detail = "retransmission"});
}

constexpr Scenario kScenarios[] = {
    {"retransmission_times_out", retransmission_times_out},
    {"retransmission_times_out_unreachable", retransmission_times_out_unreachable},
    {"user_timeout", user_timeout},
    {"keepalive", keepalive},
    {"fin_wait1_times_out", fin_wait1_times_out},
    {"last_ack_times_out", last_ack_times_out},
};

} // namespace

std::span<const Scenario> timeouts() { return kScenarios; }

} // namespace tcpdwell::test
