#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server that hangs: clients connect, ask and give up, and nobody takes their connections from the queue. A second
trace begins when all that is over."""
import signal
import time

from harness import CLOSE_WAIT, Finding, connect, main

CLIENTS = 7
GONE = 5


def perform(stage):
    server = stage.start("redis-server", "--port", "6400", "--save", "", "--bind", "127.0.0.1")
    stage.await_listener(6400)
    trace = stage.trace()
    server.send_signal(signal.SIGSTOP)
    clients = [connect(6400) for _ in range(CLIENTS)]
    for client in clients:
        client.sendall(b"PING\r\n")
    for client in clients[:GONE]:
        client.close()
    stage.await_sockets(GONE, CLOSE_WAIT, 6400)
    time.sleep(1.2)
    stalled = Finding("accept_stalled", what=[f"redis-server (pid {server.pid})", "127.0.0.1:6400"], waiting=CLIENTS,
                      half_closed=GONE, queued=CLIENTS, holders=[server.pid], oldest_ns=lambda age: age > 1e9)
    trace.expect(stalled)
    stage.trace().expect(stalled)


main(perform)
