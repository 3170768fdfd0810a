# SPDX-License-Identifier: Apache-2.0
"""Servers of ClickHouse that a test starts for itself: Debian's as an ordinary process, with a configuration, data and
ports of its own, and a current one (npm's chdb behind bridge.mjs). Nothing of an installed server is read or touched."""
import contextlib
import fcntl
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TCPDWELL = os.environ.get("TCPDWELL", str(ROOT / "build/test/tcpdwell"))
QUESTIONS = ROOT / "userspace/store/clickhouse"
INCIDENTS = ROOT / "tests/golden/recordings/incidents"
CHDB = "chdb@3.4.0"
TABLES = ("ends", "minutes", "findings", "flows")


class Failed(Exception):
    pass


class Skip(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Failed(what)


def equal(left, right, what):
    if left == right:
        return
    if isinstance(left, dict) and isinstance(right, dict):
        keys = [key for key in {**left, **right} if left.get(key) != right.get(key)]
        left, right = ({key: side[key] for key in keys[:20] if key in side} for side in (left, right))
    raise Failed(f"{what}: {left!r} != {right!r}")


def free_ports(number):
    """Ports of loopback that servers can bind later. None of the ephemeral ones: the kernel gives those to whoever connects
    meanwhile."""
    first, last = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    candidates = [port for port in range(1024, 65536) if not first <= port <= last]
    random.shuffle(candidates)
    ports = []
    for port in candidates:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            ports.append(port)
        if len(ports) == number:
            return ports
    raise Failed("too few TCP ports outside net.ipv4.ip_local_port_range are free")


def run(*words, status=0, text=None, timeout=100):
    """What tcpdwell prints."""
    done = subprocess.run([TCPDWELL, *map(str, words)], input=text, capture_output=True, text=True, timeout=timeout)
    if status is not None and done.returncode != status:
        raise Failed(f"tcpdwell {' '.join(map(str, words))[:300]}: status {done.returncode}, not {status}\n{done.stderr[-2000:]}")
    return done.stdout


def request(port, sql, **parameters):
    """Status and text of the answer."""
    where = f"http://127.0.0.1:{port}/?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(urllib.request.Request(where, data=sql.encode()), timeout=300) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Database:
    """A database of a server, with the tables."""

    def __init__(self, port, name, schema_options=(), create=True):
        self.port = port
        self.name = name
        self.url = f"http://127.0.0.1:{port}/{name}"
        if create:
            self.ask(f"CREATE DATABASE {name}", database="default")
            # Recordings in the repository get older.
            self.apply(run("export", "--schema", "--keep-days", 10000, *schema_options))

    def apply(self, statements):
        # A comment ends with its line, and nothing else has a semicolon at the end of one.
        for statement in statements.split(";\n"):
            if any(line and not line.startswith("--") for line in statement.split("\n")):
                self.ask(statement)

    def ask(self, sql, **parameters):
        status, text = request(self.port, sql, **{"database": self.name, **parameters})
        if status != 200:
            raise Failed(f"HTTP {status}: {text[:1500]}\nto: {sql[:400]}")
        return text

    def rows(self, sql):
        """Of one SELECT without a format; integers of 64 bits as numbers."""
        answer = json.loads(self.ask(sql.rstrip().removesuffix(";") + "\nFORMAT JSON"))
        numbers = {column["name"] for column in answer["meta"]
                   if "Int" in column["type"] and "Array" not in column["type"]}
        arrays = {column["name"] for column in answer["meta"]
                  if column["type"] in ("Array(UInt64)", "Array(Nullable(UInt64))")}
        for row in answer["data"]:
            for name in numbers:
                row[name] = None if row[name] is None else int(row[name])
            for name in arrays:
                row[name] = [None if each is None else int(each) for each in row[name]]
        return answer["data"]

    def question(self, name, **changes):
        """`changes`: texts of it (as its comment asks for) and what stands there instead."""
        sql = (QUESTIONS / f"{name}.sql").read_text()
        for old, new in changes.get("changes", ()):
            expect(old in sql, f"{name}.sql has no '{old}'")
            sql = sql.replace(old, new)
        return self.rows(sql)

    def counts(self):
        return {table: int(self.ask(f"SELECT count() FROM {table} FINAL")) for table in TABLES}

    def insert(self, table, rows):
        lines = "\n".join(json.dumps(row) for row in rows)
        self.ask(f"INSERT INTO {table} FORMAT JSONEachRow\n{lines}\n")

    def columns(self, table):
        return {row["name"]: row["type"] for row in self.rows(f"DESCRIBE TABLE {table}")}

    def export(self, *recordings, options=(), status=0):
        run("export", "-q", "--to", self.url, *options, "-r", *recordings, status=status)


class Process:
    """Ended by its own process id, whatever happens."""

    def __init__(self, folder, words, name, environment=None):
        self.name = name
        self.log = folder / f"{name}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                                            env=environment)

    def await_answer(self, port, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                if request(port, "SELECT 1")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise Failed(f"{self.name} doesn't answer:\n{self.log.read_text(errors='replace')[-2000:]}")

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


USERS = """<yandex><profiles><default><max_memory_usage>4000000000</max_memory_usage></default></profiles>
<users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
<quota>default</quota></default></users><quotas><default/></quotas></yandex>
"""


class DebianServer:
    """clickhouse-server 18.16. `shards`: native ports of the servers of the cluster 'fleet'."""

    def __init__(self, folder, ports=None, shards=(), name="server"):
        if shutil.which("clickhouse-server") is None:
            raise Skip("clickhouse-server is not installed")
        self.port, self.native = ports or free_ports(2)
        self.folder = folder / name
        self.folder.mkdir()
        members = "".join(f"<shard><replica><host>127.0.0.1</host><port>{port}</port></replica></shard>"
                          for port in shards)
        (self.folder / "users.xml").write_text(USERS)
        (self.folder / "config.xml").write_text(f"""<yandex>
<logger><level>warning</level><console>1</console></logger>
<http_port>{self.port}</http_port><tcp_port>{self.native}</tcp_port><listen_host>127.0.0.1</listen_host>
<path>{self.folder}/data/</path><tmp_path>{self.folder}/tmp/</tmp_path><user_files_path>{self.folder}/files/</user_files_path>
<format_schema_path>{self.folder}/formats/</format_schema_path><mark_cache_size>268435456</mark_cache_size>
<timezone>UTC</timezone><users_config>users.xml</users_config><default_profile>default</default_profile>
<default_database>default</default_database><remote_servers>{f'<fleet>{members}</fleet>' if shards else ''}</remote_servers>
</yandex>
""")
        self.start()

    def start(self):
        self.process = Process(self.folder, ["clickhouse-server", f"--config-file={self.folder}/config.xml"], "server")
        self.process.await_answer(self.port)

    def end(self, how=signal.SIGTERM):
        self.process.end(how)


def npm_modules(name, *packages):
    """The folder of the modules of npm's packages, installed once for a build."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise Skip("npm is not installed")
    folder = pathlib.Path(os.environ.get(f"TCPDWELL_{name.upper()}", pathlib.Path(TCPDWELL).parent / name))
    folder.mkdir(parents=True, exist_ok=True)
    wanted = "\n".join(packages)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed = folder / "installed"
        if not installed.exists() or installed.read_text() != wanted:
            (folder / "package.json").write_text("{}")
            done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *packages], cwd=folder,
                                  capture_output=True, text=True)
            if done.returncode != 0:
                raise Failed(f"npm install {packages}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
            installed.write_text(wanted)
    return folder / "node_modules"


class CurrentServer:
    """A current ClickHouse, in a process of Node that answers as its HTTP interface does."""

    def __init__(self, folder):
        modules = npm_modules("chdb", CHDB)
        (self.port,) = free_ports(1)
        own = folder / "current"
        own.mkdir()
        self.process = Process(own, ["node", str(HERE / "bridge.mjs"), str(modules), str(own / "data"), str(self.port)],
                               "current")
        self.process.await_answer(self.port)

    def end(self, how=signal.SIGTERM):
        self.process.end(how)


class Stage:
    """A folder and the servers in it."""

    def __init__(self):
        # In memory where that is possible: batches of a few rows are written to disk for each recording.
        where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tcpdwell-fleet-", dir=where))
        os.environ["TMPDIR"] = str(self.folder)
        self.processes = []

    def server(self, kind):
        return self.keep(DebianServer(self.folder) if kind == "debian" else CurrentServer(self.folder))

    def keep(self, process):
        self.processes.append(process)
        return process

    def end(self):
        for each in reversed(self.processes):
            each.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def main(perform):
    """0: passed, 1: failed, 77: something that it needs isn't here."""
    stage = Stage()
    try:
        perform(stage, *sys.argv[1:])
        return_code = 0
    except Skip as reason:
        print(f"not run: {reason}")
        return_code = 77
    except Exception as error:
        if not isinstance(error, Failed):
            traceback.print_exc()
        print(f"FAILED: {error}")
        for each in stage.processes:
            if isinstance(getattr(each, "process", None), Process):
                print(f"-- {each.process.log}:\n{each.process.log.read_text(errors='replace')[:1500]}")
        return_code = 1
    finally:
        stage.end()
    sys.exit(return_code)


def recordings():
    """The incidents; 2000 requests with the minute after them, which has the ends of their TIME_WAITs; and one with names
    of containers."""
    return sorted(INCIDENTS.glob("*.tdw")) + [INCIDENTS.parent / "readme/web-nginx.tdw",
                                              INCIDENTS.parent / "recording_v1.tdw"]


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def printed_rows(table, *recordings, options=()):
    """The rows that an export of these is made of."""
    return json_lines(run("export", "-q", "--to", "-", "--table", table, *options, "-r", *recordings))
