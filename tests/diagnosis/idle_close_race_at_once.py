#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An administrator ends all clients of a server at one moment (CLIENT KILL), when each has been idle for another part of
the half second between its requests. The next request of each meets the close. That is no idle limit."""
import os
import time

from harness import Finding, connect, main

CLIENTS = 12
PORT = 8320


def ask(delay, until):
    """A request each half second, on a connection that isn't looked at before."""
    time.sleep(delay)
    connection = None
    while time.monotonic() < until:
        try:
            connection = connection or connect(PORT)
            connection.sendall(b"PING\r\n")
            if not connection.recv(100):
                raise ConnectionResetError
        except OSError:
            connection.close()
            connection = None
        time.sleep(0.5)


def perform(stage):
    redis = stage.start("redis-server", "--port", str(PORT), "--save", "")
    stage.await_listener(PORT)
    trace = stage.trace()
    until = time.monotonic() + 4
    clients = [stage.fork("client", ask, 0.5 * i / CLIENTS, until) for i in range(CLIENTS)]
    time.sleep(2)
    with connect(PORT) as administrator:
        administrator.sendall(b"CLIENT KILL TYPE normal SKIPME yes\r\n")
        assert administrator.recv(100) == b":%d\r\n" % CLIENTS, "all of them"
    for client in clients:
        os.waitpid(client, 0)
    # Those that had just been answered don't count as idle.
    trace.expect(Finding("idle_close_race", what=[f"redis-server (pid {redis.pid})", "at one moment", "idle for"],
                         advice=["No idle limit closes so"], count=range(5, CLIENTS + 1)))


main(perform)
