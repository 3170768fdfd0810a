#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients of a database die while their backends wait for a lock: the backends don't notice. Only they can be ended,
not the server that forked them."""
import subprocess
import time

from harness import CLOSE_WAIT, Finding, main
from postgres import Postgres

CLIENTS = 4


def perform(stage):
    database = Postgres(stage, 5450)
    stage.run(*database.psql, "-c", "create table orders()")
    owner = stage.start(*database.psql, stdin=subprocess.PIPE)
    owner.stdin.write(b"begin; lock table orders;\n")
    owner.stdin.flush()
    locked = lambda: stage.run(*database.psql, "-At", "-c",
                               "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted")
    stage.until(lambda: int(locked()) > 0, "the lock")
    trace = stage.trace("--threshold", "close_wait_leak.age=1s")
    clients = [stage.start(*database.psql, "-c", "select count(*) from orders") for _ in range(CLIENTS)]
    waiting = lambda: stage.run(*database.psql, "-At", "-c",
                                "select pid from pg_stat_activity where wait_event_type = 'Lock'").split()
    stage.until(lambda: len(waiting()) == CLIENTS, "clients that wait for the lock")
    backends = [int(pid) for pid in waiting()]
    for client in clients:
        client.kill()
        client.wait()
    stage.await_sockets(CLIENTS, CLOSE_WAIT, 5450)
    time.sleep(1.5)
    trace.expect(
        Finding("close_wait_leak", what=["postgres (pids"], sockets=CLIENTS, holders=backends),
        Finding("process_died", what=["psql to 127.0.0.1:5450", "signal 9"], count=CLIENTS,
                died=[client.pid for client in clients]))


main(perform)
