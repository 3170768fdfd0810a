#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The answers of a server are no longer translated back to the address that its clients have connected to: the clients'
kernel doesn't know what they belong to, and resets them. The clients wait."""
import subprocess
import time

from harness import ESTABLISHED, Finding, main

CLIENTS = 3


def perform(stage):
    far = stage.new_net()
    stage.link("10.84.0.1/24", far, "10.84.0.2/24")
    stage.ip("route", "add", "default", "via", "10.84.0.2")
    stage.run("iptables", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-d", "10.96.0.11", "--dport", "6379", "-j", "DNAT",
              "--to", "10.84.0.2:6480")
    server = stage.start("redis-server", "--port", "6480", "--save", "", "--protected-mode", "no", net=far)
    stage.await_listener(6480, net=far)
    trace = stage.trace(nets=[stage.net, far])
    clients = [stage.start("redis-cli", "-h", "10.96.0.11", stdin=subprocess.PIPE) for _ in range(CLIENTS)]
    for client in clients:
        client.stdin.write(b"PING\n")
        client.stdin.flush()
    stage.await_sockets(CLIENTS, ESTABLISHED, remote_port=6379)
    time.sleep(0.5)
    stage.run("iptables", "-t", "raw", "-A", "PREROUTING", "-p", "tcp", "--sport", "6480", "-j", "NOTRACK")
    for client in clients:
        client.stdin.write(b"GET key\n")
        client.stdin.flush()
    time.sleep(4.5)
    trace.expect(
        Finding("stray_resets", what=["10.84.0.2:6480", "redis-cli", "connected to 10.96.0.11:6379"], count=CLIENTS,
                translated=CLIENTS, ended=CLIENTS),
        Finding("peers_gone", severity="info", because="stray_resets", what=["redis-cli"], waiting=CLIENTS))
    assert server.poll() is None


main(perform)
