#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An upstream whose address nobody has (any more): the neighbours are asked in vain, and connects fail after 3 s.
redis-cli tries twice."""
from harness import Finding, main

TRIES = 5


def perform(stage):
    far = stage.new_net()
    stage.link("10.85.0.1/24", far, "10.85.0.2/24")
    stage.start("redis-server", "--port", "6460", "--save", "", "--protected-mode", "no", net=far)
    stage.await_listener(6460, net=far)
    trace = stage.trace()
    for _ in range(TRIES):
        stage.run("redis-cli", "-h", "10.85.0.2", "-p", "6460", "ping")
    tries = [stage.start("redis-cli", "-h", "10.85.0.7", "-p", "6460", "ping") for _ in range(TRIES)]
    for each in tries:
        each.wait()
    trace.expect(Finding("connects_unanswered", what=["redis-cli to 10.85.0.7:6460", "can't be reached"],
                         advice=["ip neigh"], connects=range(TRIES, 3 * TRIES), unreachable=range(TRIES, 3 * TRIES)))


main(perform)
