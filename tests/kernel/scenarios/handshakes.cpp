// SPDX-License-Identifier: Apache-2.0
// Scenarios: the server's handshake, which the kernel keeps in a request socket, takes its time,
// goes wrong, or leaves no trace at all.
#include <netinet/tcp.h>
#include <poll.h>

#include <fstream>
#include <string>

#include "catalog.h"
#include "netns.h"

namespace tcpdwell::test {

namespace {

const Address kHere("10.9.0.1", 80);

End server_of(const Scene& scene, const PacketPeer& peer, Moment opened) {
    return {.local = {"10.9.0.1", 80},
            .remote = peer.address(),
            .role = "server",
            .process = only(scene.self()),
            .opened = opened};
}

// The peer closes, then we do; `syn` and `established` began the two states before.
void close_after_held_handshake(Scene& scene, PacketPeer& peer, Fd server, const End& end,
                                Moment established) {
    pause(50ms);
    const Moment fin = during([&] { peer.send_fin(); });
    pause(50ms);
    const Moment closed = during([&] { server.reset(); });
    peer.await(kFin);
    const Moment acked = during([&] { peer.send_ack(); });
    scene.expect({.what = "server",
                  .end = end,
                  .path = {{"SYN_RECV", between(end.opened, established)},
                           {"ESTABLISHED", between(established, fin)},
                           {"CLOSE_WAIT", between(fin, closed)},
                           {"LAST_ACK", between(closed, acked)}},
                  .closed_first = "remote",
                  .ending = "fin"});
}

void handshake_held(Scene& scene) {
    add_phantom_network();
    PacketPeer peer(40000);
    const Fd listener = listen_on(kHere);
    const Moment syn = during([&] { peer.send_syn(local_of(listener)); });
    peer.await(kSyn | kAck);
    pause(300ms);
    const Moment acked = during([&] { peer.send_ack(); });
    close_after_held_handshake(scene, peer, accept_from(listener), server_of(scene, peer, syn),
                               acked);
}

// The client's view is ESTABLISHED all the while.
void accept_deferred(Scene& scene) {
    const Fd listener = listen_on({"127.0.0.1", 0});
    set_tcp_option(listener, TCP_DEFER_ACCEPT, 5);
    Pair pair;
    pair.client = tcp_socket();
    const Moment opened = during([&] { connect_to(pair.client, local_of(listener)); });
    pair.client_end = client_end(scene, pair.client, opened);
    pair.server_end = server_end(scene, pair.client_end, opened);
    pause(300ms);
    const Moment data = during([&] { send_bytes(pair.client, 10); });
    pair.server = accept_from(listener);
    std::array<char, 10> buffer;
    scene.require(recv(pair.server.get(), buffer.data(), buffer.size(), 0) == 10,
                  "the data didn't arrive");
    close_and_expect(scene, pair);
    Expected& server = scene.report().connections[1];
    server.path[0].dwell = between(opened, data);
    server.path[1].dwell = at_most(60ms + slack());
}

void handshake_unanswered(Scene& scene) {
    write_sysctl("ipv4/tcp_synack_retries", "1");
    add_phantom_network();
    PacketPeer peer(40000);
    const Fd listener = listen_on(kHere);
    const Moment syn = during([&] { peer.send_syn(local_of(listener)); });
    const End end = server_of(scene, peer, syn);
    scene.require_listed(end, TCP_SYN_RECV);
    const Moment gone = await_unlisted(end);
    scene.expect({.what = "server",
                  .end = end,
                  .path = {{"SYN_RECV", between(syn, gone)}},
                  .closed_first = "none",
                  .ending = "handshake_failed",
                  .detail = {"timeout", "null"}});
}

void handshake_reset(Scene& scene) {
    add_phantom_network();
    PacketPeer peer(40000);
    const Fd listener = listen_on(kHere);
    const Moment syn = during([&] { peer.send_syn(local_of(listener)); });
    peer.await(kSyn | kAck);
    const End end = server_of(scene, peer, syn);
    pause(200ms);
    const Moment rst = during([&] { peer.send_rst(); });
    scene.require_listed(end, -1);
    scene.expect({.what = "server",
                  .end = end,
                  .path = {{"SYN_RECV", between(syn, rst)}},
                  .closed_first = "none",
                  .ending = "handshake_failed",
                  .detail = "reset_received"});
}

// A SYN within the window, which isn't the first one again, is answered by an RST
// (tcp_check_req()).
void handshake_reset_sent(Scene& scene) {
    add_phantom_network();
    PacketPeer peer(40000);
    const Fd listener = listen_on(kHere);
    const Moment syn = during([&] { peer.send_syn(local_of(listener)); });
    peer.await(kSyn | kAck);
    const End end = server_of(scene, peer, syn);
    pause(200ms);
    const Moment rst = during([&] { peer.send(kSyn); });
    peer.await(kRst);
    scene.require_listed(end, -1);
    scene.expect({.what = "server",
                  .end = end,
                  .path = {{"SYN_RECV", between(syn, rst)}},
                  .closed_first = "none",
                  .ending = "handshake_failed",
                  .detail = "reset_sent"});
}

// The request outlives its listener until its timer notices.
void handshake_abandoned(Scene& scene) {
    add_phantom_network();
    PacketPeer peer(40000);
    Fd listener = listen_on(kHere);
    const Moment syn = during([&] { peer.send_syn(local_of(listener)); });
    const End end = server_of(scene, peer, syn);
    pause(100ms);
    listener.reset();
    scene.require_listed(end, TCP_SYN_RECV);
    const Moment gone = await_unlisted(end);
    scene.expect({.what = "server",
                  .end = end,
                  .path = {{"SYN_RECV", between(syn, gone)}},
                  .closed_first = "none",
                  .ending = "handshake_failed",
                  .detail = {"timeout", "null"}});
}

bool kernel_has(const std::string& function) {
    std::ifstream symbols("/proc/kallsyms");
    std::string line;
    while (std::getline(symbols, line))
        if (line.ends_with(" " + function)) return true;
    return false;
}

Fd listen_in_group() {
    Fd socket = tcp_socket();
    set_option(socket, SOL_SOCKET, SO_REUSEPORT, 1);
    bind_to(socket, kHere);
    check(listen(socket.get(), 8), "listen");
    return socket;
}

// The listener that got the SYN is closed, and another one of its group takes over
// (tcp_migrate_req, Linux 5.14): the kernel makes the request anew, either when the ACK comes, or
// when the SYN-ACK is sent again.
void handshake_migrated(Scene& scene, nanoseconds held) {
    if (!kernel_has("reuseport_migrate_sock")) { // 5.10.223 has the sysctl all the same
        scene.skip("this kernel doesn't migrate requests");
        return;
    }
    write_sysctl("ipv4/tcp_migrate_req", "1");
    add_phantom_network();
    PacketPeer peer(40000);
    Fd first = listen_in_group();
    const Moment syn = during([&] { peer.send_syn(local_of(first)); });
    peer.await(kSyn | kAck);
    const Fd second = listen_in_group();
    first.reset();
    pause(held);
    const End end = server_of(scene, peer, syn);
    scene.require_listed(end, TCP_SYN_RECV);
    const Moment acked = during([&] { peer.send_ack(); });
    close_after_held_handshake(scene, peer, accept_from(second), end, acked);
}

void handshake_migrated_by_the_ack(Scene& scene) { handshake_migrated(scene, 100ms); }

void handshake_migrated_by_the_timer(Scene& scene) { handshake_migrated(scene, 1500ms); }

// The peer answers our SYN with a SYN of its own (RFC 9293, section 3.5).
void simultaneous_open(Scene& scene) {
    add_phantom_network();
    PeerPair pair{.peer = PacketPeer(80), .socket = tcp_socket(), .end = {}};
    set_nonblocking(pair.socket);
    const Moment opened = during([&] { connect_to(pair.socket, pair.peer.address()); });
    pair.end = {.local = local_of(pair.socket),
                .remote = pair.peer.address(),
                .role = "client",
                .process = only(scene.self()),
                .opened = opened};
    pair.peer.await_syn();
    pause(100ms);
    const Moment syn = during([&] { pair.peer.send(kSyn); });
    scene.require_state(pair.socket, TCP_SYN_RECV);
    pair.peer.await(kSyn | kAck);
    pause(150ms);
    const Moment acked = during([&] { pair.peer.send_ack(); });
    scene.require_state(pair.socket, TCP_ESTABLISHED);
    pause(50ms);
    const Moment rst = during([&] { pair.peer.send_rst(); });
    scene.require_state(pair.socket, TCP_CLOSE); // or our close() overtakes it
    scene.expect({.what = "client",
                  .end = pair.end,
                  .path = {{"SYN_SENT", between(opened, syn)},
                           {"SYN_RECV", between(syn, acked)},
                           {"ESTABLISHED", between(acked, rst)}},
                  .closed_first = "remote",
                  .ending = "reset_received"});
}

// The kernel keeps nothing of the handshake, so how long it took can't be known.
void syn_cookies(Scene& scene) {
    write_sysctl("ipv4/tcp_syncookies", "2");
    Pair pair = open_pair(scene);
    close_and_expect(scene, pair);
    scene.report().connections[1].path[0].dwell = unknown();
}

// A SYN that finds the accept queue full is dropped in silence; the next one, a second later, finds
// room.
void queue_full_at_the_syn(Scene& scene) {
    const Fd listener = listen_on({"127.0.0.1", 0}, 1);
    Fd waiting[2] = {tcp_socket(), tcp_socket()};
    for (Fd& client : waiting) {
        const Moment opened = during([&] { connect_to(client, local_of(listener)); });
        const End end = client_end(scene, client, opened);
        for (const End& side : {end, server_end(scene, end, opened)}) {
            Expected open{.what = "in the queue",
                          .end = side,
                          .closed_first = "none",
                          .ending = "open",
                          .closed_by = nobody()};
            scene.expect(open);
        }
    }
    Pair pair;
    pair.client = tcp_socket();
    set_nonblocking(pair.client);
    Moment opened = during([&] { connect_to(pair.client, local_of(listener)); });
    pause(200ms);
    scene.require_state(pair.client, TCP_SYN_SENT);
    for (int i = 0; i < 2; ++i) scene.keep(accept_from(listener));
    for (Fd& client : waiting) scene.keep(std::move(client));
    pair.server = accept_from(listener);
    opened.after = monotonic_now();
    scene.require(opened.after - opened.before > 900ms, "the SYN wasn't dropped");
    pair.client_end = client_end(scene, pair.client, {opened.before, opened.before});
    pair.server_end = server_end(scene, pair.client_end, just_now());
    close_and_expect(scene, pair);
    Expected& client = scene.report().connections[4];
    client.path[0].dwell = between(pair.client_end.opened, just_now());
    client.path[0].dwell.min = 900ms;
    client.path[1].dwell = at_most(3 * slack());
    Expected& server = scene.report().connections[5];
    server.path[0].dwell = server.path[1].dwell = at_most(3 * slack());
}

// The ACK of the handshake finds the accept queue full: the client is established, the server
// isn't.
void queue_full_at_the_ack(Scene& scene) {
    add_phantom_network();
    PacketPeer peer(40000);
    const Fd listener = listen_on(kHere, 2);
    const Moment syn = during([&] { peer.send_syn(local_of(listener)); });
    peer.await(kSyn | kAck);
    Fd others[3] = {tcp_socket(), tcp_socket(), tcp_socket()};
    std::vector<Endpoint> locals;
    for (Fd& client : others) {
        connect_to(client, local_of(listener));
        locals.push_back(local_of(client));
        scene.keep(std::move(client));
    }
    peer.send_ack();
    const End end = server_of(scene, peer, syn);
    scene.require_listed(end, TCP_SYN_RECV);
    pause(150ms);
    for (int i = 0; i < 3; ++i) scene.keep(accept_from(listener));
    const Moment acked = during([&] { peer.send_ack(); });
    close_after_held_handshake(scene, peer, accept_from(listener), end, acked);
    for (const Endpoint& local : locals) {
        for (const bool client : {true, false}) {
            End side{.local = local_of(listener),
                     .remote = local,
                     .role = "server",
                     .process = only(scene.self()),
                     .opened = {syn.before, acked.after}};
            if (client) {
                std::swap(side.local, side.remote);
                side.role = "client";
            }
            scene.expect(
                {.what = "in the queue", .end = side, .closed_first = "none", .ending = "open"});
        }
    }
}

constexpr Scenario kScenarios[] = {
    {"handshake_held", handshake_held},
    {"accept_deferred", accept_deferred},
    {"handshake_unanswered", handshake_unanswered},
    {"handshake_reset", handshake_reset},
    {"handshake_reset_sent", handshake_reset_sent},
    {"handshake_abandoned", handshake_abandoned},
    {"handshake_migrated_by_the_ack", handshake_migrated_by_the_ack},
    {"handshake_migrated_by_the_timer", handshake_migrated_by_the_timer},
    {"simultaneous_open", simultaneous_open},
    {"syn_cookies", syn_cookies},
    {"queue_full_at_the_syn", queue_full_at_the_syn},
    {"queue_full_at_the_ack", queue_full_at_the_ack},
};

} // namespace

std::span<const Scenario> handshakes() { return kScenarios; }

} // namespace tcpdwell::test
