#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A program waits for a service by trying to connect, where the service's port is one of the local ports: one try
connects to itself."""
import socket
import time

from harness import ESTABLISHED, Finding, main

PORT = 43002  # ports as even as the first one are tried first


def wait_for_service():
    while True:
        client = socket.socket()
        if client.connect_ex(("127.0.0.1", PORT)) == 0:
            time.sleep(60)
        client.close()


def perform(stage):
    stage.sysctl("ipv4/ip_local_port_range", f"{PORT - 2} {PORT + 1}")
    trace = stage.trace()
    pid = stage.fork("wait-for-it", wait_for_service)
    stage.await_sockets(1, ESTABLISHED, PORT, PORT)
    time.sleep(0.2)
    trace.expect(Finding("self_connected", what=[f"wait-for-it (pid {pid})", f"127.0.0.1:{PORT}"], sockets=1))


main(perform)
