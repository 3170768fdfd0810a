#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the questions answer: of recordings, what `tcpdwell report` says of the same; of rows made by hand, what is known.
Rows that come twice change nothing. Argument: debian or current."""
import collections

from clickhouse import *
from made_rows import HOUR, MADE_AT, made


def service_of(row):
    """As the tables call what a report has as an endpoint or a program."""
    program = (row["process"] or {}).get("comm") or "unknown"
    return f"{program}:{row['local']['port']}" if row["role"] == "server" else program


def reports(files):
    for each in files:
        yield each, json.loads(run("report", "-q", "-r", each, "--format", "json"))


def still_open(file):
    """Connections that a report counts and the table of ended ones doesn't have: open ones, and those without any event
    while they were traced."""
    def lines(*options):
        text = run("trace", "-q", "-c", *options, "--format", "jsonl", "-r", file)
        return {line["conn"]: line for line in json_lines(text) if line["type"] == "connection"}

    ended = {conn for conn, line in lines().items() if line["ending"] != "open"}
    return [line for conn, line in lines("--idle").items() if conn not in ended]


def service_of_line(line, report):
    """A report says the listener's program of a connection that nobody has accepted while it was traced."""
    program = (line["process"] or {}).get("comm")
    if line["role"] != "server":
        return program or "unknown"
    port = line["local"]["port"]
    if program is None:
        return next(service_of(row) for row in report["services"]
                    if row["role"] == "server" and row["local"]["port"] == port)
    return f"{program}:{port}"


def without_program(service):
    """Minutes call the listener of what nobody has accepted 'unknown', a report doesn't."""
    program, _, port = service.rpartition(":")
    return port if program else service


def against_reports(database, files):
    """The questions without a limit of rows, and over all time."""
    everything = [("24 * 3600", "1000 * 86400"), ("LIMIT 100", "LIMIT 100000")]
    first = collections.Counter()
    connections = collections.Counter()
    seconds = collections.Counter()
    found = collections.Counter()
    ports = collections.defaultdict(list)
    whole = 0
    for file, report in reports(files):
        for row in report["services"]:
            key = service_of(row), row["role"]
            connections[key] += row["connections"]
            first[key] += row["closed_first"]["local"]
            seconds[without_program(service_of(row))] += row["time_wait"]["socket_seconds"]
        for line in still_open(file):
            key = service_of_line(line, report), line["role"]
            connections[key] -= 1
            first[key] -= line["closed_first"] == "local"
        for finding in report["findings"]:
            found[finding["id"], (finding.get("because") or {"id": ""})["id"]] += 1
        ports[report["meta"]["host"]].append([row["peak"] for row in report["ports"]])
        whole += report["quality"]["open"] == 0
    expect(whole >= 5, "recordings of which nothing is left open")

    answer = {(row["service"], row["role"]): row for row in database.question("closes_first", changes=everything)}
    equal({key: row["connections"] for key, row in answer.items()}, {k: n for k, n in connections.items() if n},
          "connections by service")
    equal({key: row["closed_first_here"] for key, row in answer.items() if row["closed_first_here"]},
          {key: n for key, n in first.items() if n}, "closed first here")

    held = collections.Counter()
    for row in database.question("time_wait", changes=everything):
        held[without_program(row["service"])] += row["time_wait_socket_seconds"]
    for service, expected in seconds.items():
        near = abs(held.pop(service, 0) - expected)
        expect(near < 0.02, f"TIME_WAIT of {service}: {expected} by the report, {near} apart")
    equal({name: value for name, value in held.items() if value > 0}, {}, "TIME_WAIT that no report has")

    # By program here, by remote endpoint there: the same where there is one, and else at least what the largest had and
    # at most the sum, as they had their peaks one after the other.
    taken = collections.Counter()
    for row in database.question("ports_left", changes=[("until - 3600", "until - 1000 * 86400"), everything[1]]):
        taken[row["host"]] += row["held_at_most"]
    compared = 0
    for host, peaks in ports.items():
        if len(peaks) == 1 and sum(peaks[0]) >= 20:
            expect(0.8 * max(peaks[0]) <= taken[host] <= 1.2 * sum(peaks[0]),
                   f"ports of {host}: {taken[host]}, {peaks[0]} by the report")
            compared += len(peaks[0]) == 1
    expect(compared >= 5, f"ports of {compared} hosts with one remote endpoint compared")

    equal({(row["finding"], row["because"]): row["reports"] for row in database.question("findings", changes=everything)},
          dict(found), "findings")
    expect(len(found) > 15, "findings")


def dwell_times(database, file):
    """Of a recording without open connections: the report by service has the same times."""
    report = json.loads(run("report", "-q", "-r", file, "--by", "service", "--format", "json"))
    answer = {(row["service"], row["state"]): row for row in database.question(
        "p99_of_states", changes=[("24 * 3600", "1000 * 86400")])}
    compared = 0
    for group in report["states_by"]["groups"]:
        endpoint, _, program = group["group"].removesuffix(" (client)").rpartition(" ")
        service = f"{program}:{endpoint.rsplit(':', 1)[1]}" if ":" in endpoint else program
        for state, times in group["states"].items():
            if times["count"] == 0:
                continue
            row = answer[service, state]
            equal(row["times"], times["count"], f"{service} {state}")
            expect(abs(row["max_ms"] - times["max_ns"] / 1e6) <= 0.001, f"longest {state} of {service}: {row} {times}")
            for name, other in ("p50_ms", "p50_ns"), ("p99_ms", "p99_ns"):
                # Each rounds, to 0.8 and to 0.5 %; of an even number either middle is right.
                slack = 0.02 if times["count"] > 10 else 0.5
                expect(abs(row[name] - times[other] / 1e6) <= slack * row[name] + 0.001,
                       f"{name} of {state} of {service}: {row[name]}, {times[other]} ns")
            compared += 1
    expect(compared >= 8, f"{compared} states compared")


def on_made_rows(database):
    """made_rows.py says what each of them is there for."""
    answer = {row["service"]: row for row in database.question("closes_first")}
    equal((answer["web:80"]["connections"], answer["web:80"]["closed_first_here"], answer["web:80"]["hosts"]), (14, 11, 1),
          "web:80")
    equal((answer["big:443"]["connections"], answer["big:443"]["closed_first_here"]), (100, 100), "weights")
    expect("old:1" not in answer, "a row of before the last 24 hours counts")

    differ = {(row["client_service"], row["server_service"], row["differs"]): row
              for row in database.question("both_ends_disagree")}
    equal({key: row["connections"] for key, row in differ.items()}, {
        ("curl", "web:80", "ending: reset_received / reset_received"): 1,
        ("curl", "web:80", "closed first: remote / remote"): 1,
        ("curl", "web:80", "closed first: remote / none"): 1,
        ("curl", "web:80", "ending: fin / timed_out"): 1,
        ("curl", "web:80", "bytes: more acknowledged to the client than received"): 1,
        ("curl", "web:80", "bytes: more acknowledged to the server than received"): 1,
        ("curl", "dual:80", "closed first: none / local"): 1,
        ("sampled", "web:80", "ending: fin / reset_received"): 10,
    }, "where both ends disagree")

    resets = {(row["client"], row["server"]): row for row in database.question("resets")}
    equal({key: (row["resets"], row["sent_by_client"], row["sent_by_server"]) for key, row in resets.items()}, {
        ("curl", "web:80"): (1, 0, 1),   # neither sent it: as the client has it, from there
        ("feed", "db:5432"): (2, 0, 2),  # both ends
        ("feed", "10.9.9.9:25"): (1, 1, 0),
        ("10.8.8.8", "db:5432"): (1, 1, 0),
        ("sampled", "web:80"): (1, 1, 0),
    }, "resets")
    equal(resets["feed", "db:5432"]["causes"], ["unread_data"], "why")

    zones = {(row["service"], row["zone"]): row for row in database.question("time_wait")}
    equal((zones["feed", "eu"]["time_wait_socket_seconds"], zones["feed", "eu"]["most_on_a_host"],
           zones["feed", "eu"]["hosts"]), (60 * sum(range(1000, 2000, 100)) + 60 * 10, 1900, 2), "TIME_WAIT in eu")
    equal((zones["feed", "us"]["time_wait_socket_seconds"], zones["feed", "us"]["most_on_a_host"]), (30, 30), "TIME_WAIT in us")

    equal(zones["feed", "split"]["time_wait_socket_seconds"], 20 + 25 + 100 + 1000, "what is not twice")

    ports = {row["host"]: row for row in database.question("ports_left") if row["service"] == "feed"}
    equal((ports["h1"]["held_now"], ports["h1"]["growth_a_minute"], ports["h1"]["minutes_left"]),
          (1900, 100, round((28232 - 1900) / 100, 1)), "ports of h1")
    equal((ports["h2"]["held_now"], ports["h2"]["minutes_left"]), (10, None), "ports of h2")

    change = {row["service"]: row for row in database.question(
        "before_and_after", changes=[("(SELECT max(time) FROM ends) - 3600", f"toDateTime({MADE_AT - 7 * HOUR})")])}
    row = change["shop:8080"]
    equal((row["connections_before"], row["connections_after"], row["bad_before"], row["bad_after"]), (200, 100, 2, 20),
          "before and after")
    equal((row["bad_share_before"], row["bad_share_after"]), (0.01, 0.2), "shares")
    share = 22 / 300
    equal(row["z"], round(0.19 / (share * (1 - share) * (1 / 200 + 1 / 100)) ** 0.5, 1), "z")
    expect(abs(row["p99_life_before_ms"] - 5) < 0.03 and abs(row["p99_life_after_ms"] - 50) < 0.3, f"lives: {row}")
    expect(database.question("before_and_after") == [], "a service that is there at one of the times only")

    found = database.question("findings")
    equal([(row["finding"], row["because"], row["hosts"], row["subjects"], row["reports"], row["critical"])
           for row in found], [("ports", "", 1, 1, 2, 2), ("leak", "", 2, 3, 3, 0), ("reset", "leak", 1, 1, 1, 0)], "findings")
    equal(found[1]["example"], "latest", "the last")

    states = {(row["service"], row["state"]): row for row in database.question("p99_of_states")}
    equal(states["slow", "ESTABLISHED"]["times"], 100, "times")
    expect(abs(states["slow", "ESTABLISHED"]["p50_ms"] - 1) < 0.006, "median")
    equal(states["slow", "ESTABLISHED"]["max_ms"], 1000, "longest")
    equal(states["weighed", "ESTABLISHED"]["times"], 1000, "times of what is weighed")
    expect(abs(states["weighed", "ESTABLISHED"]["p99_ms"] - 1) < 0.006, "what is weighed counts as often")


def traced_twice(database, folder):
    """A recording and parts of it, as `serve` and the segments of its flight recorder: rows of their own, nothing counts
    twice, and what is shorter replaces nothing, in either order."""
    whole = INCIDENTS.parent / "readme/web-nginx.tdw"
    parts = [folder / "early.tdw", folder / "late.tdw"]
    run("copy", "-q", "-r", whole, "-o", parts[0], "--until", "+50s")
    run("copy", "-q", "-r", whole, "-o", parts[1], "--since", "+50s")

    def held():
        everything = [("24 * 3600", "1000 * 86400"), ("until - 3600", "until - 1000 * 86400")]
        return [database.question(name, changes=everything[i:i + 1]) for i, name in enumerate(("time_wait", "ports_left"))]

    database.export(whole)
    alone = held()
    expect(alone[0][0]["time_wait_socket_seconds"] > 1000, f"{alone}")
    rows = database.counts()["minutes"]
    for each in parts + [whole]:
        database.export(each)
        equal(held(), alone, f"TIME_WAIT and ports after {each.name} came too")
    expect(database.counts()["minutes"] > rows, "the parts have no rows of their own")


def answers(database):
    return {each.stem: database.question(each.stem) for each in sorted(QUESTIONS.glob("*.sql"))}


def perform(stage, kind):
    server = stage.server(kind)
    options = ("--to", f"http://127.0.0.1:{server.port}/default") if kind == "current" else ()

    def new(name):
        return Database(server.port, name, options)

    empty = new("empty")
    for name, rows in answers(empty).items():
        equal(rows, [], f"{name} of empty tables")

    files = recordings()
    recorded = new("recorded")
    recorded.export(*files)
    against_reports(recorded, files)
    before = answers(recorded)
    recorded.export(*files)
    equal(answers(recorded), before, "answers after the same has come twice")

    alone = new("alone")
    nginx = INCIDENTS.parent / "readme/web-nginx.tdw"
    alone.export(nginx)
    dwell_times(alone, nginx)

    traced_twice(new("twice"), stage.folder)

    hand = new("hand")
    for _ in range(2):
        for table, rows in made().items():
            hand.insert(table, rows)
        on_made_rows(hand)
    print(f"{len(before)} questions")


main(perform)
