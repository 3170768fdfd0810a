#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server closes connections that are idle for a second; a pool of clients takes its connections again when they
are older, and loses the requests."""
import http.client
import os
import time

from harness import Finding, main

POOL = 8


def ask(connection):
    connection.request("GET", "/")
    return connection.getresponse().read()


def use_pool():
    connections = [http.client.HTTPConnection("127.0.0.1", 8070) for _ in range(POOL)]
    for wait in 0.3, 1.6:
        for connection in connections:
            ask(connection)
        time.sleep(wait)
    lost = 0
    for connection in connections:
        try:
            ask(connection)
        except (http.client.HTTPException, OSError):
            lost += 1
    assert lost == POOL, lost


def perform(stage):
    _, workers = stage.nginx("listen 127.0.0.1:8070; keepalive_timeout 1s; return 200 hello;")
    stage.await_listener(8070)
    trace = stage.trace()
    os.waitpid(stage.fork("http-pool", use_pool), 0)
    trace.expect(Finding("idle_close_race", what=[f"nginx (pid {workers[0]}) on 127.0.0.1:8070", "on 8 of 8 connections"],
                         count=POOL, all=POOL, process=workers,
                         idle_ns=range(950_000_000, 1_300_000_000)))


main(perform)
