#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server has written whole files and closed; its clients, who have closed their direction before, read slowly: the data
drains in LAST_ACK at one end, and in FIN_WAIT2 at the other. So do those of a server that closes first. Nothing is
stuck."""
import socket
import threading
import time

from harness import main

CLIENTS = 3
SIZE = 1_000_000


def serve(listener, reads_to_the_end):
    def answer(connection):
        while connection.recv(100) and reads_to_the_end:
            pass
        connection.sendall(b"x" * SIZE)
        connection.close()

    while True:
        threading.Thread(target=answer, args=[listener.accept()[0]], daemon=True).start()


def read_slowly(ports):
    clients = []
    for port in ports:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 30_000)
        client.connect(("127.0.0.1", port))
        client.sendall(b"?")
        clients.append(client)
    for client, port in zip(clients, ports):
        if port == 7110:
            client.shutdown(socket.SHUT_WR)
    while True:
        for client in clients:
            client.recv(6000)
        time.sleep(0.1)


def perform(stage):
    stage.sysctl("ipv4/tcp_wmem", f"4096 {4 * SIZE} {8 * SIZE}")
    for port, name in (7110, "to-the-end"), (7111, "at-once"):
        listener = socket.create_server(("127.0.0.1", port))
        stage.fork(name, serve, listener, port == 7110)
        listener.close()
    trace = stage.trace("--threshold", "closing_stuck.age=2s", "--threshold", "fin_wait2_pileup.age=2s",
                        "--threshold", "fin_wait2_pileup.sockets=2", "--threshold", "close_wait_leak.age=2s")
    stage.fork("phone", read_slowly, [7110, 7111] * CLIENTS)
    time.sleep(5)
    states = [stage.sockets(state, port) for state, port in ((9, 7110), (4, 7111))]  # LAST_ACK, FIN_WAIT1
    assert states == [CLIENTS, CLIENTS], states
    trace.expect()


main(perform)
