#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""haproxy waits for a server for no longer than its time-out, and resets the connection to it. Requests that are
answered in time are nothing."""
from harness import Finding, main

REQUESTS = 8
APPLICATION = """
import time
def application(environ, start):
    if environ["PATH_INFO"] == "/slow": time.sleep(1.5)
    start("200 OK", [("Content-Length", "3")])
    return [b"ok\\n"]
"""


def perform(stage):
    stage.gunicorn(APPLICATION, "-b", "127.0.0.1:8290", workers=4)
    stage.await_listener(8290)
    proxy = stage.haproxy("""
listen proxy
  mode http
  timeout server 500ms
  bind 127.0.0.1:8291
  server one 127.0.0.1:8290
""")
    stage.await_listener(8291)
    in_time = stage.trace()
    stage.run("ab", "-n", str(REQUESTS), "-c", "2", "http://127.0.0.1:8291/")
    in_time.expect()
    trace = stage.trace()
    stage.run("ab", "-n", str(REQUESTS), "-c", "2", "http://127.0.0.1:8291/slow")
    trace.expect(Finding("connections_reset", what=[f"haproxy (pid {proxy.pid}) to 127.0.0.1:8290"],
                         advice=["timeout server"], count=REQUESTS, all=REQUESTS, so_linger_zero=REQUESTS))


main(perform)
