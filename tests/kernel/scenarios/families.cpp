// SPDX-License-Identifier: Apache-2.0
// Scenarios: IPv6, IPv4 on IPv6 sockets, MPTCP, and what isn't TCP.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "catalog.h"
#include "netns.h"
#include "sock_diag.h"

namespace tcpdwell::test {

namespace {

constexpr int kMptcp = 262;     // IPPROTO_MPTCP
constexpr int kDccpLevel = 269; // SOL_DCCP
constexpr int kDccpService = 2; // DCCP_SOCKOPT_SERVICE

void ipv6(Scene& scene) {
    const Fd listener = listen_on({"::1", 0});
    Pair pair = open_pair(scene, listener);
    pause(50ms);
    close_and_expect(scene, pair);
}

void ipv6_reset(Scene& scene) {
    const Fd listener = listen_on({"::1", 0});
    Pair pair = open_pair(scene, listener);
    pause(100ms);
    const Moment aborted = during([&] { abort_socket(pair.server); });
    scene.require_state(pair.client, TCP_CLOSE);
    scene.expect({.what = "server",
                  .end = pair.server_end,
                  .path = path_of(pair.server_end, aborted),
                  .closed_first = "local",
                  .ending = "reset_sent",
                  .detail = "so_linger_zero"});
    scene.expect({.what = "client",
                  .end = pair.client_end,
                  .path = path_of(pair.client_end, aborted),
                  .closed_first = "remote",
                  .ending = "reset_received"});
}

void ipv6_refused(Scene& scene) {
    const Endpoint target = local_of(listen_on({"::1", 0}));
    const Fd socket = tcp_socket(AF_INET6);
    bind_to(socket, {"::1", 0});
    int error = 0;
    const Moment connect = during([&] { error = failing_connect(socket, target); });
    scene.require(error == ECONNREFUSED, "not refused");
    scene.expect({.what = "client",
                  .end = {.family = "ipv6",
                          .local = local_of(socket),
                          .remote = target,
                          .role = "client",
                          .process = only(scene.self()),
                          .opened = connect},
                  .path = {{"SYN_SENT", within(connect)}},
                  .closed_first = "none",
                  .ending = "refused"});
}

// TIME_WAIT of IPv6 is ended by functions of its own.
void ipv6_reused(Scene& scene) {
    const Fd listener = listen_on({"::1", 0});
    const auto connect = [&] {
        Fd socket = tcp_socket(AF_INET6);
        bind_to(socket, {"::1", 41000});
        return open_pair(scene, listener, std::move(socket), local_of(listener));
    };
    Pair old = connect();
    const Moment closed = during([&] { old.client.reset(); });
    pause(60ms);
    const Moment answered = during([&] { old.server.reset(); });
    pause(200ms);
    Pair next = connect();
    Expected waiting = closes_first(old.client_end, closed, answered);
    waiting.path.back().dwell = between(answered, next.opened());
    waiting.time_wait = "reused";
    scene.expect(waiting);
    scene.expect(closes_second(old.server_end, closed, answered));
    close_and_expect(scene, next);
    auto& all = scene.report().connections;
    for (std::size_t i = 0; i < all.size(); ++i) all[i].turn = static_cast<int>(i / 2);
}

// An IPv4 client of a server that listens on ::.
void v4_mapped(Scene& scene) {
    const Fd listener = listen_on({"::", 0});
    Pair pair = open_pair(scene, listener, tcp_socket(), {"127.0.0.1", local_of(listener).port});
    pair.server_end.family = "ipv6";
    pair.server_end.local.addr = pair.server_end.remote.addr = "::ffff:127.0.0.1";
    pause(50ms);
    close_and_expect(scene, pair);
}

// The other way round: a socket of IPv6 connects to an IPv4 server.
void v4_mapped_client(Scene& scene) {
    const Fd listener = listen_on({"127.0.0.1", 0});
    Pair pair = open_pair(scene, listener, tcp_socket(AF_INET6),
                          {"::ffff:127.0.0.1", local_of(listener).port});
    pair.server_end.family = "ipv4";
    pair.server_end.local.addr = pair.server_end.remote.addr = "127.0.0.1";
    pause(50ms);
    close_and_expect(scene, pair);
}

// One connection of MPTCP has one subflow here. That is a TCP connection; the socket above it
// isn't.
void mptcp(Scene& scene) {
    if (!has_sysctl("mptcp/enabled")) {
        scene.skip("this kernel has no MPTCP");
        return;
    }
    const Fd listener = tcp_socket(AF_INET, kMptcp);
    bind_to(listener, {"127.0.0.1", 0});
    check(listen(listener.get(), 8), "listen");
    Pair pair = open_pair(scene, listener, tcp_socket(AF_INET, kMptcp), local_of(listener));
    send_bytes(pair.client, 10); // with it the first subflow is fully MPTCP
    std::array<char, 10> buffer;
    await_readable(pair.server);
    scene.require(recv(pair.server.get(), buffer.data(), buffer.size(), 0) == 10,
                  "the data didn't arrive");
    pause(50ms);
    pair.client.reset();
    pause(60ms);
    pair.server.reset();
    // Kernel workers close the subflows, in an order of their own.
    for (const End& end : {pair.client_end, pair.server_end})
        scene.expect({.what = "subflow",
                      .end = end,
                      .closed_first = {"local", "remote", "both"},
                      .ending = "fin",
                      .time_wait = {"null", "expired"},
                      .closed_by = anyone()});
}

// DCCP keeps its TIME_WAITs and handshakes in the same objects as TCP, by the same functions (until
// Linux 6.16, which has no DCCP any more). Nothing is expected in this namespace.
void dccp(Scene& scene) {
    const Fd listener(socket(AF_INET, SOCK_DCCP | SOCK_CLOEXEC, IPPROTO_DCCP));
    if (!listener) {
        scene.skip("this kernel has no DCCP");
        return;
    }
    const std::uint32_t service = htonl(42);
    const auto set_service = [&](const Fd& socket) {
        check(setsockopt(socket.get(), kDccpLevel, kDccpService, &service, sizeof service),
              "DCCP_SOCKOPT_SERVICE");
    };
    set_service(listener);
    bind_to(listener, {"127.0.0.1", 0});
    check(listen(listener.get(), 8), "listen");
    Fd client(check(socket(AF_INET, SOCK_DCCP | SOCK_CLOEXEC, IPPROTO_DCCP), "socket"));
    set_service(client);
    connect_to(client, local_of(listener));
    Fd server = accept_from(listener);
    client.reset();
    pause(50ms);
    server.reset();
}

constexpr Scenario kScenarios[] = {
    {"ipv6", ipv6},
    {"ipv6_reset", ipv6_reset},
    {"ipv6_refused", ipv6_refused},
    {"ipv6_reused", ipv6_reused},
    {"v4_mapped", v4_mapped},
    {"v4_mapped_client", v4_mapped_client},
    {"mptcp", mptcp},
    {"dccp", dccp},
};

} // namespace

std::span<const Scenario> families() { return kScenarios; }

} // namespace tcpdwell::test
