# SPDX-License-Identifier: Apache-2.0
"""A database of PostgreSQL, which forks a backend for each connection."""
import os
import pathlib
import pwd


class Postgres:
    def __init__(self, stage, port):
        self.stage, self.port = stage, port
        programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        owner = pwd.getpwnam("postgres")
        self.words = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        home = stage.folder / "postgres"
        home.mkdir()
        os.chown(home, owner.pw_uid, owner.pw_gid)
        data = home / "data"
        stage.run(*self.words, str(programs / "initdb"), "-D", str(data), "-A", "trust", "--no-sync", "--no-locale")
        self.process = stage.start(*self.words, str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k",
                                   str(home), "-h", "127.0.0.1", "-c", "fsync=off")
        stage.await_listener(port)
        self.psql = ["psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-d", "postgres"]
        self.pgbench = [str(programs / "pgbench"), "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "postgres"]
        stage.until(lambda: "1" in stage.run(*self.psql, "-c", "select 1", may_fail=True), "a first answer")
