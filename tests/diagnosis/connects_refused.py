#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy whose backend isn't running: its connects are refused, its clients get 502."""
from harness import Finding, main

REQUESTS = 30


def perform(stage):
    _, workers = stage.nginx("listen 127.0.0.1:8060; location / { proxy_pass http://127.0.0.1:9060; }")
    stage.await_listener(8060)
    trace = stage.trace()
    out = stage.run("ab", "-n", str(REQUESTS), "-c", "3", "http://127.0.0.1:8060/")
    assert f"Non-2xx responses:      {REQUESTS}" in out, out
    trace.expect(Finding("connects_refused", what=[f"nginx (pid {workers[0]})", "127.0.0.1:9060"],
                         count=REQUESTS, all=REQUESTS, process=workers))


main(perform)
