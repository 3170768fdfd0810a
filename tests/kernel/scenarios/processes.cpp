// SPDX-License-Identifier: Apache-2.0
// Scenarios: several processes have to do with one connection. Named are the one that connected or
// accepted, and the one whose close() ended it.
#include <netinet/tcp.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "catalog.h"
#include "child.h"

namespace tcpdwell::test {

namespace {

// Accepts the connection of `client`, which was made in `opened`.
Pair accepted(const Scene& scene, const Fd& listener, Moment opened, const Task& client_task) {
    Pair pair;
    pair.server = accept_from(listener);
    pair.server_end = {.local = local_of(pair.server),
                       .remote = remote_of(pair.server),
                       .role = "server",
                       .process = only(scene.self()),
                       .opened = opened};
    pair.client_end = {.local = pair.server_end.remote,
                       .remote = pair.server_end.local,
                       .role = "client",
                       .process = only(client_task),
                       .opened = opened};
    return pair;
}

// A child that connects to `listener` and then waits for the end that it won't see.
void connect_and_wait(const Child::Script& script, const Fd& listener) {
    const Fd socket = tcp_socket();
    script.await_order();
    connect_to(socket, local_of(listener));
    script.report_done();
    script.await_order();
}

void killed_process(Scene& scene) {
    const Fd listener = listen_on({"127.0.0.1", 0});
    Child victim("victim",
                 [&](const Child::Script& script) { connect_and_wait(script, listener); });
    const Task task = victim.task();
    const Moment opened = during([&] { victim.order(), victim.await_done(); });
    Pair pair = accepted(scene, listener, opened, task);
    pause(50ms);
    const Moment killed = during([&] { victim.kill_it(); });
    pause(100ms);
    const Moment answered = during([&] { pair.server.reset(); });
    scene.expect(closes_first(pair.client_end, killed, answered));
    scene.expect(closes_second(pair.server_end, killed, answered));
}

void killed_process_with_unread_data(Scene& scene) {
    const Fd listener = listen_on({"127.0.0.1", 0});
    Child victim("unreading",
                 [&](const Child::Script& script) { connect_and_wait(script, listener); });
    const Task task = victim.task();
    const Moment opened = during([&] { victim.order(), victim.await_done(); });
    const Pair pair = accepted(scene, listener, opened, task);
    send_bytes(pair.server, 10);
    pause(50ms);
    const Moment killed = during([&] { victim.kill_it(); });
    scene.require_state(pair.server, TCP_CLOSE);
    scene.expect({.what = "client",
                  .end = pair.client_end,
                  .path = path_of(pair.client_end, killed),
                  .closed_first = "local",
                  .ending = "reset_sent",
                  .detail = "unread_data"});
    scene.expect({.what = "server",
                  .end = pair.server_end,
                  .path = path_of(pair.server_end, killed),
                  .closed_first = "remote",
                  .ending = "reset_received"});
}

// The server's end is closed by `closer`, the client's after it by us.
void expect_closed_by(Scene& scene, const Pair& pair, const Task& closer, Moment closed,
                      Moment answered) {
    Expected server = closes_first(pair.server_end, closed, answered);
    server.closed_by = only(closer);
    scene.expect(server);
    scene.expect(closes_second(pair.client_end, closed, answered));
}

// We accept; another process gets the descriptor by SCM_RIGHTS and closes it.
void passed_on(Scene& scene) {
    Child heir("heir", [](const Child::Script& script) {
        Fd socket = script.await_descriptor();
        script.report_done();
        script.await_order();
        socket.reset();
        script.report_done();
        script.await_order();
    });
    Pair pair = open_pair(scene);
    heir.pass(pair.server);
    heir.await_done();
    pair.server.reset();
    pause(100ms);
    const Moment closed = during([&] { heir.order(), heir.await_done(); });
    pause(60ms);
    const Moment answered = during([&] { pair.client.reset(); });
    expect_closed_by(scene, pair, heir.task(), closed, answered);
}

// We accept and fork; the child's copy is the last to be closed.
void forked(Scene& scene) {
    Pair pair = open_pair(scene);
    const Child child("forked", [&](const Child::Script& script) {
        pair.client.reset();
        script.report_done();
        script.await_order();
        pair.server.reset();
        script.report_done();
        script.await_order();
    });
    child.await_done();
    pair.server.reset();
    pause(100ms);
    const Moment closed = during([&] { child.order(), child.await_done(); });
    pause(60ms);
    const Moment answered = during([&] { pair.client.reset(); });
    expect_closed_by(scene, pair, child.task(), closed, answered);
}

// The listener is ours, the connections are our workers'.
void preforked(Scene& scene) {
    const Fd listener = listen_on({"127.0.0.1", 0});
    const auto work = [&](const Child::Script& script) {
        script.await_order();
        Fd socket = accept_from(listener);
        script.report_done();
        script.await_order();
        socket.reset();
        script.report_done();
        script.await_order();
    };
    const Child one("worker_one", work);
    const Child two("worker_two", work);
    for (const Child* worker : {&two, &one}) {
        Fd client = tcp_socket();
        const Moment opened = during([&] { connect_to(client, local_of(listener)); });
        worker->order();
        worker->await_done();
        Pair pair{.client = {},
                  .server = {},
                  .client_end = client_end(scene, client, opened),
                  .server_end = {}};
        pair.server_end = server_end(scene, pair.client_end, opened);
        pair.server_end.process = only(worker->task());
        const Moment closed = during([&] { worker->order(), worker->await_done(); });
        pause(60ms);
        const Moment answered = during([&] { client.reset(); });
        expect_closed_by(scene, pair, worker->task(), closed, answered);
    }
}

// Who accepts, by accept(2), gets a connection that the peer has closed long ago.
void accepted_in_close_wait(Scene& scene) {
    const Fd listener = listen_on({"127.0.0.1", 0});
    Pair pair;
    pair.client = tcp_socket();
    const Moment opened = during([&] { connect_to(pair.client, local_of(listener)); });
    pair.client_end = client_end(scene, pair.client, opened);
    pair.server_end = server_end(scene, pair.client_end, opened);
    const Moment closed = during([&] { pair.client.reset(); });
    pause(100ms);
    const Child worker("late_acceptor", [&](const Child::Script& script) {
        Fd socket(check(syscall(SYS_accept, listener.get(), nullptr, nullptr), "accept"));
        script.report_done();
        script.await_order();
        socket.reset();
        script.report_done();
        script.await_order();
    });
    pair.server_end.process = only(worker.task());
    worker.await_done();
    pause(50ms);
    const Moment answered = during([&] { worker.order(), worker.await_done(); });
    scene.expect(closes_first(pair.client_end, closed, answered));
    scene.expect(closes_second(pair.server_end, closed, answered));
}

// The uid is the socket's: of who made it, or accepted it.
void of_another_user(Scene& scene) {
    constexpr unsigned kUser = 4242;
    const Fd listener = listen_on({"127.0.0.1", 0});
    setfsuid(kUser);
    Fd socket = tcp_socket();
    setfsuid(0);
    Pair pair = open_pair(scene, listener, std::move(socket), local_of(listener));
    close_and_expect(scene, pair);
    scene.report().connections[0].uid = kUser;
}

void cookie_of_the_socket(Scene& scene) {
    Pair pair = open_pair(scene);
    const std::uint64_t client = cookie_of(pair.client);
    const std::uint64_t server = cookie_of(pair.server);
    close_and_expect(scene, pair);
    scene.report().connections[0].cookie = client;
    scene.report().connections[1].cookie = server;
}

constexpr Scenario kScenarios[] = {
    {"killed_process", killed_process},
    {"killed_process_with_unread_data", killed_process_with_unread_data},
    {"passed_on", passed_on},
    {"forked", forked},
    {"preforked", preforked},
    {"accepted_in_close_wait", accepted_in_close_wait},
    {"of_another_user", of_another_user},
    {"cookie_of_the_socket", cookie_of_the_socket},
};

} // namespace

std::span<const Scenario> processes() { return kScenarios; }

} // namespace tcpdwell::test
