#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server without keep-alive, where the kernel may keep few TIME_WAITs."""
from harness import Finding, main

LIMIT = 25
REQUESTS = 60


def perform(stage):
    stage.sysctl("ipv4/tcp_max_tw_buckets", LIMIT)
    stage.nginx("listen 127.0.0.1:8180; keepalive_timeout 0; return 200 hello;")
    stage.await_listener(8180)
    trace = stage.trace()
    stage.run("ab", "-n", str(REQUESTS), "http://127.0.0.1:8180/")
    trace.expect(Finding("time_wait_table_full", severity="critical", what=[str(LIMIT)]))


main(perform)
