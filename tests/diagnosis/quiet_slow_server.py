#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server that works on one request at a time, each for most of a second, with a short backlog:
clients wait in the queue, and all are answered."""
import os
import socket
import time

from harness import connect, main

CLIENTS = 2


def serve():
    listener = socket.create_server(("127.0.0.1", 6470), backlog=1)
    while True:
        connection, _ = listener.accept()
        connection.recv(10)
        time.sleep(0.7)
        connection.sendall(b"ok")
        connection.close()


def ask():
    for _ in range(3):
        with connect(6470) as client:
            client.sendall(b"?")
            client.recv(10)


def perform(stage):
    stage.fork("batch", serve)
    stage.await_listener(6470)
    trace = stage.trace()
    for pid in [stage.fork("client", ask) for _ in range(CLIENTS)]:
        os.waitpid(pid, 0)
    trace.expect()


main(perform)
