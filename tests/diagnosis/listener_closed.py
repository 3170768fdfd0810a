#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two servers share a port by SO_REUSEPORT; one is slow, and is killed with connections in its queue."""
import os
import signal
import time

from harness import LISTEN, Finding, connect, main

CLIENTS = 24
SLOW = "import time\ndef application(environ, start):\n    time.sleep(60)\n"
FAST = "def application(environ, start):\n    start('200 OK', [('Content-Length', '3')])\n    return [b'ok\\n']\n"


def perform(stage):
    words = "--reuse-port", "-b", "127.0.0.1:8090", "--backlog", "64"
    slow, slow_workers = stage.gunicorn(SLOW, *words)
    stage.gunicorn(FAST, *words)
    stage.until(lambda: stage.sockets(LISTEN, 8090) == 2, "two listeners")
    for pid in slow.pid, *slow_workers:
        os.kill(pid, signal.SIGSTOP)
    trace = stage.trace("--threshold", "accept_stalled.age=10s")
    clients = [connect(8090) for _ in range(CLIENTS)]
    time.sleep(0.3)
    for pid in slow.pid, *slow_workers:
        os.kill(pid, signal.SIGKILL)
    slow.wait()
    reset = 0
    for client in clients:
        try:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while client.recv(1000):
                pass
        except ConnectionResetError:
            reset += 1
        client.close()
    assert 0 < reset < CLIENTS, reset
    time.sleep(0.3)
    trace.expect(Finding("listener_closed", what=["gunicorn", "127.0.0.1:8090"], count=reset))


main(perform)
