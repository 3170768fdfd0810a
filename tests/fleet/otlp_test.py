#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Log records, read by OpenTelemetry's own definition of them (collector.mjs), are what `trace --connections` prints of the
same recordings, attribute for attribute, and the findings of their reports; and a collector's answers count."""
import copy
import gzip

from clickhouse import *
from lines import flat, has_ended

# Later ones have no messages of logs in them: their exporter writes those by itself.
PACKAGES = "@opentelemetry/otlp-transformer@0.213.0", "protobufjs@7.6.6"
ZONE = 'eu "1"'
CONVENTIONS = {"local_addr": "network.local.address", "local_port": "network.local.port",
               "remote_addr": "network.peer.address", "remote_port": "network.peer.port", "family": "network.type",
               "process_pid": "process.pid"}
SEVERITIES = {"info": 9, "warning": 13, "critical": 17}


class Collector:
    def __init__(self, folder, name="collector"):
        modules = npm_modules("otlp", *PACKAGES)
        (self.port,) = free_ports(1)
        own = folder / name
        own.mkdir()
        self.file = own / "requests"
        self.process = Process(own, ["node", str(HERE / "collector.mjs"), str(modules), str(self.port), str(self.file)],
                               name)
        end = time.monotonic() + 60
        while True:
            try:
                self.send(b"", "/")
                break
            except OSError:
                expect(time.monotonic() < end and self.process.process.poll() is None,
                       f"{name} doesn't answer:\n{self.process.log.read_text()}")
                time.sleep(0.05)

    def send(self, body, path="/v1/logs", method="POST", **headers):
        """Status and text of the answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, method=method,
                                         headers={"Content-Type": "application/json", **headers})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def will_answer(self, *answers):
        equal(self.send(json.dumps(answers).encode(), "/answers", "PUT")[0], 200, "setting answers")

    def requests(self):
        return json_lines(self.file.read_text()) if self.file.exists() else []

    def export(self, *options, spool=None):
        """Exit status and what it says."""
        words = [TCPDWELL, "export", "--format", "otlp-json", "--to", f"http://127.0.0.1:{self.port}", *options]
        done = subprocess.run([*map(str, words), *(("--spool", str(spool)) if spool else ())], capture_output=True,
                              text=True, timeout=200)
        return done.returncode, done.stderr

    def end(self):
        self.process.end()


def attributes(list_of):
    """Each value as (kind, value)."""
    return {each["key"]: next(iter(each["value"].items())) for each in list_of}


def typed(value):
    return ("intValue", str(value)) if isinstance(value, int) else ("stringValue", value)


def endpoint_text(endpoint):
    address = f"[{endpoint['addr']}]" if ":" in endpoint["addr"] else endpoint["addr"]
    return f"{address}:{endpoint['port'] or 0}"


def expected_attributes(line, row):
    """Of a line of `trace --connections`; `row` of the table `ends` has its flow."""
    found = {"network.transport": "tcp", "tcpdwell.flow": f"{row['flow']:016x}"}
    for key, value in flat(line).items():
        if key == "container" or key.startswith("states.") or value is None or isinstance(value, list):
            continue
        found[CONVENTIONS.get(key, f"tcpdwell.{key}")] = f"{value:016x}" if key in ("conn", "cookie") else value
    for each in line["states"]:
        if each["dwell_ns"] is not None:
            found[f"tcpdwell.dwell_ns.{each['state']}"] = each["dwell_ns"]
    if line["role"] != "unknown":
        ends = ("local", "remote") if line["role"] == "client" else ("remote", "local")
        for side, end in zip(("client", "server"), ends):
            found[f"{side}.address"] = line[end]["addr"]
            found[f"{side}.port"] = line[end]["port"]
    if line["container"]:
        parts = line["container"].split("/")
        names = {"k8s.namespace.name": parts[0], "k8s.pod.name": parts[1]} if len(parts) == 3 else {}
        found.update({**names, "container.name": parts[-1]})
    if is_bad(line):
        found["error.type"] = line["ending_detail"] or line["ending"]
    return {key: typed(value) for key, value in found.items() if value is not None}


def is_bad(line):
    return line["ending"] != "fin" or line["seen"] == "gap"


def compare_ends(records, recording, lines):
    rows = {row["conn"]: row for row in printed_rows("ends", recording)}
    names = set()
    for line in lines:
        if line["type"] != "connection" or not has_ended(line):
            continue
        what = f"{recording.name} {line['conn']}"
        record = records.pop(("stringValue", line["conn"].rjust(16, "0")), None)
        expect(record is not None, f"{what} isn't among the records")
        row = rows.pop(int(line["conn"], 16))
        found = attributes(record["attributes"])
        equal(found, expected_attributes(line, row), what)
        detail = f" {line['ending_detail']}" if line["ending_detail"] else ""
        equal(record["body"], {"stringValue": f"{endpoint_text(line['local'])} - {endpoint_text(line['remote'])}: "
                               f"{line['ending']}{detail}, closed first: {line['closed_first']}"}, f"{what}: body")
        equal((record["severityNumber"], record["severityText"]), (13, "WARN") if is_bad(line) else (9, "INFO"),
              f"{what}: severity")
        equal(int(record["timeUnixNano"]) // 10**9, row["time"], f"{what}: time")
        if line["closed"] and not line["time_wait"]:
            equal(record["timeUnixNano"], str(flat(line)["closed_ns"]), f"{what}: time")
        names |= found.keys()
    equal(rows, {}, f"{recording.name}: rows that 'trace' doesn't print")
    return names


def compare_findings(records, recording):
    def of_record(record):
        found = {key.removeprefix("tcpdwell."): value for key, (_, value) in attributes(record["attributes"]).items()}
        return (found.pop("finding"), found.pop("subject", ""), found.pop("because", None), record["body"]["stringValue"],
                record["severityNumber"], int(record["timeUnixNano"]) // 10**9, tuple(found))

    rows = [(row["finding"], row["subject"], row.get("because"), row["what"], SEVERITIES[row["severity"]], row["time"], ())
            for row in printed_rows("findings", recording)]
    equal(sorted(map(of_record, records), key=str), sorted(rows, key=str), f"{recording.name}: findings")
    return len(rows)


def compare(collector, files):
    """One recording after the other, so that each request is known to be of it."""
    compared, found, names = 0, 0, set()
    for recording in files:
        before = len(collector.requests())
        status, said = collector.export("--zone", ZONE, "-r", recording)
        equal(status, 0, f"{recording.name}: {said}")
        lines = json_lines(run("trace", "-q", "-c", "--format", "jsonl", "-r", recording))
        ends, findings = {}, []
        for request in collector.requests()[before:]:
            for of_host in request["resourceLogs"]:
                equal(attributes(of_host["resource"]["attributes"]), {key: typed(value) for key, value in (
                    ("host.name", lines[0]["host"]), ("os.type", "linux"), ("cloud.availability_zone", ZONE))}, "resource")
                for record in of_host["scopeLogs"][0]["logRecords"]:
                    if record["eventName"] == "tcpdwell.finding":
                        findings.append(record)
                        continue
                    equal(record["eventName"], "tcpdwell.connection.ended", "name")
                    conn = attributes(record["attributes"])["tcpdwell.conn"]
                    expect(conn not in ends, f"{recording.name}: {conn} came twice")
                    ends[conn] = record
        compared += len(ends)
        names |= compare_ends(ends, recording, lines)
        equal(ends, {}, f"{recording.name}: records that 'trace' doesn't print")
        found += compare_findings(findings, recording)
    expect(compared > 1000 and found > 15, f"only {compared} records and {found} findings compared")
    expect({*CONVENTIONS.values(), "client.address", "server.port", "error.type", "container.name"} <= names,
           f"attributes that no record has; there are {sorted(names)}")
    print(f"{compared} records with {len(names)} attributes and {found} findings, in {len(collector.requests())} requests")


def refuses_what_is_wrong(collector):
    """The collector would notice: each of these is one step away from a request that it takes."""
    good = collector.requests()[0]
    taken = len(collector.requests())

    def changed(change):
        request = copy.deepcopy(good)
        change(request, request["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0])
        return json.dumps(request).encode()

    def rename(holder, old, new):
        holder[new] = holder.pop(old)

    wrong = {
        "a key that isn't there": lambda request, record: record.update(level="x"),
        "another notation of a key": lambda request, record: rename(record, "timeUnixNano", "time_unix_nano"),
        "64 bits as a number": lambda request, record: record.update(timeUnixNano=int(record["timeUnixNano"])),
        "a name of a severity": lambda request, record: record.update(severityNumber="SEVERITY_NUMBER_INFO"),
        "no severity": lambda request, record: record.update(severityNumber=25),
        "a text as a body": lambda request, record: record.update(body="x"),
        "attributes that are an object": lambda request, record: record.update(attributes={"a": "b"}),
        "a number in the place of a text": lambda request, record: record["attributes"][0].update(value={"stringValue": 5}),
        "an attribute twice": lambda request, record: record["attributes"].append(record["attributes"][0]),
        "no time": lambda request, record: record.update(timeUnixNano="0"),
        "records a step too high": lambda request, record: rename(request, "resourceLogs", "logRecords"),
    }
    for what, change in wrong.items():
        equal(collector.send(changed(change))[0], 400, what)
    good = json.dumps(good).encode()
    equal(collector.send(good, **{"Content-Type": "text/json"})[0], 415, "another type")
    equal(collector.send(good, "/v1/traces")[0], 404, "another path")
    equal(collector.send(good, **{"Content-Encoding": "gzip"})[0], 400, "what isn't compressed")
    equal(len(collector.requests()), taken, "requests that were taken")
    equal(collector.send(gzip.compress(good), **{"Content-Encoding": "gzip"}), (200, "{}"), "what is right")


def counts_answers(stage):
    collector = stage.keep(Collector(stage.folder, "answering"))
    recording = INCIDENTS.parent / "readme/web-nginx.tdw"
    records = len(printed_rows("ends", recording)) + len(printed_rows("findings", recording))

    def received():
        return sum(len(scope["logRecords"]) for request in collector.requests()
                   for of_host in request["resourceLogs"] for scope in of_host["scopeLogs"])

    spool = stage.folder / "collector-spool"
    collector.will_answer({"status": 503, "headers": {"Retry-After": "2"}}, {"status": 429}, {"status": 502})
    began = time.monotonic()
    status, said = collector.export("-r", recording, spool=spool)
    equal((status, received()), (0, records), f"tried again: {said}")
    expect(time.monotonic() - began >= 2, "it didn't wait as long as it was asked to")

    collector.will_answer({"partialSuccess": {"rejectedLogRecords": 3, "errorMessage": "too old"}})
    status, said = collector.export("-r", recording, spool=spool)
    equal(status, 1, said)
    expect("without 3 of its" in said and "too old" in said and "3 rows refused by the server; it doesn't say which" in said
           and f"{records - 3} rows sent" in said, said)
    equal(received(), 2 * records, "a request that is taken in part isn't sent again")

    collector.will_answer({"partialSuccess": {"errorMessage": "slow down"}})
    status, said = collector.export("-r", recording, spool=spool)
    equal((status, received()), (0, 3 * records), f"a warning: {said}")
    expect("slow down" in said, said)

    collector.will_answer(*[{"status": 500}] * 100)
    status, said = collector.export("-r", recording, spool=spool)
    equal((status, received()), (1, 3 * records), f"refused: {said}")
    refused = sorted((spool / "rejected").glob("*.json.gz"))
    equal(sum(int(each.name.split(".")[0].rsplit("-", 1)[1]) for each in refused), records, "rows in rejected/")
    collector.will_answer()
    for each in refused:  # as the README says
        each.rename(spool / each.name)
    status, said = collector.export(spool=spool)
    equal((status, received()), (0, 4 * records), f"moved back: {said}")
    print(f"{records} records: tried again, taken in part, warned of, refused and sent once more")


def perform(stage):
    collector = stage.keep(Collector(stage.folder))
    compare(collector, recordings())
    refuses_what_is_wrong(collector)
    counts_answers(stage)


main(perform)
