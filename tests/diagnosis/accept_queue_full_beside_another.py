#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two servers with short backlogs. One hangs, and its queue is exactly full: whoever came is in it. The other one's queue
overflows in a burst, and is empty again when the report is made."""
import os
import signal
import socket
import time

from harness import Finding, connect, main

CLIENTS = 10


def hang():
    listener = socket.create_server(("127.0.0.1", 6430), backlog=2)
    signal.pause()
    listener.close()


def serve():
    listener = socket.create_server(("127.0.0.1", 6431), backlog=1)
    while True:
        connection, _ = listener.accept()
        connection.recv(10)
        time.sleep(0.05)
        connection.sendall(b"ok")
        connection.close()


def perform(stage):
    hung, burst = stage.fork("hung", hang), stage.fork("burst", serve)
    for port in 6430, 6431:
        stage.await_listener(port)
    trace = stage.trace()
    patient = [connect(6430) for _ in range(3)]

    def ask():
        client = connect(6431)
        client.sendall(b"?")
        client.recv(10)
        client.close()

    for pid in [stage.fork("client", ask) for _ in range(CLIENTS)]:
        os.waitpid(pid, 0)
    trace.expect(Finding("accept_queue_full", what=[f"burst (pid {burst})", "127.0.0.1:6431"], limit=1,
                         delayed=range(1, CLIENTS + 1)),
                 Finding("connects_delayed", severity="info", because="accept_queue_full",
                         what=["client", "127.0.0.1:6431", "while its accept queue was full"]),
                 Finding("accept_stalled", what=[f"hung (pid {hung})", "127.0.0.1:6430"], waiting=len(patient),
                         queued=len(patient), limit=2))


main(perform)
