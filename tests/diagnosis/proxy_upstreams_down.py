#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy has three upstreams with one port: one answers, nobody listens at one, and one is gone without a trace. What
the first one answers doesn't make up for the others."""
from harness import Finding, main

REQUESTS = 24
EACH = REQUESTS // 3


def perform(stage):
    stage.ip("route", "add", "10.9.9.0/24", "dev", "lo")  # what is sent there is dropped
    _, workers = stage.nginx(
        "listen 127.0.0.1:8281; location / { proxy_pass http://up; proxy_connect_timeout 300ms;"
        " proxy_next_upstream off; }",
        http="upstream up { server 127.0.0.2:8280; server 127.0.0.3:8280 max_fails=0;"
             " server 10.9.9.20:8280 max_fails=0; }"
             " server { listen 127.0.0.2:8280; return 200 hello; }")
    stage.await_listener(8281)
    trace = stage.trace()
    out = stage.run("ab", "-n", str(REQUESTS), "-c", "1", "http://127.0.0.1:8281/")
    assert f"Non-2xx responses:      {2 * EACH}" in out, out
    trace.expect(Finding("connects_unanswered", what=[f"{EACH} connects of nginx to 10.9.9.20:8280"],
                         connects=EACH, failed=EACH),
                 Finding("connects_refused", what=[f"nginx (pid {workers[0]})", "127.0.0.3:8280"],
                         count=EACH, all=EACH))


main(perform)
