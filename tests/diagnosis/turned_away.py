#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy takes no more connections from a client than it may have, and closes the others at once."""
import socket
import time

from harness import Finding, main

CLIENTS = 20
ALLOWED = 8


def perform(stage):
    stage.start("redis-server", "--port", "6440", "--save", "", "--bind", "127.0.0.1")
    stage.await_listener(6440)
    proxy = stage.haproxy(f"""
frontend queue
  bind 127.0.0.1:8130
  mode tcp
  stick-table type ip size 10 store conn_cur
  tcp-request connection track-sc0 src
  tcp-request connection reject if {{ sc0_conn_cur gt {ALLOWED} }}
  default_backend redis
backend redis
  mode tcp
  server one 127.0.0.1:6440""")
    stage.await_listener(8130)
    trace = stage.trace()
    clients = [socket.socket() for _ in range(CLIENTS)]
    for client in clients:
        client.connect_ex(("127.0.0.1", 8130))  # the reset may be there before connect() returns
    time.sleep(0.5)
    for client in clients:
        client.close()
    time.sleep(0.2)
    trace.expect(Finding("turned_away", what=[f"haproxy (pid {proxy.pid}) on 127.0.0.1:8130"],
                         count=CLIENTS - ALLOWED, all=CLIENTS))


main(perform)
