#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A firewall drops SYNs that ask for ECN. The second SYN of a connect doesn't, so each is answered, a second later. Without
ECN nothing is lost."""
import os
import socket
import threading
import time

from harness import Finding, connect, main

CONNECTS = 8
APART_S = 0.5


def serve(listener):
    while True:
        connection, _ = listener.accept()
        connection.recv(1)
        connection.close()


def visit():
    def once():
        with connect(8140, "10.93.0.2") as connection:
            connection.sendall(b"?")
            connection.recv(1)

    threads = [threading.Thread(target=once) for _ in range(CONNECTS)]
    for thread in threads:
        thread.start()
        time.sleep(APART_S)
    for thread in threads:
        thread.join()


def perform(stage):
    far = stage.new_net()
    stage.link("10.93.0.1/24", far, "10.93.0.2/24")
    with stage.inside(far):
        listener = socket.create_server(("10.93.0.2", 8140), backlog=2 * CONNECTS)
    stage.fork("server", serve, listener, net=far)
    stage.run("iptables", "-A", "INPUT", "-p", "tcp", "--syn", "-m", "ecn", "--ecn-tcp-cwr", "-j", "DROP", net=far)
    stage.sysctl("ipv4/tcp_ecn", 1)
    trace = stage.trace()
    os.waitpid(stage.fork("visitor", visit), 0)
    trace.expect(Finding("connects_delayed", what=["visitor", "10.93.0.2:8140", "the second gets through"],
                         advice=["net.ipv4.tcp_ecn"], count=CONNECTS, all=CONNECTS, prompt_since=0))
    stage.sysctl("ipv4/tcp_ecn", 2)
    cured = stage.trace()
    os.waitpid(stage.fork("visitor", visit), 0)
    cured.expect()


main(perform)
