#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server closes idle connections, and a client that holds a hundred of them never closes its own."""
import time

from harness import FIN_WAIT2, Finding, connect, main

CLIENTS = 110


def perform(stage):
    stage.nginx("listen 127.0.0.1:8160; keepalive_timeout 1s; return 200 hello;")
    stage.await_listener(8160)
    trace = stage.trace("--threshold", "fin_wait2_pileup.age=2s")
    clients = [connect(8160) for _ in range(CLIENTS)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        client.recv(1000)
    stage.await_sockets(CLIENTS, FIN_WAIT2, 8160)
    time.sleep(2.5)
    trace.expect(Finding("fin_wait2_pileup", what=["nginx"], sockets=CLIENTS))


main(perform)
