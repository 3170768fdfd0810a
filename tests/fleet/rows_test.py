#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rows in the tables are what `trace --connections` prints of the same recordings, field by field; every key that is
exported has a column, and every column is filled by some row. Argument: debian or current."""
import datetime

from clickhouse import *
from lines import flat, has_ended

# Not columns of `trace --connections`.
ADDED = {"time", "host", "boot", "zone", "service", "flow", "weight"}
# Columns that no recording here fills, with the reason.
UNFILLED = {"ends": {
    "process_thread": "no program in the recordings names its threads",
    "closed_by_thread": "nor those that close",
    "mptcp_state": "all is TCP",
}}


def compare(database, files):
    columns = database.columns("ends")
    stored = {(row["host"], row["conn"]): row for row in database.rows("SELECT * FROM ends FINAL")}
    compared, seen = 0, set()
    for recording in files:
        lines = json_lines(run("trace", "-q", "-c", "--format", "jsonl", "-r", recording))
        host = lines[0]["host"]
        for line in lines:
            if line["type"] != "connection" or not has_ended(line):
                continue
            row = stored.pop((host, int(line["conn"], 16)), None)
            expect(row is not None, f"{recording.name}: {line['conn']} isn't in the table")
            equal(row["boot"], lines[0].get("boot_id", "00000000-1111-2222-3333-444444444444"), "boot")
            expected = flat(line)
            for key, value in expected.items():
                # An object that is null has no parts here, and a column for each there.
                if key not in columns:
                    expect(value is None and any(name.startswith(f"{key}_") for name in columns),
                           f"{recording.name}: 'trace' has {key}, the table doesn't")
                    continue
                seen.add(key)
                absent = None if columns[key].startswith("Nullable") else ""
                equal(row[key], absent if value is None else value, f"{recording.name} {line['conn']} {key}")
            for key, value in row.items():
                if key not in expected and key not in ADDED:
                    expect(value in (None, ""), f"{recording.name} {line['conn']} has {key} = {value}, 'trace' hasn't")
            if expected["closed_ns"] is not None:
                ended = expected["closed_ns"] - (expected.get("time_wait_dwell_ns") or 0)
                equal(row["time"], str(datetime.datetime.fromtimestamp(ended // 10**9, datetime.timezone.utc))[:19], "time")
            compared += 1
    expect(not stored, f"{len(stored)} rows that 'trace' doesn't print, as {next(iter(stored), None)}")
    expect(compared > 1000, f"only {compared} rows compared")
    print(f"{compared} rows, {len(seen)} keys")


def check_columns(database, files):
    for table in TABLES:
        columns = database.columns(table)
        if table != "flows":
            for row in printed_rows(table, *files, options=("--zone", "z")):
                unknown = row.keys() - columns.keys()
                expect(not unknown, f"no column in {table} for {unknown}")
        tests = []
        for name, kind in columns.items():
            test = (f"notEmpty(`{name}`)" if "Array" in kind else f"isNotNull(`{name}`)" if "Nullable" in kind
                    else f"`{name}` != ''" if "String" in kind else f"toUInt64(`{name}`) != 0")
            tests.append(f"countIf({test}) AS `{name}`")
        counts = database.rows(f"SELECT {', '.join(tests)} FROM {table} FINAL")[0]
        filled = {name for name, count in counts.items() if count > 0}
        listed = UNFILLED.get(table, {})
        equal(columns.keys() - filled, set(listed), f"columns of {table} that no row fills, and those listed")


def check_pipes(server):
    """Tables and questions as the README has them: one command each."""
    client = f"clickhouse-client --port {server.native}"
    for command in (f"{TCPDWELL} export --schema --to http://127.0.0.1:{server.port}/default | {client} -n",
                    f"{TCPDWELL} export --queries | {client} -n"):
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=100)
        equal((done.returncode, done.stdout, done.stderr), (0, "", ""), command)
    tables = set(request(server.port, "SHOW TABLES FROM default")[1].split())
    expect(set(TABLES) <= tables, f"the tables are {tables}")


def check_upgrade(server, options):
    """A table of before `minutes` had the last two columns of its key gets them, and keeps what it has."""
    schema = run("export", "--schema", "--keep-days", 10000, *options)
    added = re.search(r"ORDER BY \(service, time, role, state, host, boot, container, began_ns(, ended_ns, filter)\)", schema)
    expect(added is not None, "the key of minutes")
    old = re.sub(r"\n    `(ended_ns|filter)` .*", "", schema).replace(added.group(1), "")
    database = Database(server.port, "upgraded", create=False)
    database.ask("CREATE DATABASE upgraded", database="default")
    database.apply(";\n".join(each for each in old.split(";\n") if "ALTER TABLE" not in each))
    expect("filter" not in database.columns("minutes"), "the old table")
    database.ask("INSERT INTO minutes (time, began_ns, seconds) VALUES (1700000000, 5, 60)")
    for _ in range(2):
        database.apply(schema)
        key = database.rows("SELECT sorting_key FROM system.tables WHERE database = 'upgraded' AND name = 'minutes'")
        expect(key[0]["sorting_key"].endswith("began_ns, ended_ns, filter"), f"{key}")
        equal(database.counts()["minutes"], 1, "rows after the upgrade")


def perform(stage, kind):
    server = stage.server(kind)
    if kind == "debian":  # the current one is no server that the client could reach
        check_pipes(server)
    options = ("--to", f"http://127.0.0.1:{server.port}/default") if kind == "current" else ()
    database = Database(server.port, "rows", options)
    database.apply(run("export", "--schema", "--keep-days", 10000, *options))  # changes nothing
    files = recordings()
    database.export(*files, options=("--zone", "eu-1"))
    compare(database, files)
    check_columns(database, files)
    # What is there twice is merged: the answer is the same.
    counts = database.counts()
    equal(counts["ends"], counts["flows"], "rows of flows")
    database.export(*files, options=("--zone", "eu-1"))
    equal(database.counts(), counts, "rows after the second time")
    if kind == "current":  # the old one has no async_insert, and no key that grows
        check_upgrade(server, options)
        gathered = Database(server.port, "gathered", options)
        for _ in range(2):
            gathered.export(*files, options=("--zone", "eu-1", "--gather-inserts"))
            equal(gathered.counts(), counts, "rows of inserts that the server gathers")


main(perform)
