#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The local ports of a script are all in TIME_WAIT before somebody looks, and nothing moves any more."""
from harness import Finding, main

PORTS = 48


def perform(stage):
    stage.sysctl("ipv4/ip_local_port_range", f"42000 {42000 + PORTS - 1}")
    stage.sysctl("ipv4/tcp_tw_reuse", 0)
    stage.nginx("listen 127.0.0.1:8171; return 200 hello;")
    stage.await_listener(8171)
    out = stage.run("sh", "-c", f"for i in $(seq {PORTS}); do curl -sS http://127.0.0.1:8171/ || echo FAILED; done")
    assert out.count("FAILED") == 0, out
    trace = stage.trace()
    trace.expect(Finding("ephemeral_ports_low", severity="critical", held=PORTS, limit=PORTS, no_port=0,
                         what=[f"{PORTS} of {PORTS} local ports", "127.0.0.1:8171", "in TIME_WAIT"]))


main(perform)
