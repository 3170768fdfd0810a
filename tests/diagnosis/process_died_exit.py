#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server that handles SIGTERM exits while its clients are at work, and is back after a second: requests meet its end,
and connects are refused until then. A restart when nobody is connected is none."""
import os
import time

from harness import Finding, main, connect

CLIENTS = 8
server = ["redis-server", "--port", "6450", "--save", ""]


def work(until):
    """Asks without looking whether the server is still there, and connects anew five times a second."""
    connection = None
    while time.monotonic() < until:
        try:
            connection = connection or connect(6450)
            connection.sendall(b"PING\r\n")
            if not connection.recv(100):
                raise ConnectionResetError
            time.sleep(0.05)
        except OSError:
            if connection:
                connection.close()
            connection = None
            time.sleep(0.2)


def perform(stage):
    redis = stage.start(*server)
    stage.await_listener(6450)
    alone = stage.trace()
    connect(6450).close()
    redis.terminate()
    redis.wait()
    redis = stage.start(*server)
    stage.await_listener(6450)
    alone.expect()
    trace = stage.trace()
    until = time.monotonic() + 6
    clients = [stage.fork("client", work, until) for _ in range(CLIENTS)]
    time.sleep(2)
    redis.terminate()
    redis.wait()
    time.sleep(1.5)
    stage.start(*server)
    for client in clients:
        os.waitpid(client, 0)
    trace.expect(Finding("process_died", what=[f"redis-server (pid {redis.pid}) died (exited)"],
                         advice=["It ended by itself"], count=range(1, CLIENTS + 1), died=[redis.pid]),
                 Finding("connects_refused", severity="info", because="process_died", what=["client"]))


main(perform)
