#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server that is busy with one request for some seconds has a short backlog: connects wait for the retransmission of
their SYN, or are believed open by the clients."""
import os
import time

from harness import Finding, connect, main

CLIENTS = 14
BACKLOG = 5


def perform(stage):
    server = stage.start("redis-server", "--port", "6420", "--save", "", "--bind", "127.0.0.1", "--tcp-backlog",
                         str(BACKLOG), "--enable-debug-command", "yes")
    stage.await_listener(6420)
    trace = stage.trace()
    busy = connect(6420)
    busy.sendall(b"DEBUG SLEEP 2.5\r\n")
    time.sleep(0.2)

    def query():
        client = connect(6420)
        client.sendall(b"PING\r\n")
        client.recv(100)
        client.close()

    clients = [stage.fork("client", query) for _ in range(CLIENTS)]
    for pid in clients:
        os.waitpid(pid, 0)
    busy.recv(100)
    trace.expect(Finding("accept_queue_full", what=[f"redis-server (pid {server.pid})", "127.0.0.1:6420"],
                         limit=BACKLOG),
                 Finding("connects_delayed", severity="info", because="accept_queue_full",
                         what=["client", "127.0.0.1:6420", "while its accept queue was full"]))


main(perform)
