#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients connect to an address that is translated to that of the server. What the server does to them, its clients see
as resets: one cause."""
import os

from harness import Finding, main

UPLOADS = 8
APPLICATION = """
import time
def application(environ, start):
    time.sleep(0.05)
    start("413 Too large", [("Content-Length", "0"), ("Connection", "close")])
    return []
"""


def perform(stage):
    far = stage.new_net()
    stage.link("10.83.0.1/24", far, "10.83.0.2/24")
    stage.ip("route", "add", "default", "via", "10.83.0.2")
    stage.run("iptables", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-d", "10.96.0.10", "--dport", "80", "-j", "DNAT",
              "--to", "10.83.0.2:8110")
    with stage.inside(far):
        _, workers = stage.gunicorn(APPLICATION, "-b", "0.0.0.0:8110")
    stage.await_listener(8110, net=far)
    (stage.folder / "upload").write_bytes(os.urandom(3_000_000))
    trace = stage.trace(nets=[stage.net, far])
    for _ in range(UPLOADS):
        stage.run("curl", "-sS", "-o", "/dev/null", "-H", "Expect:", "--data-binary", "@upload", "http://10.96.0.10/",
                  may_fail=True)
    trace.expect(Finding("answered_unread", what=[f"gunicorn (pid {workers[0]}) on 0.0.0.0:8110"], count=UPLOADS,
                         translated=lambda count: count is None or count <= UPLOADS))


main(perform)
