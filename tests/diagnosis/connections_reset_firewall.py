#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A firewall between two hosts begins to reject connections that were in use just now: the client receives RSTs that
the server never sent. They weren't idle for longer than before. Where the server is traced as well, its ends are still
open."""
import os
import time

from harness import Finding, connect, main

POOL = 8


def ask(connection):
    connection.sendall(b"PING\r\n")
    return connection.recv(100)


def use_pool(reject):
    connections = [connect(6450, "10.86.1.2") for _ in range(POOL)]
    for _ in range(5):
        for connection in connections:
            assert ask(connection)
        time.sleep(0.2)
    reject()
    for connection in connections:
        try:
            ask(connection)
            raise AssertionError("it was not rejected")
        except ConnectionResetError:
            pass


def route(stage, firewall, far):
    stage.link("10.86.0.1/24", firewall, "10.86.0.2/24")
    stage.ip("link", "add", "behind", "type", "veth", "peer", "name", "eth", "netns", str(far.pid), net=firewall)
    for net, device, address in (firewall, "behind", "10.86.1.1/24"), (far, "eth", "10.86.1.2/24"):
        stage.ip("address", "add", address, "dev", device, net=net)
        stage.ip("link", "set", device, "up", net=net)
    stage.ip("route", "add", "default", "via", "10.86.0.2")
    stage.ip("route", "add", "default", "via", "10.86.1.1", net=far)
    stage.sysctl("ipv4/ip_forward", 1, net=firewall)


def perform(stage):
    firewall, far = stage.new_net(), stage.new_net()
    route(stage, firewall, far)
    stage.start("redis-server", "--port", "6450", "--save", "", "--protected-mode", "no", net=far)
    stage.await_listener(6450, net=far)
    both, client_only = stage.trace(nets=[stage.net, far]), stage.trace()
    client = stage.fork("pool", use_pool, lambda: stage.run(
        "iptables", "-A", "FORWARD", "-s", "10.86.0.1", "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset",
        net=firewall))
    os.waitpid(client, 0)
    both.expect(Finding("connections_reset", what=["pool", "10.86.1.2:6450", f"other ends of {POOL} are here"],
                        advice=["Something else sent the RSTs", "a firewall"],
                        count=POOL, reset_received=POOL, open_there=POOL))
    client_only.expect(Finding("connections_reset", what=["pool", "10.86.1.2:6450"],
                               advice=["it can't be seen who resets"], count=POOL, reset_received=POOL))


main(perform)
