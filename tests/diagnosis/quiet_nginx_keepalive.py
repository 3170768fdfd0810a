#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nginx with keep-alive under a load generator, and others beside it."""
from harness import main


def perform(stage):
    stage.nginx("listen 127.0.0.1:8200; return 200 hello;", workers=2)
    stage.await_listener(8200)
    trace = stage.trace()
    stage.run("wrk", "-t", "1", "-c", "16", "-d", "1s", "http://127.0.0.1:8200/")
    stage.run("ab", "-k", "-n", "400", "-c", "8", "http://127.0.0.1:8200/")
    stage.run("ab", "-n", "60", "-c", "4", "http://127.0.0.1:8200/")
    # The generator exits with answers on their way.
    trace.expect(may=["process_died"])


main(perform)
