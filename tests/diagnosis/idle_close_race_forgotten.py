#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A firewall between a pool and its database forgets connections that are idle for two seconds, and answers what it
doesn't know with an RST. A pool that keeps below that limit loses nothing."""
import os
import time

from harness import Finding, connect, main

POOL, LIMIT_S = 6, 2


def ask(connection):
    connection.sendall(b"PING\r\n")
    return connection.recv(100)


def use_pool(wait_s, lost):
    connections = [connect(6440, "10.84.1.2") for _ in range(POOL)]
    for connection in connections:
        assert ask(connection)
    time.sleep(wait_s)
    failed = 0
    for connection in connections:
        try:
            ask(connection)
        except ConnectionResetError:
            failed += 1
    assert failed == lost, failed


def route(stage, firewall, far):
    stage.link("10.84.0.1/24", firewall, "10.84.0.2/24")
    stage.ip("link", "add", "behind", "type", "veth", "peer", "name", "eth", "netns", str(far.pid), net=firewall)
    for net, device, address in (firewall, "behind", "10.84.1.1/24"), (far, "eth", "10.84.1.2/24"):
        stage.ip("address", "add", address, "dev", device, net=net)
        stage.ip("link", "set", device, "up", net=net)
    stage.ip("route", "add", "default", "via", "10.84.0.2")
    stage.ip("route", "add", "default", "via", "10.84.1.1", net=far)
    stage.sysctl("ipv4/ip_forward", 1, net=firewall)


def perform(stage):
    firewall, far = stage.new_net(), stage.new_net()
    route(stage, firewall, far)
    for rule in (["-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT"], ["-p", "tcp", "--syn", "-j", "ACCEPT"],
                 ["-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset"]):
        stage.run("iptables", "-A", "FORWARD", *rule, net=firewall)
    stage.sysctl("netfilter/nf_conntrack_tcp_loose", 0, net=firewall)
    stage.sysctl("netfilter/nf_conntrack_tcp_timeout_established", LIMIT_S, net=firewall)
    stage.start("redis-server", "--port", "6440", "--save", "", "--protected-mode", "no", net=far)
    stage.await_listener(6440, net=far)
    below = stage.trace()
    os.waitpid(stage.fork("pool", use_pool, LIMIT_S / 4, 0), 0)
    below.expect()
    above = stage.trace()
    os.waitpid(stage.fork("pool", use_pool, LIMIT_S + 3, POOL), 0)
    above.expect(Finding("idle_close_race", what=["pool", "10.84.1.2:6440", f"{POOL} of {POOL}", "answered by an RST"],
                         advice=["NATs, firewalls and load balancers"], count=POOL, all=POOL,
                         idle_ns=lambda idle: 4_000_000_000 < idle < 8_000_000_000))


main(perform)
