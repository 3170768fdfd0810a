#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The race of a server's idle limit with the requests of a pool, traced at the clients only."""
import http.client
import os
import time

from harness import Finding, main

POOL = 7


def ask(connection):
    connection.request("GET", "/")
    return connection.getresponse().read()


def use_pool():
    connections = [http.client.HTTPConnection("10.83.0.2", 8260) for _ in range(POOL)]
    for connection in connections:
        ask(connection)
    time.sleep(1.4)
    for connection in connections:
        try:
            ask(connection)
        except (http.client.HTTPException, OSError):
            pass


def perform(stage):
    shop = stage.new_net()
    stage.link("10.83.0.1/24", shop, "10.83.0.2/24")
    with stage.inside(shop):
        stage.nginx("listen 10.83.0.2:8260; keepalive_timeout 1s; return 200 hello;")
    stage.await_listener(8260, net=shop)
    trace = stage.trace()
    client = stage.fork("http-pool", use_pool)
    os.waitpid(client, 0)
    trace.expect(Finding("idle_close_race", what=[f"http-pool (pid {client}) to 10.83.0.2:8260", "had closed"],
                         count=POOL, all=POOL, process=[client]))


main(perform)
