#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A database is restarted while the network to it is cut: its clients' next commands reach a kernel that doesn't know
their connections."""
import subprocess
import time

from harness import ESTABLISHED, FIN_WAIT1, Finding, main

CLIENTS = 6


def perform(stage):
    database = stage.new_net()
    stage.link("10.81.0.1/24", database, "10.81.0.2/24")
    words = "redis-server", "--port", "6450", "--save", "", "--protected-mode", "no"
    server = stage.start(*words, net=database)
    stage.await_listener(6450, net=database)
    trace = stage.trace(nets=[stage.net, database])
    clients = [stage.start("redis-cli", "-h", "10.81.0.2", "-p", "6450", stdin=subprocess.PIPE) for _ in range(CLIENTS)]
    for client in clients:
        client.stdin.write(b"PING\n")
        client.stdin.flush()
    stage.await_sockets(CLIENTS, ESTABLISHED, remote_port=6450)
    time.sleep(0.3)
    stage.run("iptables", "-A", "OUTPUT", "-o", "far", "-j", "DROP", net=database)
    stage.run("iptables", "-A", "INPUT", "-i", "far", "-j", "DROP", net=database)
    stage.sysctl("ipv4/tcp_orphan_retries", 1, net=database)
    server.terminate()
    server.wait()
    stage.until(lambda: stage.sockets(ESTABLISHED, 6450, net=database) == 0 and
                stage.sockets(FIN_WAIT1, 6450, net=database) == 0, "the server's sockets are gone")
    stage.start(*words, net=database)
    stage.await_listener(6450, net=database)
    stage.run("iptables", "-F", net=database)
    for client in clients:
        client.stdin.write(b"GET key\n")
        client.stdin.flush()
    time.sleep(1)
    trace.expect(
        Finding("peers_gone", what=[f"redis-server (pid {server.pid})"], ended=CLIENTS, retransmission=CLIENTS),
        Finding("stray_resets", what=["10.81.0.2:6450", f"{CLIENTS} connections of redis-cli on this host ended"],
                count=CLIENTS, ended=CLIENTS))


main(perform)
