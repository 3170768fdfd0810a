#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The host of a database is started anew without a word to its clients, whose next commands reach a kernel that knows
neither their connections nor a listener."""
import subprocess
import time

from harness import ESTABLISHED, Finding, main

CLIENTS = 5


def perform(stage):
    before = stage.new_net()
    stage.link("10.82.0.1/24", before, "10.82.0.2/24")
    stage.start("redis-server", "--port", "6470", "--save", "", "--protected-mode", "no", net=before)
    stage.await_listener(6470, net=before)
    after = stage.new_net()
    trace = stage.trace(nets=[stage.net, after])
    clients = [stage.start("redis-cli", "-h", "10.82.0.2", "-p", "6470", stdin=subprocess.PIPE) for _ in range(CLIENTS)]
    for client in clients:
        client.stdin.write(b"PING\n")
        client.stdin.flush()
    stage.await_sockets(CLIENTS, ESTABLISHED, remote_port=6470)
    time.sleep(0.3)
    stage.ip("link", "delete", "near")
    stage.link("10.82.0.1/24", after, "10.82.0.2/24")
    for client in clients:
        client.stdin.write(b"GET key\n")
        client.stdin.flush()
    stage.await_sockets(0, ESTABLISHED, remote_port=6470)
    time.sleep(0.3)
    trace.expect(
        Finding("stray_resets", what=["10.82.0.2:6470", f"{CLIENTS} connections of redis-cli on this host ended"],
                count=CLIENTS, ended=CLIENTS))


main(perform)
