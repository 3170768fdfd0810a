#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy whose backend is gone without a trace gives up each connect after a second, and answers 504."""
from harness import Finding, main

REQUESTS = 6


def perform(stage):
    stage.ip("route", "add", "10.9.9.0/24", "dev", "lo")  # what is sent there is dropped
    stage.nginx("""listen 127.0.0.1:8050; location / {
        proxy_pass http://10.9.9.20:9000; proxy_connect_timeout 1s; }""")
    stage.await_listener(8050)
    trace = stage.trace()
    out = stage.run("ab", "-n", str(REQUESTS), "-c", "3", "http://127.0.0.1:8050/")
    assert f"Non-2xx responses:      {REQUESTS}" in out, out
    trace.expect(Finding("connects_unanswered", what=[f"{REQUESTS} connects of nginx", "10.9.9.20:9000"],
                         connects=REQUESTS, failed=REQUESTS))


main(perform)
