#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A collector handles SIGTERM: it closes its listening socket and its connections, exits, and is back after 1.5 s. What its
clients send next is lost, and new connects are refused until then. A collector that is started after its clients is no
trouble any more."""
import os
import select
import signal
import socket
import time

from harness import Finding, connect, main

CLIENTS = 8


def collect(port):
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    listener = socket.create_server(("127.0.0.1", port), backlog=32)
    connections = []
    while not stopping:
        for ready in select.select([listener] + connections, [], [], 0.05)[0]:
            if ready is listener:
                connections.append(listener.accept()[0])
            elif not ready.recv(1000):
                connections.remove(ready)
                ready.close()
    listener.close()
    for connection in connections:
        connection.close()
    os._exit(0)


def ship(port, messages):
    """Doesn't look whether the collector is still there."""
    connection = None
    for _ in range(messages):
        try:
            connection = connection or connect(port)
            connection.sendall(b"message\n")
        except OSError:
            if connection:
                connection.close()
            connection = None
        time.sleep(0.2)


def perform(stage):
    early = stage.trace()
    clients = [stage.fork("shipper", ship, 8310, 15) for _ in range(2)]
    time.sleep(2)
    stage.fork("collector", collect, 8310)
    for client in clients:
        os.waitpid(client, 0)
    early.expect(Finding("connects_refused", severity="info", what=["nobody listened there until collector"],
                         advice=["order their starts"]))

    collector = stage.fork("collector", collect, 8311)
    stage.await_listener(8311)
    trace = stage.trace()
    clients = [stage.fork("shipper", ship, 8311, 25) for _ in range(CLIENTS)]
    time.sleep(1.5)
    os.kill(collector, signal.SIGTERM)
    os.waitpid(collector, 0)
    time.sleep(1.5)
    stage.fork("collector", collect, 8311)
    for client in clients:
        os.waitpid(client, 0)
    trace.expect(Finding("process_died", what=[f"collector (pid {collector}) closed them as the listening socket was closed",
                                               "127.0.0.1:8311"],
                         advice=["has to stop accepting"], count=range(CLIENTS - 1, CLIENTS + 1), died=[collector]),
                 Finding("connects_refused", severity="info", because="process_died",
                         what=[f"since the socket of collector (pid {collector}) was closed", "has done so again"]))


main(perform)
