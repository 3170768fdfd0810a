#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Workers with listeners of their own at one port (SO_REUSEPORT), one of which is stopped: the kernel goes on giving it
its share of the connections. The others serve, and are quite in order."""
import os
import signal
import socket
import time

from harness import LISTEN, Finding, connect, main

WORKERS, STOPPED = 4, 1
CLIENTS = 40


def serve():
    listener = socket.create_server(("127.0.0.1", 6440), reuse_port=True)
    while True:
        connection, _ = listener.accept()
        connection.recv(10)
        connection.sendall(b"ok")
        connection.close()


def perform(stage):
    workers = []
    for count in range(1, WORKERS + 1):
        workers.append(stage.fork("worker", serve))
        stage.await_sockets(count, LISTEN, 6440)
    trace = stage.trace()
    os.kill(workers[STOPPED], signal.SIGSTOP)
    time.sleep(0.1)  # it may be on its way out of accept()
    clients = [connect(6440) for _ in range(CLIENTS)]
    for client in clients:
        client.sendall(b"?")
    time.sleep(1.3)
    waiting = 0
    for client in clients:
        client.settimeout(0.01)
        try:
            client.recv(10)
            client.close()
        except TimeoutError:
            waiting += 1
    trace.expect(Finding("accept_stalled", what=[f"worker (pid {workers[STOPPED]}) on 127.0.0.1:6440"],
                         waiting=waiting, queued=waiting, limit=128, listeners=WORKERS, listeners_busy=1,
                         holders=workers))


main(perform)
