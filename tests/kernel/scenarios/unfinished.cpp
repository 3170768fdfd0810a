// SPDX-License-Identifier: Apache-2.0
// Scenarios: still there when tracing ends.
#include <netinet/tcp.h>

#include "catalog.h"
#include "netns.h"

namespace tcpdwell::test {

namespace {

Expected open_end(const End& end, std::vector<Step> path, const char* closed_first) {
    return {.what = "open end",
            .end = end,
            .path = std::move(path),
            .closed_first = closed_first,
            .ending = "open"};
}

void open_established(Scene& scene) {
    Pair pair = open_pair(scene);
    for (const End& end : {pair.client_end, pair.server_end}) {
        std::vector<Step> path = path_of(end, end.opened);
        path.back().dwell = whatever();
        scene.expect(open_end(end, std::move(path), "none"));
    }
    scene.keep(std::move(pair.client));
    scene.keep(std::move(pair.server));
}

// Without a single transition while tracing was on.
void open_all_along(Scene& scene) {
    Pair pair = open_pair(scene);
    scene.await_tracing();
    for (End end : {pair.client_end, pair.server_end}) {
        end.opened = {};
        end.role.allowed.push_back("unknown");
        Expected expected = open_end(end, {{"ESTABLISHED", whatever()}}, "none");
        expected.seen = "joined";
        scene.expect(expected);
    }
    scene.keep(std::move(pair.client));
    scene.keep(std::move(pair.server));
}

void open_syn_sent(Scene& scene) {
    add_phantom_network();
    scene.await_end();
    Fd socket = tcp_socket();
    set_nonblocking(socket);
    const Endpoint target{"10.9.9.9", 80};
    const Moment opened = during([&] { connect_to(socket, target); });
    // The kernel chooses the port after the transition, and names it in no event before the SYN is
    // repeated.
    const End end{.local = {"10.9.0.1", 0},
                  .remote = target,
                  .role = "client",
                  .process = only(scene.self()),
                  .opened = opened};
    scene.expect(open_end(end, {{"SYN_SENT", whatever()}}, "none"));
    scene.keep(std::move(socket));
}

void open_syn_recv(Scene& scene) {
    add_phantom_network();
    PacketPeer peer(40000);
    Fd listener = listen_on({"10.9.0.1", 80});
    scene.await_end();
    const Moment opened = during([&] { peer.send_syn(local_of(listener)); });
    const End end{.local = local_of(listener),
                  .remote = peer.address(),
                  .role = "server",
                  .process = only(scene.self()),
                  .opened = opened};
    scene.require_listed(end, TCP_SYN_RECV);
    scene.expect(open_end(end, {{"SYN_RECV", whatever()}}, "none"));
    scene.keep(std::move(listener));
}

void open_fin_wait2(Scene& scene) {
    PeerPair pair = open_to_peer(scene);
    scene.await_end();
    const Moment closed = during([&] { pair.socket.reset(); });
    pair.peer.await(kFin);
    const Moment acked = during([&] { pair.peer.send_ack(); });
    scene.require_listed(pair.end, TCP_FIN_WAIT2);
    scene.expect(
        open_end(pair.end,
                 path_of(pair.end, closed,
                         {{"FIN_WAIT1", between(closed, acked)}, {"FIN_WAIT2", whatever()}}),
                 "local"));
}

void open_time_wait(Scene& scene) {
    Pair pair = open_pair(scene);
    scene.await_end();
    close_and_expect(scene, pair);
    Expected& client = scene.report().connections[0];
    client.time_wait = "open";
    client.path.back().dwell = whatever();
}

constexpr Scenario kScenarios[] = {
    {"open_established", open_established},
    {"open_all_along", open_all_along, Phase::early},
    {"open_syn_sent", open_syn_sent, Phase::late},
    {"open_syn_recv", open_syn_recv, Phase::late},
    {"open_fin_wait2", open_fin_wait2, Phase::late},
    {"open_time_wait", open_time_wait, Phase::late},
};

} // namespace

std::span<const Scenario> unfinished() { return kScenarios; }

} // namespace tcpdwell::test
