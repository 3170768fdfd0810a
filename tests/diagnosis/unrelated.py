#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two services, and in each two incidents that have nothing to do with each other, although one could explain the
other: one serves for a while although its telemetry gets no answer, and then deadlocks; one is killed, is back at once,
and ends on purpose two seconds later."""
import os
import signal
import socket
import threading
import time

from harness import Finding, connect, main

SERVED = 25
LATE = 4
KILLED = 2
REFUSED = 8


def shop(listener, has_to_stop):
    def report():
        while True:
            try:
                socket.create_connection(("10.9.9.20", 4317), timeout=0.3)
            except OSError:
                time.sleep(0.1)

    threading.Thread(target=report, daemon=True).start()
    for _ in range(has_to_stop):
        answer(listener.accept()[0])
    threading.Event().wait()


def answer(connection):
    while connection.recv(100):
        connection.sendall(b"here\n")
    connection.close()


def count(listener):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        threading.Thread(target=answer, args=[listener.accept()[0]], daemon=True).start()


def ask(port):
    client = connect(port)
    client.sendall(b"?")
    client.recv(100)
    return client


def perform(stage):
    stage.ip("route", "add", "10.9.9.0/24", "dev", "lo")  # what is sent there is dropped
    listener = socket.create_server(("127.0.0.1", 7090))
    shopd = stage.fork("shopd", shop, listener, SERVED)
    listener.close()

    def start_counter():
        listener = socket.create_server(("127.0.0.1", 7091))
        pid = stage.fork("counter", count, listener)
        listener.close()
        return pid

    counter = start_counter()
    trace = stage.trace()
    clients = [ask(7091) for _ in range(KILLED)]
    os.kill(counter, signal.SIGKILL)
    os.waitpid(counter, 0)
    for client in clients:
        client.recv(100)
        client.close()
    again = start_counter()
    for _ in range(SERVED):
        ask(7090).close()
        ask(7091).close()
        time.sleep(0.08)
    late = [connect(7090) for _ in range(LATE)]
    os.kill(again, signal.SIGTERM)
    os.waitpid(again, 0)
    refused = 0
    for _ in range(REFUSED):
        try:
            connect(7091)
        except ConnectionRefusedError:
            refused += 1
    time.sleep(1.5)
    trace.expect(
        Finding("process_died", what=[f"counter (pid {counter})", "signal 9"], count=KILLED, process=[counter]),
        Finding("connects_refused", what=["127.0.0.1:7091"], count=refused),
        Finding("connects_unanswered", what=["shopd to 10.9.9.20:4317"]),
        Finding("accept_stalled", what=[f"shopd (pid {shopd})"], waiting=LATE))


main(perform)
