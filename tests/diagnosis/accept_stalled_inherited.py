#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server starts a helper, which inherits the listener's descriptor, and is killed. Clients connect as before, and
nobody can ever accept. Beside it, one process listens and a child of it accepts, which is in order until it hangs: who
can go on is the child."""
import os
import signal
import socket
import subprocess
import time

from harness import Finding, children, connect, main

CLIENTS = 3


def answer(listener):
    while True:
        connection, _ = listener.accept()
        connection.recv(10)
        connection.sendall(b"ok")
        connection.close()


def serve_with_helper():
    listener = socket.create_server(("127.0.0.1", 6450))
    subprocess.Popen(["tail", "-f", "/dev/null"], pass_fds=[listener.fileno()])
    answer(listener)


def listen_for(stage):
    listener = socket.create_server(("127.0.0.1", 6451))
    stage.fork("service", answer, listener)
    signal.pause()


def ask(port):
    with connect(port) as client:
        client.sendall(b"?")
        client.recv(10)


def perform(stage):
    jobd, initd = stage.fork("jobd", serve_with_helper), stage.fork("initd", listen_for, stage)
    stage.await_listener(6450)
    stage.await_listener(6451)
    stage.until(lambda: children(jobd) and children(initd), "their children")
    [helper], [service] = children(jobd), children(initd)
    trace = stage.trace()
    for port in 6450, 6451:
        ask(port)
    os.kill(jobd, signal.SIGKILL)
    os.waitpid(jobd, 0)
    os.kill(service, signal.SIGSTOP)
    time.sleep(0.1)  # it may be on its way out of accept()
    clients = [connect(port) for port in (6450, 6451) for _ in range(CLIENTS)]
    time.sleep(1.3)
    trace.expect(Finding("accept_stalled", what=[f"tail (pid {helper}) on 127.0.0.1:6450", f"jobd (pid {jobd})"],
                         holders=[helper], waiting=len(clients) // 2),
                 Finding("accept_stalled", what=[f"at service (pid {service}) on 127.0.0.1:6451"],
                         holders=[initd, service], waiting=len(clients) // 2))


main(perform)
