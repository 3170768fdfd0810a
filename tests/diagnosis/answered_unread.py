#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An application refuses uploads without reading them: its server closes with most of them unread, which resets the
connection, and clients lose the 413."""
from harness import Finding, main

UPLOADS = 9
APPLICATION = """
import time
def application(environ, start):
    time.sleep(0.05)
    start("413 Too large", [("Content-Length", "0"), ("Connection", "close")])
    return []
"""


def perform(stage):
    _, workers = stage.gunicorn(APPLICATION, "-b", "127.0.0.1:8100")
    stage.await_listener(8100)
    (stage.folder / "upload").write_bytes(b"x" * 3_000_000)
    trace = stage.trace()
    for _ in range(UPLOADS):
        stage.run("curl", "-sS", "-o", "/dev/null", "-H", "Expect:", "--data-binary", "@upload", "http://127.0.0.1:8100/",
                  may_fail=True)
    trace.expect(Finding("answered_unread", what=[f"gunicorn (pid {workers[0]}) on 127.0.0.1:8100"],
                         count=UPLOADS, all=UPLOADS, process=workers))


main(perform)
