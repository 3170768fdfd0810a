#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server resets the connections of requests that it doesn't want: a third of all."""
from harness import Finding, main

REQUESTS = 24
UNWANTED = REQUESTS // 3


def perform(stage):
    _, workers = stage.nginx("""listen 127.0.0.1:8140; reset_timedout_connection on;
        location /wanted { return 200 yes; } location /scan { return 444; }""")
    stage.await_listener(8140)
    trace = stage.trace()
    for i in range(REQUESTS):
        path = "scan" if i % 3 == 0 else "wanted"
        stage.run("curl", "-sS", "-o", "/dev/null", f"http://127.0.0.1:8140/{path}", may_fail=True)
    trace.expect(Finding("connections_reset", what=[f"nginx (pid {workers[0]}) on 127.0.0.1:8140"],
                         count=UNWANTED, all=REQUESTS))


main(perform)
