#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A pool of connections to redis, most of them idle for a while, and a benchmark beside it."""
import subprocess
import time

from harness import main


def perform(stage):
    stage.start("redis-server", "--port", "6500", "--save", "", "--bind", "127.0.0.1")
    stage.await_listener(6500)
    trace = stage.trace()
    pool = [stage.start("redis-cli", "-p", "6500", stdin=subprocess.PIPE) for _ in range(10)]
    for client in pool:
        client.stdin.write(b"PING\n")
        client.stdin.flush()
    stage.run("redis-benchmark", "-p", "6500", "-n", "5000", "-c", "20", "-q", "-t", "get,set")
    time.sleep(3)
    for client in pool[:5]:
        client.stdin.write(b"GET key\n")
        client.stdin.close()
        client.wait()
    time.sleep(0.2)
    trace.expect()


main(perform)
