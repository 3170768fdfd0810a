#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nginx gives up sending to clients that have stopped reading: its close() leaves sockets in FIN_WAIT1, full of data,
behind a window of 0."""
import time

from harness import FIN_WAIT1, Finding, connect, main

CLIENTS = 4


def perform(stage):
    (stage.folder / "film").write_bytes(b"x" * 20_000_000)
    _, workers = stage.nginx(f"listen 127.0.0.1:8040; root {stage.folder}; send_timeout 1s;")
    stage.await_listener(8040)
    trace = stage.trace("--threshold", "closing_stuck.age=1s")
    clients = [connect(8040) for _ in range(CLIENTS)]
    for client in clients:
        client.sendall(b"GET /film HTTP/1.1\r\nHost: x\r\n\r\n")
    stage.await_sockets(CLIENTS, FIN_WAIT1, 8040)
    time.sleep(1.5)
    trace.expect(Finding("closing_stuck", what=[f"nginx (pid {workers[0]})", "FIN_WAIT1", "window of 0"], sockets=CLIENTS,
                         zero_window=CLIENTS, oldest_local="127.0.0.1:8040", holders=workers))
    there_first = stage.trace("--threshold", "closing_stuck.age=1s")
    time.sleep(1)
    there_first.expect(Finding("closing_stuck", what=["FIN_WAIT1", "window of 0"], sockets=CLIENTS, zero_window=CLIENTS,
                               oldest_local="127.0.0.1:8040"))


main(perform)
