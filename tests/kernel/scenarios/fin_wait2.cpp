// SPDX-License-Identifier: Apache-2.0
// Scenarios: we have closed and the peer has acknowledged that, but not closed itself. Where nobody
// holds the socket any more, the kernel keeps FIN_WAIT2 in a mini-socket.
#include <netinet/tcp.h>

#include "catalog.h"
#include "netns.h"

namespace tcpdwell::test {

namespace {

// A connection whose local end has been closed in `closed`, which the peer has acknowledged in
// `acked`.
struct Orphan {
    PeerPair pair;
    Moment closed;
    Moment acked;

    [[nodiscard]] std::vector<Step> path(std::vector<Step> rest) const {
        rest.insert(rest.begin(), {"FIN_WAIT1", between(closed, acked)});
        return path_of(pair.end, closed, std::move(rest));
    }
};

Orphan orphan(Scene& scene, PeerPair pair) {
    Orphan result{.pair = std::move(pair), .closed = {}, .acked = {}};
    pause(50ms);
    result.closed = during([&] { result.pair.socket.reset(); });
    result.pair.peer.await(kFin);
    pause(50ms);
    result.acked = during([&] { result.pair.peer.send_ack(); });
    scene.require_listed(result.pair.end, TCP_FIN_WAIT2);
    return result;
}

// The change to TIME_WAIT happens inside the mini-socket, where it fires no event.
void orphan_then_fin(Scene& scene, bool timestamps) {
    Orphan mini = orphan(scene, open_to_peer(scene, timestamps));
    pause(700ms);
    const Moment fin = during([&] { mini.pair.peer.send_fin(); });
    scene.require_listed(mini.pair.end, TCP_TIME_WAIT);
    const Span until_fin = between(mini.acked, fin, 2 * jiffy() + 2ms);
    scene.expect({.what = "client",
                  .end = mini.pair.end,
                  .path = mini.path({{"FIN_WAIT2", until_fin}, {"TIME_WAIT", two_msl()}}),
                  .closed_first = "local",
                  .ending = "fin",
                  .time_wait = "expired"});
}

void orphan_then_fin_with_timestamps(Scene& scene) { orphan_then_fin(scene, true); }

void orphan_then_fin_without_timestamps(Scene& scene) { orphan_then_fin(scene, false); }

// One segment acknowledges our FIN and carries the peer's: FIN_WAIT2 is passed, but not stayed in.
void fin_with_the_ack(Scene& scene) {
    PeerPair pair = open_from_peer(scene);
    const Moment closed = during([&] { pair.socket.reset(); });
    pair.peer.await(kFin);
    pause(100ms);
    const Moment fin = during([&] { pair.peer.send_fin(); });
    scene.require_listed(pair.end, TCP_TIME_WAIT);
    scene.expect({.what = "server",
                  .end = pair.end,
                  .path = path_of(pair.end, closed,
                                  {{"FIN_WAIT1", between(closed, fin)},
                                   {"FIN_WAIT2", within(fin)},
                                   {"TIME_WAIT", two_msl()}}),
                  .closed_first = "local",
                  .ending = "fin",
                  .time_wait = "expired"});
}

void fin_wait2_expires(Scene& scene) {
    write_sysctl("ipv4/tcp_fin_timeout", "2");
    Pair pair = open_pair(scene);
    pause(50ms);
    const Moment closed = during([&] { pair.client.reset(); });
    pause(200ms);
    scene.require_listed(pair.client_end, TCP_FIN_WAIT2);
    await_unlisted(pair.client_end);
    scene.expect({.what = "client",
                  .end = pair.client_end,
                  .path = path_of(pair.client_end, closed,
                                  {{"FIN_WAIT1", delayed_ack()}, {"FIN_WAIT2", timer(2s)}}),
                  .closed_first = "local",
                  .ending = "fin_wait2_expired"});
    // Its FIN comes too late, and is answered by an RST.
    const Moment answered = during([&] { pair.server.reset(); });
    scene.expect({.what = "server",
                  .end = pair.server_end,
                  .path = path_of(
                      pair.server_end, closed,
                      {{"CLOSE_WAIT", between(closed, answered)}, {"LAST_ACK", within(answered)}}),
                  .closed_first = "remote",
                  .ending = "reset_received"});
}

void linger2_expires(Scene& scene) {
    PeerPair pair = open_from_peer(scene);
    set_tcp_option(pair.socket, TCP_LINGER2, 1);
    const Orphan mini = orphan(scene, std::move(pair));
    await_unlisted(mini.pair.end);
    scene.expect({.what = "server",
                  .end = mini.pair.end,
                  .path = mini.path({{"FIN_WAIT2", timer(1s)}}),
                  .closed_first = "local",
                  .ending = "fin_wait2_expired"});
}

// Past 60 s the full socket stays for the excess, and then a mini-socket takes over for the same
// time once more.
void linger2_of_63_seconds(Scene& scene) {
    PeerPair pair = open_to_peer(scene);
    set_tcp_option(pair.socket, TCP_LINGER2, 63);
    const Orphan full = orphan(scene, std::move(pair));
    await_unlisted(full.pair.end);
    scene.expect({.what = "client",
                  .end = full.pair.end,
                  .path = full.path({{"FIN_WAIT2", timer(3s) + timer(3s)}}),
                  .closed_first = "local",
                  .ending = "fin_wait2_expired"});
}

void data_after_close_in_mini(Scene& scene) {
    Orphan mini = orphan(scene, open_to_peer(scene));
    pause(150ms);
    const Moment data = during([&] { mini.pair.peer.send_data(10); });
    mini.pair.peer.await(kRst);
    scene.expect({.what = "client",
                  .end = mini.pair.end,
                  .path = mini.path({{"FIN_WAIT2", between(mini.acked, data)}}),
                  .closed_first = "local",
                  .ending = "reset_sent",
                  .detail = "data_after_close"});
}

void data_after_close_in_full_fin_wait2(Scene& scene) {
    PeerPair pair = open_from_peer(scene);
    set_tcp_option(pair.socket, TCP_LINGER2, 90);
    Orphan full = orphan(scene, std::move(pair));
    pause(150ms);
    const Moment data = during([&] { full.pair.peer.send_data(10); });
    full.pair.peer.await(kRst);
    scene.expect({.what = "server",
                  .end = full.pair.end,
                  .path = full.path({{"FIN_WAIT2", between(full.acked, data)}}),
                  .closed_first = "local",
                  .ending = "reset_sent",
                  .detail = "data_after_close"});
}

// With or without the ACK of the FIN. With it, the FIN_WAIT2 in between is a matter of
// microseconds.
void data_after_close_in_fin_wait1(Scene& scene, bool acknowledges) {
    PeerPair pair = open_to_peer(scene);
    const Moment closed = during([&] { pair.socket.reset(); });
    if (acknowledges) pair.peer.await(kFin);
    pause(100ms);
    const Moment data = during([&] { pair.peer.send_data(10); });
    pair.peer.await(kRst);
    std::vector<Step> rest{{"FIN_WAIT1", between(closed, data)}};
    if (acknowledges) rest.push_back({"FIN_WAIT2", at_most(slack())});
    scene.expect({.what = "client",
                  .end = pair.end,
                  .path = path_of(pair.end, closed, rest),
                  .closed_first = "local",
                  .ending = "reset_sent",
                  .detail = "data_after_close"});
}

void data_before_the_ack_of_the_fin(Scene& scene) { data_after_close_in_fin_wait1(scene, false); }

void data_with_the_ack_of_the_fin(Scene& scene) { data_after_close_in_fin_wait1(scene, true); }

// TCP_LINGER2 < 0: no FIN_WAIT2, an RST instead.
void negative_linger2(Scene& scene) {
    PeerPair pair = open_to_peer(scene);
    set_tcp_option(pair.socket, TCP_LINGER2, -1);
    const Moment closed = during([&] { pair.socket.reset(); });
    pair.peer.await(kFin);
    pause(100ms);
    const Moment acked = during([&] { pair.peer.send_ack(); });
    pair.peer.await(kRst);
    scene.expect(
        {.what = "client",
         .end = pair.end,
         .path = path_of(pair.end, closed,
                         {{"FIN_WAIT1", between(closed, acked)}, {"FIN_WAIT2", within(acked)}}),
         .closed_first = "local",
         .ending = "reset_sent",
         .detail = "linger2"});
}

void negative_linger2_after_shutdown(Scene& scene) {
    PeerPair pair = open_from_peer(scene);
    set_tcp_option(pair.socket, TCP_LINGER2, -1);
    const Moment closed = during([&] { shutdown(pair.socket.get(), SHUT_WR); });
    pair.peer.await(kFin);
    const Moment acked = during([&] { pair.peer.send_ack(); });
    pause(150ms);
    scene.require_state(pair.socket, TCP_FIN_WAIT2);
    const Moment ended = during([&] { pair.socket.reset(); });
    pair.peer.await(kRst);
    scene.expect({.what = "server",
                  .end = pair.end,
                  .path = path_of(pair.end, closed,
                                  {{"FIN_WAIT1", between(closed, acked)},
                                   {"FIN_WAIT2", between(acked, ended)}}),
                  .closed_first = "local",
                  .ending = "reset_sent",
                  .detail = "linger2"});
}

constexpr Scenario kScenarios[] = {
    {"orphan_then_fin_with_timestamps", orphan_then_fin_with_timestamps},
    {"orphan_then_fin_without_timestamps", orphan_then_fin_without_timestamps},
    {"fin_with_the_ack", fin_with_the_ack},
    {"fin_wait2_expires", fin_wait2_expires},
    {"linger2_expires", linger2_expires},
    {"linger2_of_63_seconds", linger2_of_63_seconds},
    {"data_after_close_in_mini", data_after_close_in_mini},
    {"data_after_close_in_full_fin_wait2", data_after_close_in_full_fin_wait2},
    {"data_before_the_ack_of_the_fin", data_before_the_ack_of_the_fin},
    {"data_with_the_ack_of_the_fin", data_with_the_ack_of_the_fin},
    {"negative_linger2", negative_linger2},
    {"negative_linger2_after_shutdown", negative_linger2_after_shutdown},
};

} // namespace

std::span<const Scenario> fin_wait2() { return kScenarios; }

} // namespace tcpdwell::test
