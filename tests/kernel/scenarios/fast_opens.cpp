// SPDX-License-Identifier: Apache-2.0
// Scenarios: TCP Fast Open (RFC 7413), where data come with the SYN and the server is a full socket
// in SYN_RECV.
#include <netinet/tcp.h>

#include "catalog.h"
#include "netns.h"

namespace tcpdwell::test {

namespace {

// net.ipv4.tcp_fastopen (kernel: Documentation/networking/ip-sysctl.rst)
constexpr unsigned kClient = 0x1;
constexpr unsigned kServer = 0x2;
constexpr unsigned kClientNeedsNoCookie = 0x4;
constexpr unsigned kServerNeedsNoCookie = 0x200;
constexpr unsigned kAllListeners = 0x400;

void allow_fast_open(unsigned how) { write_sysctl("ipv4/tcp_fastopen", std::to_string(how)); }

void allow_without_cookies() {
    allow_fast_open(kClient | kServer | kClientNeedsNoCookie | kServerNeedsNoCookie |
                    kAllListeners);
}

bool had_data_in_syn(const Fd& server) {
    tcp_info info{};
    socklen_t size = sizeof info;
    check(getsockopt(server.get(), IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
    return (info.tcpi_options & TCPI_OPT_SYN_DATA) != 0;
}

void read_bytes(Scene& scene, const Fd& socket, std::size_t count) {
    std::string buffer(count, 0);
    await_readable(socket);
    scene.require(recv(socket.get(), buffer.data(), count, 0) == static_cast<ssize_t>(count),
                  "the data didn't arrive");
}

Pair open_with_data(Scene& scene, const Fd& listener) {
    Pair pair;
    pair.client = tcp_socket();
    const Address target(local_of(listener));
    const Moment opened = during([&] {
        check(sendto(pair.client.get(), "0123456789", 10, MSG_FASTOPEN, target.get(), target.size),
              "sendto(MSG_FASTOPEN)");
    });
    pair.server = accept_from(listener);
    read_bytes(scene, pair.server, 10);
    pair.client_end = client_end(scene, pair.client, opened);
    pair.server_end = server_end(scene, pair.client_end, opened);
    return pair;
}

void fast_open_without_cookie(Scene& scene) {
    allow_without_cookies();
    const Fd listener = listen_on({"127.0.0.1", 0});
    Pair pair = open_with_data(scene, listener);
    scene.require(had_data_in_syn(pair.server), "no Fast Open");
    pause(50ms);
    close_and_expect(scene, pair);
}

// The first connection fetches the cookie, the second uses it.
void fast_open_with_cookie(Scene& scene) {
    allow_fast_open(kClient | kServer);
    const Fd listener = listen_on({"127.0.0.1", 0});
    set_tcp_option(listener, TCP_FASTOPEN, 5);
    Pair first = open_with_data(scene, listener);
    scene.require(!had_data_in_syn(first.server), "Fast Open without a cookie");
    close_and_expect(scene, first);
    Pair second = open_with_data(scene, listener);
    scene.require(had_data_in_syn(second.server), "no Fast Open with the cookie");
    close_and_expect(scene, second);
}

// connect() returns at once, in SYN_SENT; the SYN leaves with the first data.
void fast_open_deferred_by_client(Scene& scene) {
    allow_without_cookies();
    const Fd listener = listen_on({"127.0.0.1", 0});
    Pair pair;
    pair.client = tcp_socket();
    set_tcp_option(pair.client, TCP_FASTOPEN_CONNECT, 1);
    const Moment connect = during([&] { connect_to(pair.client, local_of(listener)); });
    scene.require_state(pair.client, TCP_SYN_SENT);
    pause(200ms);
    const Moment sent = during([&] { send_bytes(pair.client, 10); });
    pair.server = accept_from(listener);
    read_bytes(scene, pair.server, 10);
    pair.client_end = client_end(scene, pair.client, connect);
    pair.server_end = server_end(scene, pair.client_end, sent);
    close_and_expect(scene, pair);
    Expected& client = scene.report().connections[0];
    client.path[0].dwell = between(connect, sent);
    client.path[1].dwell = client.path[1].dwell.max > 200ms
                               ? at_most(client.path[1].dwell.max - 200ms + 2 * slack())
                               : whatever();
}

struct HeldServer {
    PacketPeer peer{40000};
    Fd socket;
    End end;
};

// A server that has been accepted, and has read the data of the SYN, but not got the ACK of the
// handshake.
HeldServer held_server(Scene& scene) {
    allow_without_cookies();
    add_phantom_network();
    HeldServer held;
    const Fd listener = listen_on({"10.9.0.1", 80});
    const Moment syn = during([&] { held.peer.send_syn(local_of(listener), 10); });
    held.peer.await(kSyn | kAck);
    held.socket = accept_from(listener);
    read_bytes(scene, held.socket, 10);
    scene.require_state(held.socket, TCP_SYN_RECV);
    held.end = {.local = local_of(held.socket),
                .remote = held.peer.address(),
                .role = "server",
                .process = only(scene.self()),
                .opened = syn};
    pause(250ms);
    return held;
}

void fast_open_held(Scene& scene) {
    HeldServer held = held_server(scene);
    const Moment acked = during([&] { held.peer.send_ack(); });
    scene.require_state(held.socket, TCP_ESTABLISHED);
    pause(50ms);
    const Moment rst = during([&] { held.peer.send_rst(); });
    scene.require_state(held.socket, TCP_CLOSE); // or our close() overtakes it
    scene.expect({.what = "server",
                  .end = held.end,
                  .path = {{"SYN_RECV", between(held.end.opened, acked)},
                           {"ESTABLISHED", between(acked, rst)}},
                  .closed_first = "remote",
                  .ending = "reset_received"});
}

// The server answers and closes before the handshake is complete: SYN_RECV -> FIN_WAIT1.
void fast_open_closed_in_syn_recv(Scene& scene) {
    HeldServer held = held_server(scene);
    const Moment closed = during([&] { held.socket.reset(); });
    scene.require_listed(held.end, TCP_FIN_WAIT1);
    held.peer.await(kFin);
    pause(50ms);
    const Moment acked = during([&] { held.peer.send_ack(); });
    scene.require_listed(held.end, TCP_FIN_WAIT2);
    pause(100ms);
    const Moment fin = during([&] { held.peer.send_fin(); });
    scene.require_listed(held.end, TCP_TIME_WAIT);
    scene.expect({.what = "server",
                  .end = held.end,
                  .path = {{"SYN_RECV", between(held.end.opened, closed)},
                           {"FIN_WAIT1", between(closed, acked)},
                           {"FIN_WAIT2", between(acked, fin)},
                           {"TIME_WAIT", two_msl()}},
                  .closed_first = "local",
                  .ending = "fin",
                  .time_wait = "expired"});
}

constexpr Scenario kScenarios[] = {
    {"fast_open_without_cookie", fast_open_without_cookie},
    {"fast_open_with_cookie", fast_open_with_cookie},
    {"fast_open_deferred_by_client", fast_open_deferred_by_client},
    {"fast_open_held", fast_open_held},
    {"fast_open_closed_in_syn_recv", fast_open_closed_in_syn_recv},
};

} // namespace

std::span<const Scenario> fast_opens() { return kScenarios; }

} // namespace tcpdwell::test
