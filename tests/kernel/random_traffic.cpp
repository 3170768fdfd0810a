// SPDX-License-Identifier: Apache-2.0
// The repertoire, and the dice.
#include "random_traffic.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <utility>

#include "packet_peer.h"
#include "sock_diag.h"

namespace tcpdwell::test {

namespace {

constexpr std::size_t kMostOpen = 500;
constexpr int kDeepQueue = 4096;

void shut_writing(const Fd& socket) { shutdown(socket.get(), SHUT_WR); }

} // namespace

const std::vector<RandomTraffic::Act> RandomTraffic::kRepertoire{
    {30, &RandomTraffic::open},
    {20, &RandomTraffic::close_both},
    {10, &RandomTraffic::close_one},
    {5, &RandomTraffic::half_close},
    {5, &RandomTraffic::half_close_and_answer},
    {3, &RandomTraffic::half_close_and_leave},
    {5, &RandomTraffic::abort_one},
    {3, &RandomTraffic::abort_half_closed},
    {5, &RandomTraffic::close_unread},
    {5, &RandomTraffic::write_to_the_gone},
    {2, &RandomTraffic::linger2_negative},
    {2, &RandomTraffic::linger2_short},
    {3, &RandomTraffic::disconnect_one},
    {3, &RandomTraffic::kill_one},
    {3, &RandomTraffic::kill_mini},
    {5, &RandomTraffic::be_refused},
    {3, &RandomTraffic::connect_to_nowhere},
    {5, &RandomTraffic::connect_deferred},
    {4, &RandomTraffic::wait_for_accept},
    {2, &RandomTraffic::overflow_queue},
    {2, &RandomTraffic::close_listener},
    {3, &RandomTraffic::connect_to_itself},
    {6, &RandomTraffic::come_back},
    {3, &RandomTraffic::talk_to_the_taciturn},
    {10, &RandomTraffic::close_a_kept_one},
};

RandomTraffic::RandomTraffic(std::uint32_t seed)
    : random_(seed), ipv4_(listen_on({"0.0.0.0", 0})), ipv6_(listen_on({"::1", 0})),
      dual_(listen_on({"::", 0})), deferring_(listen_on({"127.0.0.1", 0}, kDeepQueue)),
      queueing_(listen_on({"::", 0}, kDeepQueue)), crowded_(listen_on({"127.0.0.1", 0}, 2)) {
    set_tcp_option(deferring_, TCP_DEFER_ACCEPT,
                   60); // so long are requests without data held in SYN_RECV
}

void RandomTraffic::act(int times) {
    int sum = 0;
    for (const Act& act : kRepertoire) sum += act.weight;
    for (int i = 0; i < times; ++i) {
        auto dice = static_cast<int>(below(static_cast<std::size_t>(sum)));
        auto act = kRepertoire.begin();
        for (; dice >= act->weight; ++act) dice -= act->weight;
        (this->*act->perform)();
    }
}

// Not std::uniform_int_distribution, which is different in each library: a seed stands for the same
// traffic everywhere.
std::size_t RandomTraffic::below(std::size_t bound) { return random_() % bound; }

RandomTraffic::Pair RandomTraffic::open_pair() {
    const std::size_t kind = below(5);
    const Fd& listener = kind < 2 ? ipv4_ : kind == 2 ? ipv6_ : dual_;
    const char* address = kind == 2 ? "::1" : kind == 4 ? "::ffff:127.0.0.3" : "127.0.0.2";
    Fd client = tcp_socket(kind == 2 || kind == 4 ? AF_INET6 : AF_INET);
    if (kind == 1) {
        const Address some("127.0.0." + std::to_string(1 + below(9)), 0);
        check(bind(client.get(), some.get(), some.size), "bind");
    }
    connect_to(client, Address(address, local_of(listener).port));
    return {std::move(client), accept_from(listener)};
}

RandomTraffic::Pair RandomTraffic::take_pair() {
    if (open_.empty()) return open_pair();
    std::swap(open_[below(open_.size())], open_.back());
    Pair pair = std::move(open_.back());
    open_.pop_back();
    return pair;
}

RandomTraffic::Ends RandomTraffic::take_ends() {
    Pair pair = take_pair();
    if (maybe()) std::swap(pair.client, pair.server);
    return {std::move(pair.client), std::move(pair.server)};
}

void RandomTraffic::keep_or_close(Fd socket) {
    if (maybe()) kept_.push_back(std::move(socket));
}

Endpoint RandomTraffic::fresh_port() { return {"127.0.0.1", ++last_fresh_port_}; }

// From a port that was used before. No socket if the kernel isn't done with the connection before.
Fd RandomTraffic::connect_again(const Endpoint& local, const Endpoint& remote) {
    Fd socket = tcp_socket();
    bind_to(socket, local);
    const Address target(remote);
    if (connect(socket.get(), target.get(), target.size) != 0) socket.reset();
    return socket;
}

// --- ends of established connections

void RandomTraffic::open() {
    Pair pair = open_pair();
    if (open_.size() < kMostOpen) open_.push_back(std::move(pair));
}

void RandomTraffic::close_both() {
    Ends ends = take_ends();
    const bool talk = maybe();
    if (talk) send_bytes(ends.one, 100);
    ends.one.reset();
    if (talk) read_to_end(ends.other);
}

void RandomTraffic::close_one() {
    Ends ends = take_ends();
    ends.one.reset();
    kept_.push_back(std::move(ends.other));
}

void RandomTraffic::half_close() {
    Ends ends = take_ends();
    shut_writing(ends.one);
    kept_.push_back(std::move(ends.one));
    kept_.push_back(std::move(ends.other));
}

void RandomTraffic::half_close_and_answer() {
    Ends ends = take_ends();
    shut_writing(ends.one);
    ends.other.reset();
    keep_or_close(std::move(ends.one));
}

void RandomTraffic::half_close_and_leave() {
    Ends ends = take_ends();
    shut_writing(ends.one);
    ends.one.reset();
    keep_or_close(std::move(ends.other));
}

void RandomTraffic::abort_one() {
    Ends ends = take_ends();
    abort_socket(ends.one);
    keep_or_close(std::move(ends.other));
}

void RandomTraffic::abort_half_closed() {
    Ends ends = take_ends();
    shut_writing(ends.one);
    if (maybe()) std::swap(ends.one, ends.other);
    abort_socket(ends.one);
    keep_or_close(std::move(ends.other));
}

void RandomTraffic::close_unread() {
    Ends ends = take_ends();
    send_bytes(ends.other, 100);
    ends.one.reset();
    keep_or_close(std::move(ends.other));
}

void RandomTraffic::write_to_the_gone() {
    Ends ends = take_ends();
    ends.one.reset();
    send_bytes(ends.other, 100);
    keep_or_close(std::move(ends.other));
}

void RandomTraffic::linger2_negative() {
    Ends ends = take_ends();
    set_tcp_option(ends.one, TCP_LINGER2, -1);
    ends.one.reset();
    keep_or_close(std::move(ends.other));
}

// FIN_WAIT2 for a second.
void RandomTraffic::linger2_short() {
    Ends ends = take_ends();
    set_tcp_option(ends.one, TCP_LINGER2, 1);
    ends.one.reset();
    keep_or_close(std::move(ends.other));
}

// The same socket may connect again.
void RandomTraffic::disconnect_one() {
    Pair pair = take_pair();
    const Endpoint remote = remote_of(pair.client);
    disconnect(pair.client);
    for (const Fd* listener : {&ipv4_, &ipv6_, &dual_}) {
        if (local_of(*listener).port != remote.port || maybe()) continue;
        connect_to(pair.client, remote);
        open_.push_back({std::move(pair.client), accept_from(*listener)});
        return;
    }
    keep_or_close(std::move(pair.client));
}

void RandomTraffic::kill_one() {
    Ends ends = take_ends();
    destroy_socket(local_of(ends.one), remote_of(ends.one));
    keep_or_close(std::move(ends.one));
    keep_or_close(std::move(ends.other));
}

// Or FIN_WAIT2. Always the client's: where there is none, the kernel would take the listener
// instead.
void RandomTraffic::kill_mini() {
    Pair pair = take_pair();
    const Endpoint local = local_of(pair.client);
    const Endpoint remote = remote_of(pair.client);
    pair.client.reset();
    if (maybe()) pair.server.reset();
    destroy_socket(local, remote);
}

// --- opening, more or less

void RandomTraffic::be_refused() {
    const Fd socket = tcp_socket();
    failing_connect(socket, Address("127.0.0.1", 1));
}

void RandomTraffic::connect_to_nowhere() {
    Fd socket = tcp_socket();
    set_nonblocking(socket);
    connect_to(socket, Address("10.9.9.9", 80));
    keep_or_close(std::move(socket));
}

void RandomTraffic::connect_deferred() {
    Fd client = tcp_socket();
    connect_to(client, local_of(deferring_));
    switch (below(4)) {
    case 0:
        send_bytes(client, 10);
        keep_or_close(accept_from(deferring_)); // perhaps an older one, that a FIN has let through
        break;
    case 1: client.reset(); break;
    case 2: abort_socket(client); return;
    default: break;
    }
    if (client) kept_.push_back(std::move(client));
}

void RandomTraffic::wait_for_accept() {
    Fd client = tcp_socket(AF_INET6);
    connect_to(client, Address("::1", local_of(queueing_).port));
    keep_or_close(std::move(client));
}

// What doesn't fit stays in SYN_RECV or SYN_SENT.
void RandomTraffic::overflow_queue() {
    Fd client = tcp_socket();
    set_nonblocking(client);
    connect_to(client, local_of(crowded_));
    kept_.push_back(std::move(client));
}

void RandomTraffic::close_listener() {
    Fd listener = listen_on({"127.0.0.1", 0});
    for (std::size_t i = below(4); i > 0; --i) {
        Fd client = tcp_socket();
        connect_to(client, local_of(listener));
        if (maybe()) keep_or_close(accept_from(listener));
        keep_or_close(std::move(client));
    }
}

// One socket at both ends, which closes simultaneously.
void RandomTraffic::connect_to_itself() {
    const Endpoint self = fresh_port();
    keep_or_close(connect_again(self, self));
}

// The same port again, while one of the ends is in TIME_WAIT. The client's is reused, the server's
// recycled.
void RandomTraffic::come_back() {
    const Endpoint local = fresh_port();
    const Endpoint remote{"127.0.0.1", local_of(ipv4_).port};
    Ends ends{connect_again(local, remote), accept_from(ipv4_)};
    if (maybe()) std::swap(ends.one, ends.other);
    ends.one.reset();
    ends.other.reset();
    Fd client = connect_again(local, remote);
    if (!client) return;
    keep_or_close(accept_from(ipv4_));
    keep_or_close(std::move(client));
}

// The peer says something once, and then no more, so that half-done closes stay half done.
void RandomTraffic::talk_to_the_taciturn() {
    PacketPeer peer(fresh_port().port);
    Fd socket = tcp_socket();
    set_nonblocking(socket);
    connect_to(socket, peer.address());
    peer.complete_connect();
    switch (below(5)) {
    case 0: socket.reset(); break; // FIN_WAIT1
    case 1:                        // FIN_WAIT2
        socket.reset();
        peer.await(kFin);
        peer.send_ack();
        break;
    case 2: peer.send_fin(); break; // CLOSE_WAIT
    case 3:                         // LAST_ACK
        peer.send_fin();
        await_readable(socket);
        socket.reset();
        break;
    default: // CLOSING
        socket.reset();
        peer.send_fin();
    }
    if (socket) kept_.push_back(std::move(socket));
}

void RandomTraffic::close_a_kept_one() {
    if (kept_.empty()) return;
    std::swap(kept_[below(kept_.size())], kept_.back());
    kept_.pop_back();
}

} // namespace tcpdwell::test
