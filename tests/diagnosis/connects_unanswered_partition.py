#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A driver that is connected to all nodes of a cluster loses the network to them, and tries each again in vain. Another
program tries as many addresses at which nobody ever was."""
import contextlib
import os
import socket
import threading
import time

from harness import Finding, connect, main

NODES = [f"10.88.0.{node}" for node in range(2, 14)]
NOWHERE = [f"10.88.0.{node}" for node in range(102, 114)]


def try_each(addresses):
    def try_one(address):
        with contextlib.suppress(OSError), socket.socket() as connection:
            connection.settimeout(0.5)
            connection.connect((address, 9042))

    threads = [threading.Thread(target=try_one, args=(address,)) for address in addresses for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def drive(cut):
    connections = [connect(9042, address) for address in NODES]
    time.sleep(0.2)
    cut()
    try_each(NODES)
    return connections


def cluster():
    with socket.create_server(("0.0.0.0", 9042)) as listener:
        connections = []
        while True:
            connections.append(listener.accept())


def perform(stage):
    far = stage.new_net()
    stage.link("10.88.0.1/24", far, "10.88.0.2/24")
    for address in NODES[1:]:
        stage.ip("address", "add", f"{address}/24", "dev", "far", net=far)
    stage.fork("cluster", cluster, net=far)
    stage.await_listener(9042, net=far)
    # So that ARP has nothing to say on what isn't there.
    for address in NOWHERE:
        stage.ip("neigh", "add", address, "lladdr", "02:00:00:00:00:01", "dev", "near")
    scan = stage.trace()
    os.waitpid(stage.fork("scanner", try_each, NOWHERE), 0)
    scan.expect(Finding("connects_unanswered", what=["scanner", "a scan, or wrong addresses"], hosts=len(NOWHERE)))
    partition = stage.trace()
    os.waitpid(stage.fork("driver", drive, lambda: stage.run(
        "iptables", "-A", "INPUT", "-i", "far", "-j", "DROP", net=far)), 0)
    partition.expect(Finding("connects_unanswered", advice=["what they have in common"],
                             what=["driver", f"has been connected to {len(NODES)} of these hosts"],
                             hosts=len(NODES), known_hosts=len(NODES)))


main(perform)
