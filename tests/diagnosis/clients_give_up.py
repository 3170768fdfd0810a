#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy gives up waiting before its backend answers: the answers meet closed connections, and are reset."""
import time

from harness import Finding, main

REQUESTS = 8
APPLICATION = """
import time
def application(environ, start):
    time.sleep(0.9)
    start("200 OK", [("Content-Length", "3")])
    return [b"ok\\n"]
"""


def perform(stage):
    stage.gunicorn(APPLICATION, "-b", "127.0.0.1:8270", workers=4)
    stage.await_listener(8270)
    _, workers = stage.nginx("listen 127.0.0.1:8271; location / { proxy_pass http://127.0.0.1:8270;"
                             " proxy_read_timeout 400ms; proxy_next_upstream off; }")
    stage.await_listener(8271)
    trace = stage.trace()
    stage.run("ab", "-n", str(REQUESTS), "-c", "4", "http://127.0.0.1:8271/")
    time.sleep(2)
    trace.expect(Finding("connections_reset", what=[f"nginx (pid {workers[0]}) to 127.0.0.1:8270"],
                         advice=["gave up waiting"], count=REQUESTS, all=REQUESTS, data_after_close=REQUESTS))


main(perform)
