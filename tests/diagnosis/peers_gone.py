#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The host of a database falls silent under a pool of connections: seen while the kernel still retransmits, and after
it has given up."""
import subprocess
import time

from harness import ESTABLISHED, Finding, main

POOL = 6


def perform(stage):
    database = stage.new_net()
    stage.link("10.80.0.1/24", database, "10.80.0.2/24")
    stage.sysctl("ipv4/tcp_retries2", 4)
    stage.start("redis-server", "--port", "6430", "--save", "", "--protected-mode", "no", net=database)
    stage.await_listener(6430, net=database)
    trace = stage.trace("--threshold", "peers_gone.age=1s")
    pool = [stage.start("redis-cli", "-h", "10.80.0.2", "-p", "6430", stdin=subprocess.PIPE) for _ in range(POOL)]
    for client in pool:
        client.stdin.write(b"PING\n")
        client.stdin.flush()
    stage.await_sockets(POOL, ESTABLISHED, remote_port=6430)
    time.sleep(0.3)
    stage.run("iptables", "-A", "INPUT", "-i", "far", "-j", "DROP", net=database)
    during = stage.trace("--threshold", "peers_gone.age=1s")
    for client in pool:
        client.stdin.write(b"GET key\n")
        client.stdin.flush()
    time.sleep(2)
    during.expect(Finding("peers_gone", what=["redis-cli", "10.80.0.2:6430"], waiting=POOL, ended=0))
    stage.await_sockets(0, ESTABLISHED, remote_port=6430)
    time.sleep(0.2)
    trace.expect(Finding("peers_gone", what=["redis-cli", "10.80.0.2:6430"], waiting=0, ended=POOL,
                         retransmission=POOL))


main(perform)
