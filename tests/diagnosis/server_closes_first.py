#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server without keep-alive closes every connection itself, and collects the TIME_WAITs."""
from harness import Finding, main

REQUESTS = 130


def perform(stage):
    stage.nginx("listen 127.0.0.1:8150; keepalive_timeout 0; return 200 hello;")
    stage.await_listener(8150)
    trace = stage.trace()
    stage.run("ab", "-n", str(REQUESTS), "-c", "4", "http://127.0.0.1:8150/")
    trace.expect(Finding("server_closes_first", what=["nginx", "127.0.0.1:8150"]))


main(perform)
