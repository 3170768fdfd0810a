#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing is lost and nothing counts twice: export is killed, or its process that sends, the answer is swallowed, the server
is away, the disk is full, rows are refused. Each with the rows of the server before and after."""
from clickhouse import *
from proxy import Proxy

# The one with the most connections, and some others.
FILES = recordings()[-2::-4]


class Line:
    """One way into one database, by a proxy."""

    def __init__(self, stage, server, name, act=lambda number: None):
        self.database = Database(server.port, name)
        self.proxy = stage.keep(Proxy(server.port, act))
        self.url = f"http://127.0.0.1:{self.proxy.port}/{name}"
        self.spool = stage.folder / f"spool-{name}"

    def words(self, *options):
        return [TCPDWELL, "export", "--to", self.url, "--spool", str(self.spool), *options]

    def export(self, *options):
        """Exit status and what it says."""
        done = subprocess.run(self.words(*options, "-r", *map(str, FILES)), capture_output=True, text=True, timeout=200)
        return done.returncode, done.stderr

    def batches(self):
        return sorted(self.spool.glob("*.json.gz")) if self.spool.exists() else []


def rows_in(path):
    return int(path.name.removesuffix(".gz").removesuffix(".json").rsplit("-", 1)[1])


def total(counts):
    return counts["ends"] + counts["minutes"] + counts["findings"]


def killed(stage, server, expected):
    """SIGKILL at several moments, then the same again."""
    held = []

    def slow(number):
        held.append(number)
        time.sleep(0.05)

    line = Line(stage, server, "killed", slow)
    for after in 1, 7, 20:
        begin = len(held)
        process = subprocess.Popen(line.words("-r", *map(str, FILES)), stderr=subprocess.DEVNULL)
        while len(held) < begin + after and process.poll() is None:
            time.sleep(0.002)
        expect(process.poll() is None, "it had ended before it was killed")
        process.kill()
        process.wait()
        time.sleep(0.5)  # its sender ends by itself, and leaves what it was sending
        before = total(line.database.counts())
        expect(before < total(expected), "all was there already")
        print(f"killed after {after} inserts: {before} rows there, {sum(map(rows_in, line.batches()))} wait")
    status, said = line.export()
    equal(status, 0, said)
    equal(line.database.counts(), expected, "rows after kills")
    raw = int(line.database.ask("SELECT count() FROM ends"))
    print(f"then again: {total(expected)} rows; {raw} rows of ends before they are merged")
    equal(line.batches(), [], "batches that wait")


def child_of(pid):
    words = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(words[0]) if words else None


def sender_killed(stage, server, expected):
    """SIGKILL to the process that sends, twice, while the server has a batch of it: export goes on with another one."""
    killed = []
    ready = threading.Event()

    def act(number):
        if number in (2, 5):
            ready.wait(60)
            killed.append(child_of(child_of(process.pid)))
            os.kill(killed[-1], signal.SIGKILL)

    line = Line(stage, server, "sender_killed", act)
    process = subprocess.Popen(line.words("--wait", "90s", "-r", *map(str, FILES)), stderr=subprocess.PIPE, text=True)
    ready.set()
    said = process.communicate(timeout=150)[1]
    equal(process.returncode, 0, said)
    equal(len(set(killed)), 2, "processes that sent and were killed")
    equal(said.count("(signal 9); another one is started in"), 2, said)
    equal(line.database.counts(), expected, "rows after the sender was killed")
    equal(line.batches(), [], "batches that wait")
    print(f"sender killed twice: all rows there after {line.proxy.inserts} inserts")


def swallowed(stage, server, expected):
    line = Line(stage, server, "swallowed", lambda number: {2: "swallow", 5: "break"}.get(number))
    status, said = line.export("--wait", "60s")
    equal(status, 0, said)
    equal(line.database.counts(), expected, "rows after answers were swallowed")
    expect(line.proxy.inserts > 4, f"{line.proxy.inserts} inserts")
    whole = {table: int(line.database.ask(f"SELECT count() FROM {table}")) for table in ("ends", "minutes", "findings")}
    print(f"two answers lost: {line.proxy.inserts} inserts, {total(whole)} rows came, {total(expected)} count")


def away(stage, expected):
    """The server is down when it begins, and comes back."""
    server = stage.keep(DebianServer(stage.folder, name="away"))
    line = Line(stage, server, "away")
    server.end()
    status, said = line.export("--wait", "2s")
    equal(status, 1, said)
    waiting = sum(map(rows_in, line.batches()))
    equal(waiting, total(expected), "rows that wait")
    expect("not sent" in said and str(line.spool) in said, said)
    server.start()
    equal(total(line.database.counts()), 0, "rows before")
    run("export", "-q", "--to", line.url, "--spool", line.spool)
    equal(line.database.counts(), expected, "rows after the server came back")
    print(f"server away: {waiting} rows waited, {total(line.database.counts())} there afterwards")
    # It goes while rows are sent.
    line = Line(stage, server, "went")
    stopped = threading.Event()

    def stop(number):
        if number == 3:
            server.end(signal.SIGKILL)
            stopped.set()

    line.proxy.act = stop
    process = subprocess.Popen(line.words("--wait", "90s", "-r", *map(str, FILES)), stderr=subprocess.PIPE, text=True)
    expect(stopped.wait(60), "three inserts")
    time.sleep(1)
    server.start()
    said = process.communicate(timeout=150)[1]
    equal(process.returncode, 0, said)
    equal(line.database.counts(), expected, "rows after the server was killed")
    print("server killed in the middle and back: all rows there")


def full(stage, server, expected):
    """The disk of the spool is full: what doesn't fit is dropped, and counted."""
    if os.geteuid() != 0:
        print("full disk: not run, needs root")
        return
    line = Line(stage, server, "full", lambda number: (503, "later"))
    where = stage.folder / "small"
    where.mkdir()
    line.spool = where / "spool"
    # The mount ends with its namespace. A block is 4 KiB: some batches fit, the rest doesn't.
    script = f'mount -t tmpfs -o size=96k small {where} && mkdir -m 700 {line.spool} && "$@"; status=$?; ' \
             f'find {line.spool} -maxdepth 1 -name "*.json.gz"; exit $status'
    words = ["unshare", "-m", "sh", "-c", script, "sh", *line.words("--wait", "0s", "-r", *map(str, FILES))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=200)
    equal(done.returncode, 1, done.stderr)
    dropped = re.search(r"(\d+) rows? dropped", done.stderr)
    expect(dropped is not None, f"nothing is said to be dropped:\n{done.stderr}")
    waiting = sum(rows_in(pathlib.Path(name)) for name in done.stdout.split())
    equal(int(dropped.group(1)) + waiting, total(expected), f"dropped and waiting\n{done.stderr}")
    expect(waiting > 0, "not even the first batch was written")
    equal(total(line.database.counts()), 0, "rows in the tables")
    print(f"full disk: {waiting} rows wait, {dropped.group(1)} dropped of {total(expected)}")


def refused(stage, server, expected):
    """A table that can't take the rows: the server's own 400, and the others go on."""
    line = Line(stage, server, "refused")
    line.database.ask("DROP TABLE findings")
    line.database.ask("CREATE TABLE findings (time DateTime, finding UInt8) ENGINE = MergeTree() PARTITION BY tuple() "
                      "ORDER BY time")
    status, said = line.export()
    equal(status, 1, said)
    rejected = sorted((line.spool / "rejected").glob("*.json.gz"))
    equal(sum(map(rows_in, rejected)), expected["findings"], "rows in rejected/")
    expect("refused by the server" in said, said)
    words = [each.read_text() for each in (line.spool / "rejected").iterdir() if each not in rejected]
    expect(len(words) == len(rejected) and all("DB::Exception" in each for each in words), f"the server's words: {words[:2]}")
    others = [int(line.database.ask(f"SELECT count() FROM {table} FINAL")) for table in ("ends", "minutes")]
    equal(others, [expected["ends"], expected["minutes"]], "the others")
    print(f"refused: {sum(map(rows_in, rejected))} rows in rejected/, {sum(others)} there")


def perform(stage):
    server = stage.server("debian")
    reference = Database(server.port, "reference")
    reference.export(*FILES)
    expected = reference.counts()
    expect(total(expected) > 1000, f"{expected}")
    killed(stage, server, expected)
    sender_killed(stage, server, expected)
    swallowed(stage, server, expected)
    refused(stage, server, expected)
    full(stage, server, expected)
    away(stage, expected)


main(perform)
