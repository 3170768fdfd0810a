#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL with a pool of clients, each with a forked backend, then with a connection per transaction; one client
waits for a long query."""
from harness import main
from postgres import Postgres


def perform(stage):
    database = Postgres(stage, 5451)
    stage.run(*database.pgbench, "-i", "-q")
    trace = stage.trace()
    waits = stage.start(*database.psql, "-c", "select pg_sleep(5)")
    stage.run(*database.pgbench, "-S", "-c", "8", "-T", "2")
    stage.run(*database.pgbench, "-S", "-c", "2", "-C", "-t", "30")
    waits.wait()
    trace.expect()


main(perform)
