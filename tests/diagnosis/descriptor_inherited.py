#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server starts a helper for each request, which inherits the connection's descriptor and outlives the request."""
import signal
import socket
import subprocess
import time

from harness import CLOSE_WAIT, Finding, children, connect, main

CLIENTS = 3


def serve(listener):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        connection.recv(100)
        subprocess.Popen(["tail", "-f", "/dev/null"], pass_fds=[connection.fileno()])
        connection.sendall(b"started\n")
        connection.close()


def perform(stage):
    listener = socket.create_server(("127.0.0.1", 7070))
    server = stage.fork("job-runner", serve, listener)
    listener.close()
    trace = stage.trace("--threshold", "close_wait_leak.age=1s")
    clients = [connect(7070) for _ in range(CLIENTS)]
    for client in clients:
        client.sendall(b"job\n")
        client.recv(100)
        client.close()
    stage.await_sockets(CLIENTS, CLOSE_WAIT, 7070)
    time.sleep(1.5)
    trace.expect(Finding("descriptor_inherited", what=["tail (pid", f"job-runner (pid {server}) accepted"],
                         sockets=CLIENTS, holders=children(server), opened_by=[server]))


main(perform)
