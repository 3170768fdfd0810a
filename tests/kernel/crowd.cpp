// SPDX-License-Identifier: Apache-2.0
// One closes, the other reads the FIN and closes too.
#include "crowd.h"

#include "child.h"

namespace tcpdwell::test {
namespace {

/// A server that closes without having read or sent anything turns its clients away.
void read_byte(const Fd& socket) {
    char byte = 0;
    await_readable(socket);
    check(::recv(socket.get(), &byte, 1, 0) == 1 ? 0 : -1, "recv");
}

} // namespace

SocketPair couple_at(const Fd& listener) {
    SocketPair couple{.client = tcp_socket(), .server = {}};
    connect_to(couple.client, local_of(listener));
    couple.server = accept_from(listener);
    send_bytes(couple.client, 1);
    read_byte(couple.server);
    send_bytes(couple.server, 1);
    read_byte(couple.client);
    return couple;
}

std::vector<SocketPair> couples_at(const Fd& listener, int count) {
    std::vector<SocketPair> couples;
    for (int i = 0; i < count; ++i) couples.push_back(couple_at(listener));
    return couples;
}

void close_couple(SocketPair& couple, Side first) {
    Fd& early = first == Side::client ? couple.client : couple.server;
    Fd& late = first == Side::client ? couple.server : couple.client;
    early.reset();
    read_to_end(late);
    late.reset();
}

void close_couples(std::vector<SocketPair>& couples, Side first) {
    for (SocketPair& couple : couples) close_couple(couple, first);
}

void exchange(const Fd& listener, const char* comm, int count, Side first) {
    const Endpoint target = local_of(listener);
    const Child clients(comm, [&](const Child::Script& script) {
        for (int i = 0; i < count; ++i) {
            Fd client = tcp_socket();
            connect_to(client, target);
            send_bytes(client, 1);
            read_byte(client);
            if (first == Side::server) read_to_end(client);
            client.reset();
        }
        script.report_done();
        script.await_order();
    });
    for (int i = 0; i < count; ++i) {
        Fd server = accept_from(listener);
        read_byte(server);
        send_bytes(server, 1);
        if (first == Side::client) read_to_end(server);
        server.reset();
    }
    clients.await_done();
}

} // namespace tcpdwell::test
