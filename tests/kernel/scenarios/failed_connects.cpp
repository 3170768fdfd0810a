// SPDX-License-Identifier: Apache-2.0
// Scenarios: connect() doesn't lead to a connection.
#include <linux/icmp.h>
#include <netinet/tcp.h>

#include "catalog.h"
#include "netns.h"

namespace tcpdwell::test {

namespace {

const Endpoint kNobody{"10.9.9.9", 80}; // in the phantom network, where nobody answers

// A connect() to `remote` from `local` that was begun and ended in these moments.
Expected failed(const Scene& scene, const Endpoint& local, const Endpoint& remote, Moment begun,
                Moment ended, const char* ending, const char* detail) {
    return {.what = "client",
            .end = {.local = local,
                    .remote = remote,
                    .role = "client",
                    .process = only(scene.self()),
                    .opened = begun},
            .path = {{"SYN_SENT", between(begun, ended)}},
            .closed_first = "none",
            .ending = ending,
            .detail = detail};
}

Endpoint unused_endpoint() { return local_of(listen_on({"127.0.0.1", 0})); } // closed again at once

// A socket with a port of its own choice, so that it is known even after a failed connect().
Fd bound_socket(const char* address) {
    Fd socket = tcp_socket();
    bind_to(socket, {address, 0});
    return socket;
}

void refused(Scene& scene) {
    const Endpoint target = unused_endpoint();
    const Fd socket = bound_socket("127.0.0.1");
    int error = 0;
    const Moment connect = during([&] { error = failing_connect(socket, target); });
    scene.require(error == ECONNREFUSED, "not refused");
    scene.expect(failed(scene, local_of(socket), target, connect, connect, "refused", "null"));
}

void refused_later(Scene& scene) {
    add_phantom_network();
    PacketPeer peer(80);
    const Fd socket = tcp_socket();
    set_nonblocking(socket);
    const Moment connect = during([&] { connect_to(socket, peer.address()); });
    const Endpoint local = local_of(socket);
    peer.await_syn();
    pause(200ms);
    const Moment rst = during([&] { peer.send_rst(); });
    scene.require(read_to_end(socket) == ECONNREFUSED, "not refused");
    scene.expect(failed(scene, local, peer.address(), connect, rst, "refused", "null"));
}

// One socket, one cookie, two connections.
void refused_then_accepted(Scene& scene) {
    const Endpoint nobody = unused_endpoint();
    Fd socket = bound_socket("127.0.0.1");
    const Moment connect = during([&] { failing_connect(socket, nobody); });
    Expected first = failed(scene, local_of(socket), nobody, connect, connect, "refused", "null");
    first.cookie = cookie_of(socket);
    first.cookie_is_late = true;
    scene.expect(first);

    const Fd listener = listen_on({"127.0.0.1", 0});
    Pair pair = open_pair(scene, listener, std::move(socket), local_of(listener));
    close_and_expect(scene, pair);
    scene.report().connections[1].cookie = first.cookie;
}

void syn_unanswered(Scene& scene) {
    add_phantom_network();
    const Fd socket = bound_socket("10.9.0.1");
    set_tcp_option(socket, TCP_SYNCNT, 1);
    int error = 0;
    const Moment connect = during([&] { error = failing_connect(socket, kNobody); });
    scene.require(error == ETIMEDOUT, "not timed out");
    Expected expected =
        failed(scene, local_of(socket), kNobody, connect, connect, "connect_failed", "timeout");
    // Two time-outs, the second of them as long or twice as long
    // (net.ipv4.tcp_syn_linear_timeouts).
    expected.path[0].dwell.min = 2s - 2 * jiffy();
    scene.expect(expected);
}

void unreachable(Scene& scene, std::uint8_t code, int expected_error) {
    add_phantom_network();
    PacketPeer peer(80);
    const Fd socket = tcp_socket();
    set_nonblocking(socket);
    const Moment connect = during([&] { connect_to(socket, peer.address()); });
    const Endpoint local = local_of(socket);
    peer.await_syn();
    pause(200ms);
    const Moment icmp = during([&] { peer.send_unreachable(code); });
    const int error = read_to_end(socket);
    scene.require(error == expected_error, "the socket's error is " + std::to_string(error));
    scene.expect(
        failed(scene, local, peer.address(), connect, icmp, "connect_failed", "unreachable"));
}

void host_unreachable(Scene& scene) { unreachable(scene, ICMP_HOST_UNREACH, EHOSTUNREACH); }

// The errno of this one is ECONNREFUSED, but no RST came.
void port_unreachable(Scene& scene) { unreachable(scene, ICMP_PORT_UNREACH, ECONNREFUSED); }

// Neither a socket that fails before it enters SYN_SENT nor one that never connects is a
// connection.
void no_route(Scene& scene) {
    const Fd socket = tcp_socket();
    scene.require(failing_connect(socket, {"10.99.0.1", 80}) == ENETUNREACH, "there is a route");
    const Fd idle = bound_socket("127.0.0.1");
}

void no_free_port(Scene& scene) {
    write_sysctl("ipv4/ip_local_port_range", "41000 41000");
    const Fd listener = listen_on({"127.0.0.1", 42000});
    Pair pair = open_pair(scene, listener);
    pause(50ms);
    const Fd second = tcp_socket();
    int error = 0;
    const Moment connect = during([&] { error = failing_connect(second, local_of(listener)); });
    scene.require(error == EADDRNOTAVAIL, "there was a free port");
    close_and_expect(scene, pair);
    Expected expected =
        failed(scene, {}, local_of(listener), connect, connect, "connect_failed", "no_port");
    expected.turn = 1; // of all to that listener
    scene.expect(expected);
}

void given_up(Scene& scene) {
    add_phantom_network();
    Fd socket = tcp_socket();
    set_nonblocking(socket);
    const Moment connect = during([&] { connect_to(socket, kNobody); });
    const Endpoint local = local_of(socket);
    pause(150ms);
    const Moment closed = during([&] { socket.reset(); });
    scene.expect(failed(scene, local, kNobody, connect, closed, "connect_failed", "given_up"));
}

void given_up_by_disconnect(Scene& scene) {
    add_phantom_network();
    Fd socket = bound_socket("10.9.0.1");
    set_nonblocking(socket);
    const Moment connect = during([&] { connect_to(socket, kNobody); });
    pause(150ms);
    const Moment left = during([&] { disconnect(socket); });
    scene.expect(
        failed(scene, local_of(socket), kNobody, connect, left, "connect_failed", "given_up"));
}

constexpr Scenario kScenarios[] = {
    {"refused", refused},
    {"refused_later", refused_later},
    {"refused_then_accepted", refused_then_accepted},
    {"syn_unanswered", syn_unanswered},
    {"host_unreachable", host_unreachable},
    {"port_unreachable", port_unreachable},
    {"no_route", no_route},
    {"no_free_port", no_free_port},
    {"given_up", given_up},
    {"given_up_by_disconnect", given_up_by_disconnect},
};

} // namespace

std::span<const Scenario> failed_connects() { return kScenarios; }

} // namespace tcpdwell::test
