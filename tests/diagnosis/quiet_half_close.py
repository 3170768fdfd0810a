#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients send a request, close their direction, and read a long download: the server's sockets are in CLOSE_WAIT for
as long as it takes."""
import socket
import time

from harness import connect, main

CLIENTS = 5


def perform(stage):
    (stage.folder / "film").write_bytes(b"x" * 650_000)
    stage.nginx(f"listen 127.0.0.1:8240; root {stage.folder}; limit_rate 100k;")
    stage.await_listener(8240)
    age = "--threshold", "close_wait_leak.age=2.5s"
    trace = stage.trace(*age)
    clients = [connect(8240) for _ in range(CLIENTS)]
    for client in clients:
        # In one segment: nginx gives up a slow download if the FIN comes after it has read the request.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        client.sendall(b"GET /film HTTP/1.0\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
    time.sleep(3)
    during = stage.trace(*age)
    time.sleep(0.5)
    during.expect()
    for client in clients:
        size = 0
        while part := client.recv(65536):
            size += len(part)
        assert size > 650_000, size
        client.close()
    trace.expect()


main(perform)
