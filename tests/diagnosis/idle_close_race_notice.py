#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL ends idle sessions: it sends a notice and its backend exits. Clients that don't read before their next
query lose it; one that is done in time loses nothing."""
import subprocess
import time

from harness import Finding, main
from postgres import Postgres

SESSIONS = 5


def query(session, text):
    session.stdin.write(text)
    session.stdin.flush()


def perform(stage):
    database = Postgres(stage, 5441)
    stage.run(*database.psql, "-c", "alter system set idle_session_timeout = '2s'")
    stage.run(*database.psql, "-c", "select pg_reload_conf()")
    time.sleep(0.5)
    in_time = stage.trace()
    for _ in range(SESSIONS):
        stage.run(*database.psql, "-c", "select 1")
    in_time.expect()
    trace = stage.trace()
    sessions = [stage.start(*database.psql, stdin=subprocess.PIPE) for _ in range(SESSIONS)]
    for session in sessions:
        query(session, b"select 1;\n")
    stage.until(lambda: stage.output().count("idle-session timeout") >= SESSIONS, "the end of all sessions")
    time.sleep(1.5)
    for session in sessions:
        query(session, b"select 2;\n")
    for session in sessions:
        session.stdin.close()
        session.wait()
    trace.expect(Finding("idle_close_race", what=["postgres", "127.0.0.1:5441", "had just sent something"],
                         advice=["its log says why"], count=SESSIONS))


main(perform)
