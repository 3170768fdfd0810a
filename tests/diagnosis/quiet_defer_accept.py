#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients connect in advance, as browsers do, to a listener with TCP_DEFER_ACCEPT: to them the handshake is over, and
the server keeps it in SYN_RECV until they send something."""
import socket
import time

from harness import connect, main

CLIENTS = 40


def perform(stage):
    listener = socket.socket()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
    listener.bind(("127.0.0.1", 8290))
    listener.listen(128)
    trace = stage.trace()
    clients = [connect(8290) for _ in range(CLIENTS)]
    time.sleep(3)
    trace.expect()
    for client in clients:
        client.close()


main(perform)
