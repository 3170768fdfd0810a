#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A name has an IPv6 and an IPv4 address, the service listens on the latter only: each try is refused once, and then
answered."""
from harness import main


def perform(stage):
    stage.nginx("listen 127.0.0.1:8230; return 200 hello;")
    stage.await_listener(8230)
    trace = stage.trace()
    for _ in range(15):
        stage.run("curl", "-sS", "-o", "/dev/null", "--resolve", "web.test:8230:[::1],127.0.0.1",
                  "http://web.test:8230/")
    trace.expect()


main(perform)
