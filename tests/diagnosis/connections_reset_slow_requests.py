#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nginx reads the headers of a request for 0.8 s and then closes without a word: clients that send the rest later lose
their requests. Clients that are in time don't, and those that never send anything are neither turned away nor reset."""
import os
import time

from harness import Finding, connect, main

SLOW = 7


def ask(wait_s):
    connections = [connect(8276) for _ in range(SLOW)]
    for connection in connections:
        connection.sendall(b"GET / HTTP/1.1\r\n")
    time.sleep(wait_s)
    for connection in connections:
        try:
            connection.sendall(b"Host: shop\r\nConnection: close\r\n\r\n")
            connection.recv(1000)
        except ConnectionError:
            pass
        connection.close()


def say_nothing():
    connections = [connect(8276) for _ in range(2 * SLOW)]
    for connection in connections:
        assert connection.recv(100) == b""
        connection.close()


def perform(stage):
    _, workers = stage.nginx("listen 127.0.0.1:8276; client_header_timeout 800ms; return 200 hello;")
    stage.await_listener(8276)
    in_time = stage.trace()
    clients = [stage.fork("in-time", ask, 0.1), stage.fork("silent", say_nothing)]
    for client in clients:
        os.waitpid(client, 0)
    in_time.expect()
    trace = stage.trace()
    os.waitpid(stage.fork("slow", ask, 1.4), 0)
    trace.expect(Finding("connections_reset", what=[f"nginx (pid {workers[0]}) on 127.0.0.1:8276"],
                         advice=["This server closed after", "client_header_timeout"],
                         count=SLOW, reset_sent=SLOW, process=workers))


main(perform)
