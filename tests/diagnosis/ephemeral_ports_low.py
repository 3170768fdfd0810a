#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A script opens a connection for each request, and is the one that closes: its local ports are all in TIME_WAIT, and
the last requests find none."""
from harness import Finding, main

PORTS = 48
REQUESTS = 55


def perform(stage):
    stage.sysctl("ipv4/ip_local_port_range", f"42000 {42000 + PORTS - 1}")
    stage.sysctl("ipv4/tcp_tw_reuse", 0)
    stage.nginx("listen 127.0.0.1:8170; return 200 hello;")
    stage.await_listener(8170)
    trace = stage.trace()
    out = stage.run("sh", "-c", f"for i in $(seq {REQUESTS}); do curl -sS http://127.0.0.1:8170/ || echo FAILED; done")
    assert out.count("FAILED") == REQUESTS - PORTS, out
    trace.expect(Finding("ephemeral_ports_low", severity="critical", what=["127.0.0.1:8170"]))


main(perform)
