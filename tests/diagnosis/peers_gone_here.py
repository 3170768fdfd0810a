#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A firewall on the client's own host drops what it sends to its database: nothing leaves the host, not even once. And
what looks like it: a reader that has stopped reading is there, and answers."""
import os
import signal
import subprocess
import time

from harness import ESTABLISHED, Finding, main

POOL = 4


def stops_reading(stage, far):
    (stage.folder / "large").write_bytes(bytes(30_000_000))
    stage.nginx(f"listen 10.86.0.1:8280; root {stage.folder};")
    stage.await_listener(8280)
    trace = stage.trace("--threshold", "peers_gone.age=1s")
    reader = stage.start("curl", "-s", "-o", "/dev/null", "--limit-rate", "100k", "http://10.86.0.1:8280/large", net=far)
    stage.await_sockets(1, ESTABLISHED, local_port=8280)
    time.sleep(1)
    os.kill(reader.pid, signal.SIGSTOP)
    time.sleep(4)
    trace.expect()


def perform(stage):
    far = stage.new_net()
    stage.link("10.86.0.1/24", far, "10.86.0.2/24")
    stops_reading(stage, far)
    stage.start("redis-server", "--port", "6470", "--save", "", "--protected-mode", "no", net=far)
    stage.await_listener(6470, net=far)
    trace = stage.trace("--threshold", "peers_gone.age=1s")
    pool = [stage.start("redis-cli", "-h", "10.86.0.2", "-p", "6470", stdin=subprocess.PIPE) for _ in range(POOL)]
    for client in pool:
        client.stdin.write(b"PING\n")
        client.stdin.flush()
    stage.await_sockets(POOL, ESTABLISHED, remote_port=6470)
    stage.until(lambda: stage.output().count("PONG") == POOL, "the first answers")
    time.sleep(0.5)  # they are acknowledged, too
    stage.run("iptables", "-A", "OUTPUT", "-p", "tcp", "--dport", "6470", "-j", "DROP")
    for client in pool:
        client.stdin.write(b"GET key\n")
        client.stdin.flush()
    time.sleep(4)
    trace.expect(Finding("peers_gone", what=["redis-cli", "10.86.0.2:6470", "doesn't get out"],
                         advice=["nft list ruleset"], waiting=POOL, unacked=0))


main(perform)
