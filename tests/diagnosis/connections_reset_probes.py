#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A mail server, which speaks first, is probed by connecting and closing: its greeting meets the close. No fault, seen
from both ends and from the server alone. Clients that wait for a greeting that comes too late are another matter."""
import contextlib
import os
import socket
import threading
import time

from harness import Finding, connect, main

PROBES, IMPATIENT = 12, 6


def serve(connection):
    with connection, contextlib.suppress(OSError):
        time.sleep(0.02 if connection.getsockname()[1] == 2525 else 0.5)
        connection.sendall(b"220 ready\r\n")
        connection.recv(100)
        connection.sendall(b"221 bye\r\n")
        connection.recv(100)


def listen(port):
    with socket.create_server(("10.87.0.2", port)) as listener:
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


def probe():
    for _ in range(PROBES):
        connect(2525, "10.87.0.2").close()
        time.sleep(0.1)


def send_mail():
    for _ in range(3):
        with connect(2525, "10.87.0.2") as connection:
            assert connection.recv(100)
            connection.sendall(b"QUIT\r\n")
            assert connection.recv(100)


def lose_patience():
    for _ in range(IMPATIENT):
        with connect(2526, "10.87.0.2") as connection:
            connection.settimeout(0.3)
            with contextlib.suppress(TimeoutError):
                connection.recv(100)


def perform(stage):
    far = stage.new_net()
    stage.link("10.87.0.1/24", far, "10.87.0.2/24")
    for port in 2525, 2526:
        stage.fork("smtpd", listen, port, net=far)
        stage.await_listener(port, net=far)
    both, server = stage.trace(nets=[stage.net, far]), stage.trace(nets=[far])
    clients = [stage.fork("kubelet", probe), stage.fork("mta", send_mail)]
    for client in clients:
        os.waitpid(client, 0)
    probes = dict(severity="info", count=PROBES, advice=["Probably probes"])
    both.expect(Finding("connections_reset", what=["kubelet", "having sent nothing"], **probes))
    server.expect(Finding("connections_reset", what=["smtpd", "while others end well"], **probes))
    late = stage.trace(nets=[stage.net, far])
    os.waitpid(stage.fork("impatient", lose_patience), 0)
    time.sleep(0.6)
    late.expect(Finding("connections_reset", what=["impatient"], advice=["it gave up waiting after"], count=IMPATIENT))


main(perform)
