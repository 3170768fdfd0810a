// SPDX-License-Identifier: Apache-2.0
// Scenarios: the ends that TIME_WAIT can have besides its time running out.
#include <netinet/tcp.h>

#include "catalog.h"
#include "netns.h"
#include "sock_diag.h"

namespace tcpdwell::test {

namespace {

// A connection over loopback, closed by one end in `closed` and by the other in `answered`.
struct Closed {
    End first; ///< in TIME_WAIT
    End second;
    Moment closed;
    Moment answered;

    // Expects the two, where TIME_WAIT lasted for `dwell`. Several may have the same ends.
    void expect(Scene& scene, const char* end, Span dwell, int turn = -1) const {
        Expected waiting = closes_first(first, closed, answered);
        waiting.path.back().dwell = dwell;
        waiting.time_wait = end;
        waiting.turn = turn;
        Expected other = closes_second(second, closed, answered);
        other.turn = turn;
        scene.expect(waiting);
        scene.expect(other);
    }
};

Closed close_client_first(Scene& scene, Pair pair) {
    Closed result{
        .first = pair.client_end, .second = pair.server_end, .closed = {}, .answered = {}};
    pause(50ms);
    result.closed = during([&] { pair.client.reset(); });
    pause(60ms);
    result.answered = during([&] { pair.server.reset(); });
    scene.require_listed(result.first, TCP_TIME_WAIT);
    return result;
}

Closed close_server_first(Scene& scene, Pair pair) {
    Closed result{
        .first = pair.server_end, .second = pair.client_end, .closed = {}, .answered = {}};
    pause(50ms);
    result.closed = during([&] { pair.server.reset(); });
    pause(60ms);
    result.answered = during([&] { pair.client.reset(); });
    scene.require_listed(result.first, TCP_TIME_WAIT);
    return result;
}

Fd bound_client(const char* address, std::uint16_t port) {
    Fd socket = tcp_socket(Address(address, port).family());
    bind_to(socket, {address, port});
    return socket;
}

// A client that asks for this very port gets it.
void reused_by_bound_port(Scene& scene, const char* address) {
    const Fd listener = listen_on({address, 0});
    const Closed old = close_client_first(
        scene, open_pair(scene, listener, bound_client(address, 41000), local_of(listener)));
    pause(200ms);
    Pair next = open_pair(scene, listener, bound_client(address, 41000), local_of(listener));
    old.expect(scene, "reused", between(old.answered, next.opened()), 0);
    const Closed young = close_client_first(scene, std::move(next));
    young.expect(scene, "expired", two_msl(), 1);
}

void reused_by_bound_port_ipv4(Scene& scene) { reused_by_bound_port(scene, "127.0.0.1"); }

// A client that takes any port gets that of a TIME_WAIT only with tcp_tw_reuse, and after a second.
void reused_by_any_port(Scene& scene) {
    write_sysctl("ipv4/tcp_tw_reuse", "1");
    write_sysctl("ipv4/ip_local_port_range", "41000 41000");
    const Fd listener = listen_on({"127.0.0.1", 42000});
    const Closed old = close_client_first(scene, open_pair(scene, listener));
    pause(2100ms);
    Pair next = open_pair(scene, listener);
    old.expect(scene, "reused", between(old.answered, next.opened()), 0);
    const Closed young = close_client_first(scene, std::move(next));
    young.expect(scene, "expired", two_msl(), 1);
}

// The server's TIME_WAIT makes way for a SYN from the same port.
void recycled_by_syn(Scene& scene) {
    const Fd listener = listen_on({"127.0.0.1", 0});
    const Closed old = close_server_first(
        scene, open_pair(scene, listener, bound_client("127.0.0.1", 41000), local_of(listener)));
    pause(200ms);
    Pair next = open_pair(scene, listener, bound_client("127.0.0.1", 41000), local_of(listener));
    old.expect(scene, "recycled", between(old.answered, next.opened()), 0);
    const Closed young = close_server_first(scene, std::move(next));
    young.expect(scene, "expired", two_msl(), 1);
}

// A server in TIME_WAIT since `since`, after the peer's `fin`.
struct Waiting {
    PeerPair pair;
    Moment closed;
    Moment fin;

    void expect(Scene& scene, const char* end, Span dwell, int restarts = 0) const {
        scene.expect({.what = "server",
                      .end = pair.end,
                      .path = path_of(pair.end, closed,
                                      {{"FIN_WAIT1", between(closed, fin)},
                                       {"FIN_WAIT2", within(fin)},
                                       {"TIME_WAIT", dwell}}),
                      .closed_first = "local",
                      .ending = "fin",
                      .time_wait = end,
                      .restarts = restarts});
    }
};

Waiting wait_for_peer(Scene& scene, bool timestamps) {
    Waiting result{.pair = open_from_peer(scene, timestamps), .closed = {}, .fin = {}};
    pause(50ms);
    result.closed = during([&] { result.pair.socket.reset(); });
    result.pair.peer.await(kFin);
    result.fin = during([&] { result.pair.peer.send_fin(); });
    scene.require_listed(result.pair.end, TCP_TIME_WAIT);
    return result;
}

// TIME-WAIT assassination (RFC 1337).
void reset_in_time_wait(Scene& scene) {
    Waiting waiting = wait_for_peer(scene, false);
    pause(300ms);
    const Moment rst = during([&] { waiting.pair.peer.send_rst(); });
    scene.require_listed(waiting.pair.end, -1);
    waiting.expect(scene, "reset", between(waiting.fin, rst));
}

void reset_in_time_wait_ignored(Scene& scene) {
    write_sysctl("ipv4/tcp_rfc1337", "1");
    Waiting waiting = wait_for_peer(scene, false);
    pause(300ms);
    waiting.pair.peer.send_rst();
    scene.require_listed(waiting.pair.end, TCP_TIME_WAIT);
    waiting.expect(scene, "expired", two_msl());
}

// Our last ACK got lost, so the peer repeats its FIN: the wait begins anew.
void restarted(Scene& scene, bool timestamps) {
    Waiting waiting = wait_for_peer(scene, timestamps);
    pause(2500ms);
    const Moment repeated = during([&] { waiting.pair.peer.repeat_fin(); });
    waiting.expect(scene, "expired", between(waiting.fin, repeated) + two_msl(), 1);
}

void restarted_with_timestamps(Scene& scene) { restarted(scene, true); }

void restarted_without_timestamps(Scene& scene) { restarted(scene, false); }

void killed(Scene& scene) {
    const Closed old = close_client_first(scene, open_pair(scene));
    pause(200ms);
    int error = 0;
    const Moment kill = during([&] { error = destroy_socket(old.first.local, old.first.remote); });
    if (error == ENOENT) {
        scene.skip("this kernel has no inet_diag");
        return;
    }
    if (error == EOPNOTSUPP) {
        scene.skip("this kernel destroys no TIME_WAIT");
        return;
    }
    scene.require(error == 0, "SOCK_DESTROY failed with errno " + std::to_string(error));
    old.expect(scene, "killed", between(old.answered, kill));
}

void leave_no_room() { write_sysctl("ipv4/tcp_max_tw_buckets", "0"); }

void overflow_after_fin(Scene& scene) {
    leave_no_room();
    PeerPair pair = open_to_peer(scene);
    const Moment closed = during([&] { shutdown(pair.socket.get(), SHUT_WR); });
    pair.peer.await(kFin);
    const Moment acked = during([&] { pair.peer.send_ack(); });
    pause(100ms);
    const Moment fin = during([&] { pair.peer.send_fin(); });
    scene.require_listed(pair.end, -1);
    scene.expect({.what = "client",
                  .end = pair.end,
                  .path = path_of(
                      pair.end, closed,
                      {{"FIN_WAIT1", between(closed, acked)}, {"FIN_WAIT2", between(acked, fin)}}),
                  .closed_first = "local",
                  .ending = "fin",
                  .time_wait = "overflow"});
}

void overflow_before_fin(Scene& scene) {
    leave_no_room();
    PeerPair pair = open_from_peer(scene);
    const Moment closed = during([&] { pair.socket.reset(); });
    pair.peer.await(kFin);
    pause(50ms);
    const Moment acked = during([&] { pair.peer.send_ack(); });
    scene.require_listed(pair.end, -1);
    scene.expect(
        {.what = "server",
         .end = pair.end,
         .path = path_of(pair.end, closed,
                         {{"FIN_WAIT1", between(closed, acked)}, {"FIN_WAIT2", within(acked)}}),
         .closed_first = "local",
         .ending = "fin",
         .detail = "peer_fin_not_seen",
         .time_wait = "overflow"});
}

void overflow_in_closing(Scene& scene) {
    leave_no_room();
    PeerPair pair = open_to_peer(scene);
    const Moment closed = during([&] { pair.socket.reset(); });
    pause(50ms);
    const Moment fin = during([&] { pair.peer.send_fin(); });
    pair.peer.await(kFin);
    pause(50ms);
    const Moment acked = during([&] { pair.peer.send_ack(); });
    scene.require_listed(pair.end, -1);
    scene.expect(
        {.what = "client",
         .end = pair.end,
         .path = path_of(pair.end, closed,
                         {{"FIN_WAIT1", between(closed, fin)}, {"CLOSING", between(fin, acked)}}),
         .closed_first = "both",
         .ending = "fin",
         .time_wait = "overflow"});
}

// The namespace goes when its last process leaves, and takes its mini-sockets along.
void purged(Scene& scene) {
    const nanoseconds cleanup = patience(10s); // a kworker does it, after a grace period or two
    const Closed old = close_client_first(scene, open_pair(scene));
    Expected fin_wait2{
        .what = "the client in FIN_WAIT2", .closed_first = "local", .ending = "unknown"};
    Moment closed, acked;
    {
        PeerPair pair = open_to_peer(scene);
        closed = during([&] { pair.socket.reset(); });
        pair.peer.await(kFin);
        acked = during([&] { pair.peer.send_ack(); });
        scene.require_listed(pair.end, TCP_FIN_WAIT2);
        fin_wait2.end = pair.end;
    }
    pause(200ms);
    Moment left = during([&] { enter_new_netns(); });
    left.after += cleanup;
    old.expect(scene, "purged", between(old.answered, left));
    fin_wait2.path =
        path_of(fin_wait2.end, closed,
                {{"FIN_WAIT1", between(closed, acked)}, {"FIN_WAIT2", between(acked, left)}});
    scene.expect(fin_wait2);
}

constexpr Scenario kScenarios[] = {
    {"reused_by_bound_port", reused_by_bound_port_ipv4},
    {"reused_by_any_port", reused_by_any_port},
    {"recycled_by_syn", recycled_by_syn},
    {"reset_in_time_wait", reset_in_time_wait},
    {"reset_in_time_wait_ignored", reset_in_time_wait_ignored},
    {"restarted_with_timestamps", restarted_with_timestamps},
    {"restarted_without_timestamps", restarted_without_timestamps},
    {"killed", killed},
    {"overflow_after_fin", overflow_after_fin},
    {"overflow_before_fin", overflow_before_fin},
    {"overflow_in_closing", overflow_in_closing},
    {"purged", purged},
};

} // namespace

std::span<const Scenario> time_waits() { return kScenarios; }

} // namespace tcpdwell::test
