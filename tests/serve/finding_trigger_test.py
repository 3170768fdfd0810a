#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A finding that the served report has by the thresholds of the configuration file is a trigger."""
import json
import socket
import threading

from served import Served, connect, expect, main

PORT = 6403


def close_first(listener):
    while True:
        connection, _ = listener.accept()
        connection.recv(1)
        connection.close()


def perform(stage):
    listener = socket.create_server(("127.0.0.1", PORT))
    threading.Thread(target=close_first, args=(listener,), daemon=True).start()
    folder = stage.folder / "held"
    configuration = stage.folder / "serve.toml"
    configuration.write_text('threshold = ["server_closes_first.connections=3"]\n')
    served = Served(stage, "-w", str(folder), "--keep", "1m", "--trigger", "server_closes_first", "--after", "1s",
                    "--config", str(configuration))
    for _ in range(10):
        with connect(PORT) as client:
            client.send(b"x")
            client.recv(1)
    stage.until(lambda: "server_closes_first" in [f["id"] for f in json.loads(served.text("/report.json"))["findings"]],
                "a finding")
    stage.until(lambda: list(folder.glob("saved-*-server_closes_first/*.tdw")), "a saved recording")
    served.end()
    expect("server_closes_first: saving to" in served.said(), served.said())


main(perform)
