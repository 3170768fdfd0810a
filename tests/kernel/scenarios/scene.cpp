// SPDX-License-Identifier: Apache-2.0
// Stage directions, and the usual ways to get a connection.
#include "scene.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "netns.h"

namespace tcpdwell::test {

Scene::Scene(std::function<void()> on_ready, std::function<void()> on_intermission)
    : on_ready_(std::move(on_ready)), on_intermission_(std::move(on_intermission)) {
    std::array<char, 16> comm{};
    prctl(PR_GET_NAME, comm.data());
    self_ = {getpid(), comm.data()};
}

void Scene::await_tracing() { on_ready_(); }

void Scene::await_end() { on_intermission_(); }

void Scene::require(bool truth, const std::string& otherwise) {
    if (!truth) report_.problems.push_back(otherwise);
}

void Scene::require_state(const Fd& socket, int state) {
    int found = state_of(socket);
    for (const nanoseconds limit = monotonic_now() + slack();
         found != state && monotonic_now() < limit; pause(1ms))
        found = state_of(socket);
    require(found == state,
            "the socket is in state " + std::to_string(found) + ", not " + std::to_string(state));
}

void Scene::require_listed(const End& end, int state) {
    const auto look = [&end] { return listed_state(end.local.port, end.remote.port); };
    int found = look();
    for (const nanoseconds limit = monotonic_now() + slack();
         found != state && monotonic_now() < limit; pause(1ms))
        found = look();
    require(found == state,
            "the kernel lists state " + std::to_string(found) + ", not " + std::to_string(state));
}

End client_end(const Scene& scene, const Fd& client, Moment opened) {
    const Endpoint local = local_of(client);
    return {.family = local.addr.find(':') == std::string::npos ? "ipv4" : "ipv6",
            .local = local,
            .remote = remote_of(client),
            .role = "client",
            .process = only(scene.self()),
            .opened = opened};
}

End server_end(const Scene& scene, const End& client, Moment opened) {
    return {.family = client.family,
            .local = client.remote,
            .remote = client.local,
            .role = "server",
            .process = only(scene.self()),
            .opened = opened};
}

Pair open_pair(const Scene& scene, const Fd& listener, Fd client, const Address& address) {
    Pair pair{.client = std::move(client), .server = {}, .client_end = {}, .server_end = {}};
    const Moment opened = during([&] { connect_to(pair.client, address); });
    pair.server = accept_from(listener);
    pair.client_end = client_end(scene, pair.client, opened);
    pair.server_end = server_end(scene, pair.client_end, opened);
    return pair;
}

Pair open_pair(const Scene& scene, const Fd& listener) {
    const Address address(local_of(listener));
    return open_pair(scene, listener, tcp_socket(address.family()), address);
}

Pair open_pair(const Scene& scene) { return open_pair(scene, listen_on({"127.0.0.1", 0})); }

PeerPair open_to_peer(const Scene& scene, bool timestamps) {
    add_phantom_network();
    PeerPair pair{.peer = PacketPeer(80, timestamps), .socket = tcp_socket(), .end = {}};
    set_nonblocking(pair.socket);
    const Moment opened = during([&] {
        connect_to(pair.socket, pair.peer.address());
        pair.peer.complete_connect();
    });
    pair.end = client_end(scene, pair.socket, opened);
    return pair;
}

PeerPair open_from_peer(const Scene& scene, bool timestamps) {
    add_phantom_network();
    PeerPair pair{.peer = PacketPeer(40000, timestamps), .socket = {}, .end = {}};
    const Fd listener = listen_on({"10.9.0.1", 80});
    const Moment opened = during([&] { pair.peer.connect_to(local_of(listener)); });
    pair.socket = accept_from(listener);
    pair.end = {.local = local_of(pair.socket),
                .remote = pair.peer.address(),
                .role = "server",
                .process = only(scene.self()),
                .opened = opened};
    return pair;
}

std::vector<Step> path_of(const End& end, Moment left, std::vector<Step> rest) {
    std::vector<Step> path{{end.role.allow("client") ? "SYN_SENT" : "SYN_RECV", within(end.opened)},
                           {"ESTABLISHED", between(end.opened, left)}};
    path.insert(path.end(), rest.begin(), rest.end());
    return path;
}

Moment just_now() {
    const nanoseconds now = monotonic_now();
    return {now - slack(), now};
}

Moment await_unlisted(const End& end) {
    const nanoseconds deadline = monotonic_now() + patience(10s);
    Moment gone{monotonic_now(), {}};
    for (;; pause(5ms)) {
        const nanoseconds asked = monotonic_now();
        const bool listed = listed_state(end.local.port, end.remote.port) >= 0;
        gone.after = monotonic_now();
        if (!listed) return gone;
        gone.before = asked;
        if (asked > deadline) {
            errno = ETIMEDOUT;
            check(-1, "the kernel still lists the socket");
        }
    }
}

Expected closes_first(const End& end, Moment closed, Moment answered) {
    return {.what = "the end that closed first",
            .end = end,
            .path = path_of(end, closed,
                            {{"FIN_WAIT1", delayed_ack()},
                             {"FIN_WAIT2", less_delayed_ack(between(closed, answered))},
                             {"TIME_WAIT", two_msl()}}),
            .closed_first = "local",
            .ending = "fin",
            .time_wait = "expired"};
}

Expected closes_second(const End& end, Moment closed, Moment answered) {
    return {.what = "the end that closed second",
            .end = end,
            .path = path_of(
                end, closed,
                {{"CLOSE_WAIT", between(closed, answered)}, {"LAST_ACK", at_most(slack())}}),
            .closed_first = "remote",
            .ending = "fin"};
}

void close_and_expect(Scene& scene, Pair& pair) {
    const Moment closed = during([&] { pair.client.reset(); });
    pause(60ms);
    const Moment answered = during([&] { pair.server.reset(); });
    scene.expect(closes_first(pair.client_end, closed, answered));
    scene.expect(closes_second(pair.server_end, closed, answered));
}

} // namespace tcpdwell::test
