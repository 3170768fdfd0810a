#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nginx is reloaded three times while clients come and go; some keep their connections and think between requests,
others have a slow download under way."""
import http.client
import os
import select
import signal
import time

from harness import main


def keeps_alive():
    """A client that looks whether the server has closed before it asks again, as browsers and pools do."""
    connection = http.client.HTTPConnection("127.0.0.1", 8210)
    until = time.monotonic() + 2
    while time.monotonic() < until:
        if connection.sock and select.select([connection.sock], [], [], 0)[0]:
            connection.close()
        connection.request("GET", "/file")
        connection.getresponse().read()
        time.sleep(0.1)
    connection.close()


def perform(stage):
    (stage.folder / "file").write_bytes(b"x" * 300_000)
    nginx, _ = stage.nginx(f"""listen 127.0.0.1:8210; root {stage.folder}; location /slow/ {{
        alias {stage.folder}/; limit_rate 100k; }}""", workers=2)
    stage.await_listener(8210)
    trace = stage.trace()
    slow = [stage.start("curl", "-s", "-o", "/dev/null", "http://127.0.0.1:8210/slow/file") for _ in range(4)]
    load = stage.start("sh", "-c", "for i in $(seq 60); do curl -s -o /dev/null http://127.0.0.1:8210/file; done")
    pages = [stage.fork("browser", keeps_alive) for _ in range(6)]
    for _ in range(3):
        time.sleep(0.5)
        nginx.send_signal(signal.SIGHUP)
    for process in load, *slow:
        process.wait()
    for pid in pages:
        os.waitpid(pid, 0)
    trace.expect()


main(perform)
