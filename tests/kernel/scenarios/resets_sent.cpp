// SPDX-License-Identifier: Apache-2.0
// Scenarios: this end sends an RST, for each reason it can have. Those after a close() stand in
// fin_wait2.cpp.
#include <netinet/tcp.h>

#include "catalog.h"
#include "sock_diag.h"

namespace tcpdwell::test {

namespace {

void expect_resets(Scene& scene, const End& sender, std::vector<Step> sent, const End& receiver,
                   std::vector<Step> received, bool sender_closed_first, const char* detail) {
    scene.expect({.what = "the end that reset",
                  .end = sender,
                  .path = std::move(sent),
                  .closed_first = sender_closed_first ? "local" : "remote",
                  .ending = "reset_sent",
                  .detail = detail});
    scene.expect({.what = "the end that was reset",
                  .end = receiver,
                  .path = std::move(received),
                  .closed_first = sender_closed_first ? "remote" : "local",
                  .ending = "reset_received"});
}

// `last` ends the server, which is established.
void expect_server_resets(Scene& scene, const Pair& pair, Moment last, const char* detail) {
    expect_resets(scene, pair.server_end, path_of(pair.server_end, last), pair.client_end,
                  path_of(pair.client_end, last), true, detail);
    scene.require_state(pair.client,
                        TCP_CLOSE); // or the client's close() overtakes the RST on a busy machine
}

// The client has closed in `fin`; `last` ends the server, which is in CLOSE_WAIT.
void expect_server_resets_after_fin(Scene& scene, const Pair& pair, Moment fin, Moment last,
                                    const char* detail) {
    expect_resets(scene, pair.server_end,
                  path_of(pair.server_end, fin, {{"CLOSE_WAIT", between(fin, last)}}),
                  pair.client_end,
                  path_of(pair.client_end, fin,
                          {{"FIN_WAIT1", delayed_ack()},
                           {"FIN_WAIT2", less_delayed_ack(between(fin, last))}}),
                  false, detail);
}

// The server has shut down its side in `fin`; `last` ends it in FIN_WAIT2.
void expect_server_resets_after_own_fin(Scene& scene, const Pair& pair, Moment fin, Moment last,
                                        const char* detail) {
    expect_resets(scene, pair.server_end,
                  path_of(pair.server_end, fin,
                          {{"FIN_WAIT1", delayed_ack()},
                           {"FIN_WAIT2", less_delayed_ack(between(fin, last))}}),
                  pair.client_end,
                  path_of(pair.client_end, fin, {{"CLOSE_WAIT", between(fin, last)}}), true,
                  detail);
    scene.require_state(pair.client, TCP_CLOSE);
}

void linger_zero_in_established(Scene& scene) {
    Pair pair = open_pair(scene);
    pause(100ms);
    const Moment aborted = during([&] { abort_socket(pair.server); });
    expect_server_resets(scene, pair, aborted, "so_linger_zero");
}

void linger_zero_in_close_wait(Scene& scene) {
    Pair pair = open_pair(scene);
    const Moment fin = during([&] { pair.client.reset(); });
    pause(150ms);
    const Moment aborted = during([&] { abort_socket(pair.server); });
    expect_server_resets_after_fin(scene, pair, fin, aborted, "so_linger_zero");
}

void linger_zero_in_fin_wait2(Scene& scene) {
    Pair pair = open_pair(scene);
    const Moment fin = during([&] { shutdown(pair.server.get(), SHUT_WR); });
    pause(150ms);
    const Moment aborted = during([&] { abort_socket(pair.server); });
    expect_server_resets_after_own_fin(scene, pair, fin, aborted, "so_linger_zero");
}

void unread_data_in_established(Scene& scene) {
    Pair pair = open_pair(scene);
    send_bytes(pair.client, 10);
    pause(100ms);
    const Moment closed = during([&] { pair.server.reset(); });
    expect_server_resets(scene, pair, closed, "unread_data");
}

void unread_data_in_close_wait(Scene& scene) {
    Pair pair = open_pair(scene);
    send_bytes(pair.client, 10);
    const Moment fin = during([&] { pair.client.reset(); });
    pause(150ms);
    const Moment closed = during([&] { pair.server.reset(); });
    expect_server_resets_after_fin(scene, pair, fin, closed, "unread_data");
}

void unread_data_in_fin_wait2(Scene& scene) {
    Pair pair = open_pair(scene);
    const Moment fin = during([&] { shutdown(pair.server.get(), SHUT_WR); });
    pause(100ms);
    send_bytes(pair.client, 10);
    pause(50ms);
    const Moment closed = during([&] { pair.server.reset(); });
    expect_server_resets_after_own_fin(scene, pair, fin, closed, "unread_data");
}

// connect(AF_UNSPEC) leaves the socket, and its cookie, to another connection.
void disconnect_and_connect_again(Scene& scene) {
    const Fd listener = listen_on({"127.0.0.1", 0});
    Pair first = open_pair(scene, listener);
    const std::uint64_t cookie = cookie_of(first.client);
    pause(100ms);
    const Moment left = during([&] { disconnect(first.client); });
    expect_resets(scene, first.client_end, path_of(first.client_end, left), first.server_end,
                  path_of(first.server_end, left), true, "disconnect");
    scene.report().connections[0].cookie = cookie;

    pause(50ms);
    Pair second = open_pair(scene, listener, std::move(first.client), local_of(listener));
    close_and_expect(scene, second);
    scene.report().connections[2].cookie = cookie;
}

void listener_closed(Scene& scene) {
    constexpr int kClients = 3;
    Fd listener = listen_on({"127.0.0.1", 0});
    std::vector<Fd> clients;
    std::vector<End> ends;
    for (int i = 0; i < kClients; ++i) {
        clients.push_back(tcp_socket());
        const Moment opened = during([&] { connect_to(clients.back(), local_of(listener)); });
        ends.push_back(client_end(scene, clients.back(), opened));
    }
    pause(100ms);
    const Moment closed = during([&] { listener.reset(); });
    for (const Fd& client : clients) scene.require_state(client, TCP_CLOSE);
    for (const End& client : ends) {
        const End server = server_end(scene, client, client.opened);
        expect_resets(scene, server, path_of(server, closed), client, path_of(client, closed), true,
                      "listener_closed");
        // The kernel doesn't say that it is the closing task which does this.
        scene.report().connections[scene.report().connections.size() - 2].closed_by =
            maybe(scene.self());
    }
}

void admin_kill(Scene& scene) {
    Pair pair = open_pair(scene);
    pause(100ms);
    int error = 0;
    const Moment killed =
        during([&] { error = destroy_socket(pair.server_end.local, pair.server_end.remote); });
    if (error == ENOENT || error == EOPNOTSUPP) {
        scene.skip("this kernel can't destroy sockets");
        return;
    }
    scene.require(error == 0, "SOCK_DESTROY failed with errno " + std::to_string(error));
    expect_server_resets(scene, pair, killed, "admin_kill");
    scene.report().connections[0].closed_by = maybe(scene.self());
}

constexpr Scenario kScenarios[] = {
    {"linger_zero_in_established", linger_zero_in_established},
    {"linger_zero_in_close_wait", linger_zero_in_close_wait},
    {"linger_zero_in_fin_wait2", linger_zero_in_fin_wait2},
    {"unread_data_in_established", unread_data_in_established},
    {"unread_data_in_close_wait", unread_data_in_close_wait},
    {"unread_data_in_fin_wait2", unread_data_in_fin_wait2},
    {"disconnect_and_connect_again", disconnect_and_connect_again},
    {"listener_closed", listener_closed},
    {"admin_kill", admin_kill},
};

} // namespace

std::span<const Scenario> resets_sent() { return kScenarios; }

} // namespace tcpdwell::test
