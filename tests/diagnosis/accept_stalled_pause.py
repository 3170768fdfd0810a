#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server stands still for some seconds. Its clients connect meanwhile, ask, and give up; then it goes on as if nothing
had happened, and answers those that have gone."""
import os
import signal
import socket
import time

from harness import Finding, connect, main

CLIENTS = 8


def serve():
    listener = socket.create_server(("127.0.0.1", 6460))
    while True:
        connection, _ = listener.accept()
        connection.recv(10)
        connection.sendall(b"ok")
        connection.close()


def ask():
    with connect(6460) as client:
        client.sendall(b"?")
        client.settimeout(0.5)
        try:
            client.recv(10)
        except TimeoutError:
            pass


def perform(stage):
    server = stage.fork("paused", serve)
    stage.await_listener(6460)
    trace = stage.trace()
    ask()
    os.kill(server, signal.SIGSTOP)
    time.sleep(0.1)  # it may be on its way out of accept()
    for _ in range(CLIENTS):
        ask()
    os.kill(server, signal.SIGCONT)
    time.sleep(0.5)
    ask()
    trace.expect(Finding("accept_stalled", what=[f"paused (pid {server}) on 127.0.0.1:6460 accepted no connection"],
                         waiting=0, late=range(CLIENTS - 3, CLIENTS), late_closed=range(CLIENTS - 3, CLIENTS),
                         paused_ns=lambda pause: 3.8e9 < pause < 5e9),
                 Finding("connections_reset", severity="info", because="accept_stalled"))


main(perform)
