// SPDX-License-Identifier: Apache-2.0
// Scenarios: very many connections at once; none may be missing.
#include <algorithm>

#include "catalog.h"
#include "child.h"
#include "netns.h"
#include "support/moment.h"
#include "support/program.h"

namespace tcpdwell::test {

namespace {

constexpr int kSources = 5; // addresses, so that no one has to search long for a free port

// Connections from each source.
int each() { return std::max(crowd_size() / kSources, 1); }

void connect_all(std::vector<Fd>& sockets, const Address& target) {
    for (int source = 0; source < kSources; ++source) {
        const std::string address = "127.0.0." + std::to_string(10 + source);
        for (int i = 0; i < each(); ++i) {
            sockets.push_back(tcp_socket());
            set_option(sockets.back(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
            bind_to(sockets.back(), {address, 0});
            connect_to(sockets.back(), target);
        }
    }
}

// All are open together before the first is closed. Clients and servers are two processes, as none
// may have more than 20000 descriptors everywhere.
void ten_thousand(Scene& scene) {
    allow_many_descriptors();
    write_sysctl("ipv4/tcp_max_tw_buckets",
                 std::to_string(2 * kSources * each())); // the default depends on the memory
    const Fd listener = listen_on({"127.0.0.1", 42000}, 4096);
    const Child crowd("crowd", [&](const Child::Script& script) {
        std::vector<Fd> sockets;
        script.await_order();
        connect_all(sockets, local_of(listener));
        script.report_done();
        script.await_order();
        sockets.clear();
        script.report_done();
        script.await_order();
    });
    std::vector<Fd> servers;
    const Moment opened = during([&] {
        crowd.order();
        for (int i = 0; i < kSources * each(); ++i) servers.push_back(accept_from(listener));
        crowd.await_done();
    });
    const Moment closed = during([&] { crowd.order(), crowd.await_done(); });
    pause(100ms);
    const Moment answered = during([&] { servers.clear(); });
    const Moment busy = joined(opened, answered);

    End client{.remote = local_of(listener),
               .role = "client",
               .process = only(crowd.task()),
               .opened = opened};
    Expected first = closes_first(client, closed, answered);
    first.path = {{"SYN_SENT", within(busy)},
                  {"ESTABLISHED", within(busy)},
                  {"FIN_WAIT1", within(busy)},
                  {"FIN_WAIT2", within(busy)},
                  {"TIME_WAIT", two_msl()}};
    first.count = kSources * each();
    // Nobody, where the tracer's own look at the descriptors, which takes long where there are so
    // many, had the last reference to one: its fput() closed that socket.
    first.closed_by = maybe(crowd.task());
    End server{.local = local_of(listener),
               .role = "server",
               .process = only(scene.self()),
               .opened = opened};
    Expected second = closes_second(server, closed, answered);
    second.path = {{"SYN_RECV", within(busy)},
                   {"ESTABLISHED", within(busy)},
                   {"CLOSE_WAIT", within(busy)},
                   {"LAST_ACK", within(busy)}};
    second.closed_by = maybe(scene.self());
    second.count = first.count;
    scene.expect(first);
    scene.expect(second);
}

constexpr Scenario kScenarios[] = {{"ten_thousand", ten_thousand}};

} // namespace

std::span<const Scenario> crowds() { return kScenarios; }

} // namespace tcpdwell::test
