#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An application keeps connections that its backend has closed when they were idle, and never looks at them again. The
trace begins long after."""
import time

from harness import CLOSE_WAIT, Finding, main

REQUESTS = 5
APPLICATION = """
import http.client
POOL = []
def application(environ, start):
    POOL.append(http.client.HTTPConnection("127.0.0.1", 8110))
    POOL[-1].request("GET", "/")
    answer = POOL[-1].getresponse().read()
    start("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]
"""


def perform(stage):
    stage.nginx("listen 127.0.0.1:8110; keepalive_timeout 1s; return 200 stock;")
    stage.await_listener(8110)
    _, workers = stage.gunicorn(APPLICATION, "-b", "127.0.0.1:8111")
    stage.await_listener(8111)
    stage.run("ab", "-n", str(REQUESTS), "http://127.0.0.1:8111/")
    stage.await_sockets(REQUESTS, CLOSE_WAIT, remote_port=8110)
    time.sleep(1.3)
    stage.trace("--threshold", "close_wait_leak.age=1s").expect(
        Finding("close_wait_leak", what=[f"gunicorn (pid {workers[0]})"], sockets=REQUESTS, holders=workers,
                oldest_ns=lambda age: age > 1.2e9))


main(perform)
