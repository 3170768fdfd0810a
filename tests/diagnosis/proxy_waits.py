#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server behind a proxy hangs. Clients of the proxy give up, and their connections hang there: that is a consequence.
Beside it a pool that really forgets its sockets, at another server."""
import signal
import time

from harness import CLOSE_WAIT, Finding, connect, main

CLIENTS = 6
FORGOTTEN = 2


def perform(stage):
    server = stage.start("redis-server", "--port", "6470", "--save", "", "--bind", "127.0.0.1")
    other = stage.start("redis-server", "--port", "6471", "--save", "", "--bind", "127.0.0.1", "--timeout", "1")
    stage.await_listener(6470)
    stage.await_listener(6471)
    proxy = stage.haproxy("""
listen cache
  mode tcp
  timeout client 1m
  timeout server 1m
  bind 127.0.0.1:8470
  server only 127.0.0.1:6470""")
    stage.await_listener(8470)
    trace = stage.trace("--threshold", "close_wait_leak.age=1s", "--threshold", "fin_wait2_pileup.sockets=3",
                        "--threshold", "fin_wait2_pileup.age=1s")

    def forget():
        pool = [connect(6471) for _ in range(FORGOTTEN)]
        signal.pause()
        del pool

    forgetful = stage.fork("forgetful", forget)
    server.send_signal(signal.SIGSTOP)
    clients = [connect(8470) for _ in range(CLIENTS)]
    for client in clients:
        client.sendall(b"PING\r\n")
    time.sleep(0.3)
    for client in clients:
        client.close()
    stage.await_sockets(CLIENTS, CLOSE_WAIT, 6470)  # never accepted
    stage.await_sockets(CLIENTS, CLOSE_WAIT, 8470)
    stage.await_sockets(FORGOTTEN, CLOSE_WAIT, remote_port=6471)  # redis closes what is idle
    time.sleep(2)
    trace.expect(
        Finding("accept_stalled", what=[f"redis-server (pid {server.pid})"], waiting=CLIENTS),
        Finding("close_wait_leak", severity="info", because="accept_stalled", holders=[proxy.pid],
                what=[f"haproxy (pid {proxy.pid})"], sockets=CLIENTS),
        Finding("fin_wait2_pileup", severity="info", because="accept_stalled", what=["haproxy"]),
        Finding("fin_wait2_pileup", severity="info", because="close_wait_leak", what=["python3"]),
        Finding("close_wait_leak", what=[f"forgetful (pid {forgetful})"], holders=[forgetful], sockets=FORGOTTEN))
    assert other.poll() is None


main(perform)
