#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server passes each connection to a worker that was there before (SCM_RIGHTS), and the worker forgets some; another
starts a program for each connection, as inetd does, and one of these hangs. Neither is a descriptor inherited by
accident."""
import signal
import socket
import subprocess
import time

from harness import CLOSE_WAIT, Finding, children, connect, main

FORGOTTEN = 5
HANGING = 2


def dispatch(listener, channel):
    while True:
        connection, _ = listener.accept()
        socket.send_fds(channel, [b"x"], [connection.fileno()])
        connection.close()


def work(channel):
    kept = []
    while True:
        _, fds, _, _ = socket.recv_fds(channel, 1, 1)
        connection = socket.socket(fileno=fds[0])
        connection.recv(100)
        connection.sendall(b"done\n")
        kept.append(connection)


def super_serve(listener):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        subprocess.Popen(["tail", "-f", "/dev/null"], stdin=connection, stdout=connection)
        connection.close()


def perform(stage):
    ours, theirs = socket.socketpair()
    listener = socket.create_server(("127.0.0.1", 7100))
    worker = stage.fork("app-worker", work, theirs)
    dispatcher = stage.fork("dispatcher", dispatch, listener, ours)
    listener.close()
    listener = socket.create_server(("127.0.0.1", 7101))
    superd = stage.fork("superd", super_serve, listener)
    listener.close()
    trace = stage.trace("--threshold", "close_wait_leak.age=1s")
    for _ in range(FORGOTTEN):
        client = connect(7100)
        client.sendall(b"job\n")
        client.recv(100)
        client.close()
    for _ in range(HANGING):
        client = connect(7101)
        client.sendall(b"job\n")
        client.close()
    stage.await_sockets(FORGOTTEN, CLOSE_WAIT, 7100)
    stage.await_sockets(HANGING, CLOSE_WAIT, 7101)
    time.sleep(1.5)
    trace.expect(
        Finding("close_wait_leak", sockets=FORGOTTEN, holders=[worker],
                what=[f"app-worker (pid {worker})", f"handed over by dispatcher (pid {dispatcher})"]),
        Finding("close_wait_leak", sockets=HANGING, holders=children(superd),
                what=["tail (pids", f"handed over by superd (pid {superd})"]))


main(perform)
