#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server crashes by an uncaught error (exit status 1, no signal) when it has read some requests and answered none of
them. A collector of logs, which never answers, exits as well while its clients are connected: that harms nobody."""
import os
import socket

from harness import Finding, connect, main

REQUESTS = 6


def serve(port):
    """Answers "fast", never "slow", and crashes by "crash"."""
    listener = socket.create_server(("127.0.0.1", port), backlog=32)
    connections = []
    while True:
        connection, _ = listener.accept()
        connections.append(connection)
        request = connection.recv(100)
        if request == b"fast":
            connection.sendall(b"answer")
        if request == b"crash":
            os._exit(1)


def ask(port, *requests):
    connections = []
    for request in requests:
        connection = connect(port)
        connection.sendall(request)
        if request == b"fast":
            connection.recv(100)
            connection.close()
        else:
            connections.append(connection)
    for connection in connections:
        assert connection.recv(100) == b"", "it has ended"
        connection.close()


def perform(stage):
    server = stage.fork("server", serve, 6480)
    stage.fork("collector", serve, 6481)
    for port in 6480, 6481:
        stage.await_listener(port)
    trace = stage.trace()
    for port, first in (6480, b"fast"), (6481, b"slow"):
        client = stage.fork("client", ask, port, first, *[b"slow"] * (REQUESTS - 1), b"crash")
        os.waitpid(client, 0)
    trace.expect(Finding("process_died", what=[f"server (pid {server}) died (exited)", "127.0.0.1:6480"],
                         advice=["It ended by itself"], count=REQUESTS, died=[server]))


main(perform)
