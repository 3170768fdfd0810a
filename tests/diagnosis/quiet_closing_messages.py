#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server closes connections that are idle for half a second. A pool evicts them later, by its protocol with a QUIT
before its close(): no request meets the close. MSG_MORE keeps the QUIT back until close(), so that the RST comes after
it, as it does on any path that takes longer than close()."""
import os
import socket
import threading
import time

from harness import connect, main

POOL = 8


def serve(connection):
    connection.settimeout(0.5)
    try:
        while connection.recv(100):
            connection.sendall(b"row")
    except TimeoutError:
        pass
    connection.close()


def database():
    with socket.create_server(("127.0.0.1", 8275)) as listener:
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


def use_pool():
    connections = [connect(8275) for _ in range(POOL)]
    for connection in connections:
        connection.sendall(b"SELECT")
        assert connection.recv(100) == b"row"
    time.sleep(1.2)
    for connection in connections:
        connection.send(b"QUIT", socket.MSG_MORE)
        connection.close()


def perform(stage):
    stage.fork("database", database)
    stage.await_listener(8275)
    trace = stage.trace()
    os.waitpid(stage.fork("pool", use_pool), 0)
    trace.expect()


main(perform)
