#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A database is killed, as when memory is short, under its clients' connections."""
import time

from harness import Finding, connect, main

CLIENTS = 6


def perform(stage):
    server = stage.start("redis-server", "--port", "6460", "--save", "", "--bind", "127.0.0.1")
    stage.await_listener(6460)
    trace = stage.trace()
    clients = [connect(6460) for _ in range(CLIENTS)]
    for client in clients:
        client.sendall(b"PING\r\n")
        client.recv(100)
    server.kill()
    server.wait()
    for client in clients:
        client.recv(100)
        client.close()
    time.sleep(0.2)
    trace.expect(Finding("process_died", what=[f"redis-server (pid {server.pid})", "signal 9"], count=CLIENTS))


main(perform)
