#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a server sends gets lost, while its clients go on to send: they haven't gone."""
import socket
import threading
import time

from harness import Finding, connect, main

CLIENTS = 4


def serve(listener):
    def answer(connection):
        while connection.recv(100):
            connection.sendall(b"answer\n")

    while True:
        threading.Thread(target=answer, args=[listener.accept()[0]], daemon=True).start()


def ask(lose):
    clients = [connect(7120, "10.87.0.1") for _ in range(CLIENTS)]
    for client in clients:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(b"?")
        client.recv(100)
    lose()
    while True:
        for client in clients:
            client.sendall(b"?")
        time.sleep(0.3)


def perform(stage):
    far = stage.new_net()
    stage.link("10.87.0.1/24", far, "10.87.0.2/24")
    listener = socket.create_server(("10.87.0.1", 7120))
    server = stage.fork("ledger", serve, listener)
    listener.close()
    trace = stage.trace()
    stage.fork("till", ask, lambda: stage.run("iptables", "-A", "INPUT", "-p", "tcp", "-j", "DROP", net=far), net=far)
    time.sleep(4.5)  # the fourth time-out is after 3 s; what the clients retransmit comes then, too
    trace.expect(Finding("peers_gone", what=[f"ledger (pid {server}) sends on {CLIENTS} connections isn't acknowledged",
                                             "although segments came from 10.87.0.2"],
                         waiting=CLIENTS, unacked=lambda count: count > 0))


main(perform)
