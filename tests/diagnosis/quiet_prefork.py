#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server with workers forked beforehand, one of which is replaced after some requests, as max_requests has it."""
from harness import main

APPLICATION = """
def application(environ, start):
    start("200 OK", [("Content-Length", "3")])
    return [b"ok\\n"]
"""


def perform(stage):
    stage.gunicorn(APPLICATION, "-b", "127.0.0.1:8250", "--max-requests", "150", workers=3)
    stage.await_listener(8250)
    trace = stage.trace()
    stage.run("ab", "-n", "90", "-c", "6", "http://127.0.0.1:8250/")
    trace.expect()


main(perform)
