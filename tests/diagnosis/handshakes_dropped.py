#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SYNs from forged addresses fill the queue of a proxy, which has no SYN cookies: the rest is dropped, with the SYNs
of real clients."""
import os
import time

from harness import Finding, main
from syn_flood import flood

FORGED = 200
BACKLOG = 16


def perform(stage):
    stage.sysctl("ipv4/tcp_syncookies", 0)
    attacker = stage.new_net()
    stage.link("10.90.0.1/16", attacker, "10.90.0.2/16")
    stage.haproxy(f"""
listen web
  bind 10.90.0.1:8121 backlog {BACKLOG}
  mode http
  http-request return status 200""")
    stage.await_listener(8121)
    trace = stage.trace()
    flood_pid = stage.fork("attacker", flood, "10.90.0.1", 8121, FORGED, net=attacker)
    time.sleep(0.1)
    clients = [stage.start("curl", "-s", "--max-time", "1.5", "http://10.90.0.1:8121/", net=attacker) for _ in range(3)]
    os.waitpid(flood_pid, 0)
    for client in clients:
        client.wait()
    trace.expect(Finding("handshakes_failing", what=["haproxy", "10.90.0.1:8121"], cookies_sent=0,
                         syns_dropped=range(FORGED - 3 * BACKLOG, FORGED + 20)))


main(perform)
