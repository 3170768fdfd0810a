#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SYNs from forged addresses fill the queue of a proxy, which goes on with SYN cookies; a few real clients get
through."""
import os
import time

from harness import Finding, main
from syn_flood import flood

FORGED = 300
BACKLOG = 16


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
    flood_pid = stage.fork("attacker", flood, "10.90.0.1", 8120, FORGED, net=attacker)
    for _ in range(5):
        stage.run("curl", "-sS", "-o", "/dev/null", "http://10.90.0.1:8120/", net=attacker)
        time.sleep(0.1)
    os.waitpid(flood_pid, 0)
    time.sleep(0.2)
    trace.expect(Finding("handshakes_failing", what=["haproxy", "10.90.0.1:8120"],
                         cookies_sent=range(FORGED - 3 * BACKLOG, FORGED + 10)))


main(perform)
