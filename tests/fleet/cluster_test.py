#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two shards, each with the tables of `--schema --cluster`: rows are spread over both, the two ends of a flow are on one,
and the answers are those of a single server."""
from clickhouse import *
from made_rows import made


def perform(stage):
    ports = free_ports(4)
    shards = [stage.keep(DebianServer(stage.folder, ports[2 * i:2 * i + 2], (ports[1], ports[3]), name=f"shard{i}"))
              for i in range(2)]
    # Inserts into a distributed table wait until the shards have the rows.
    single = Database(shards[0].port, "single")
    for each in shards:
        request(each.port, "CREATE DATABASE fleet")
    parts = [Database(each.port, "fleet", create=False) for each in shards]
    schema = run("export", "--schema", "--cluster", "fleet", "--keep-days", 10000)
    for each in parts:
        each.apply(schema)
        each.apply(schema)  # changes nothing
    files = recordings()
    for database in single, parts[0]:
        database.export(*files)
        for table, rows in made().items():
            database.insert(table, rows)
    # The same once more, by way of the other shard.
    parts[1].export(*files[:10])
    end = time.monotonic() + 60
    while parts[0].counts() != single.counts() and time.monotonic() < end:
        time.sleep(0.5)  # what the first shard has in its queue for the other
    equal(parts[0].counts(), single.counts(), "rows of the cluster, and of one server")
    equal(parts[1].counts(), single.counts(), "rows by way of the other shard")
    local = [int(each.ask("SELECT count() FROM ends_local FINAL")) for each in parts]
    equal(sum(local), single.counts()["ends"], "rows of the shards")
    expect(min(local) > 0.3 * sum(local), f"rows are spread unevenly: {local}")
    here, there = ({int(row["flow"]) for row in each.rows("SELECT DISTINCT flow FROM flows_local")} for each in parts)
    expect(not here & there, "ends of a flow on both shards")

    asked = 0
    for each in sorted(QUESTIONS.glob("*.sql")):
        for changes in (), (("24 * 3600", "1000 * 86400"), ("25 * 3600", "1000 * 86400"), ("LIMIT 100", "LIMIT 100000")):
            changes = [(old, new) for old, new in changes if old in each.read_text()]
            expected = single.question(each.stem, changes=changes)
            for part in parts:
                answer = part.question(each.stem, changes=changes)
                for row in answer + expected:
                    row.pop("example", None)  # any of them
                    if "causes" in row:
                        row["causes"].sort()
                equal(answer, expected, f"{each.stem} of the cluster, and of one server")
                asked += len(answer)
    expect(asked > 100, f"{asked} rows of answers")
    print(f"{local} rows on the shards, {asked} rows of answers compared")


main(perform)
