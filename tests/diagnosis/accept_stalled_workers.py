#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server with workers that serve one connection at a time. Clients that connect and send nothing keep all of them, so
others wait; later a database that doesn't answer does. The report says which. A server that is stopped is kept by
nobody, though a client is connected to it."""
import os
import signal
import socket
import time

from harness import ESTABLISHED, Finding, connect, main

WORKERS = 2
WAITING = 4
APPLICATION = """
import socket
def application(environ, start):
    with socket.create_connection(("127.0.0.1", 6442)) as database:
        database.sendall(b"select")
        database.recv(100)
    start("200 OK", [("Content-Length", "0")])
    return []
"""


def answer_nothing(port):
    listener = socket.create_server(("127.0.0.1", port), backlog=32)
    connections = []
    while True:
        connections.append(listener.accept()[0])


def request(port):
    client = connect(port)
    client.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    return client


def perform(stage):
    database = stage.fork("database", answer_nothing, 6442)
    _, workers = stage.gunicorn(APPLICATION, "-b", "127.0.0.1:6441", workers=WORKERS)
    stage.await_listener(6441)
    stage.await_listener(6442)
    stalled = dict(waiting=WAITING, occupied=WORKERS, occupied_ns=lambda age: age and age > 1e9)

    trace = stage.trace()
    silent = [connect(6441) for _ in range(WORKERS)]
    time.sleep(0.5)
    waiting = [request(6441) for _ in range(WAITING)]
    time.sleep(1.5)
    trace.expect(Finding("accept_stalled", what=["gunicorn (pids ", "each of these processes has one connection open, "
                                                 "whose client has sent nothing for up to "],
                         advice=["takes in requests"], occupied_by="silent_client", asked=None, **stalled))

    # Found as it is by a trace that begins when it has been so for a while.
    trace = stage.trace()
    for client in silent:
        client.close()
    stage.await_sockets(WORKERS, ESTABLISHED, remote_port=6442)
    waiting += [request(6441) for _ in range(WORKERS)]
    time.sleep(1.5)
    trace.expect(Finding("accept_stalled", what=["whose client it hasn't answered for ", "heard nothing for ",
                                                 "from 127.0.0.1:6442, where it has sent something meanwhile"],
                         advice=["answer from 127.0.0.1:6442"], occupied_by="unanswered_request",
                         asked="127.0.0.1:6442", **stalled))

    stopped = stage.start("redis-server", "--port", "6443", "--save", "", "--bind", "127.0.0.1")
    stage.await_listener(6443)
    customer = connect(6443)
    customer.sendall(b"PING\r\n")
    customer.recv(100)
    os.kill(database, signal.SIGKILL)
    for client in waiting:
        client.close()
    stage.until(lambda: stage.sockets(ESTABLISHED, local_port=6441) == 0, "the end of what waited")
    trace = stage.trace()
    stopped.send_signal(signal.SIGSTOP)
    more = [connect(6443) for _ in range(WAITING)]
    for client in more:
        client.sendall(b"PING\r\n")
    time.sleep(1.5)
    trace.expect(Finding("accept_stalled", what=[f"redis-server (pid {stopped.pid})"], waiting=WAITING, occupied=None,
                         occupied_by=None))


main(perform)
