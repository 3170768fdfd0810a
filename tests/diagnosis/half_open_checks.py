#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy's plain TCP checks of a server: SYN, SYN-ACK, RST, again and again. A note, no flood."""
import time

from harness import Finding, main


def perform(stage):
    stage.start("redis-server", "--port", "6410", "--save", "", "--bind", "127.0.0.1")
    stage.await_listener(6410)
    trace = stage.trace()
    stage.haproxy("""
listen cache
  bind 127.0.0.1:6411
  mode tcp
  server one 127.0.0.1:6410 check inter 150ms""")
    stage.await_listener(6411)
    time.sleep(2.5)
    trace.expect(Finding("half_open_checks", severity="info", what=["127.0.0.1:6410"], count=range(8, 40)))


main(perform)
