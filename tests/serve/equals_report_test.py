#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The metrics of a run are those of its recording, and the report's numbers, one by one."""
import json
import time

from served import Served, connect, expect, main, samples_of, total

REQUESTS = 150


def perform(stage):
    stage.nginx("listen 127.0.0.1:8300; keepalive_timeout 0; return 200 hello;")
    stage.start("redis-server", "--port", "6401", "--save", "")
    stage.await_listener(8300)
    stage.await_listener(6401)
    folder = stage.folder / "held"
    served = Served(stage, "-w", str(folder), "--keep", "1h")
    stage.run("ab", "-n", str(REQUESTS), "-c", "4", "http://127.0.0.1:8300/")
    for _ in range(20):
        connect(6401).close()
    stage.run("curl", "-s", "http://127.0.0.1:8301/", may_fail=True)  # refused
    kept = [connect(6401) for _ in range(3)]
    # The last look, which findings and other gauges are of, comes after all of that.
    time.sleep(17)
    live = served.samples()
    strict = served.samples(Accept="application/openmetrics-text; version=1.0.0")
    page = served.text("/report")
    current = json.loads(served.text("/report.json"))
    expect(served.end() < 5, "SIGTERM took longer than 5 s")
    recorded = samples_of(stage.tcpdwell_says("report", "-r", str(folder), "-q", "--format", "prometheus"))
    report = json.loads(stage.tcpdwell_says("report", "-r", str(folder), "-q", "-f", "json"))

    # ab begins some that it doesn't need.
    opened = total(live, "connections_opened_total", service="nginx:8300", role="server")
    expect(REQUESTS <= opened < REQUESTS + 10, f"{opened} requests of nginx")
    expect(total(live, "connections_opened_total", service="ab", role="client") == opened, "those of ab")
    expect(total(live, "connections_ended_total", service="ab", closed_first="remote") >= REQUESTS, "who closed first")
    expect(total(live, "connections_ended_total", ending="refused", service="curl") == 1, "refused")
    expect(total(live, "sockets", state="established") == 2 * len(kept), "open sockets")
    # Time has passed between the last request and the end.
    passes = {"tcpdwell_socket_seconds_total", "tcpdwell_close_wait_oldest_seconds"}
    for name, other in ("OpenMetrics", strict), ("the recording", recorded):
        expect(live.keys() == other.keys(), f"{name} has other series: {live.keys() ^ other.keys()}")
        for key, value in live.items():
            if key[0] not in passes:
                expect(other[key] == value, f"{key}: {value} live, {other[key]} by {name}")
    for (name, labels), value in live.items():
        if name in passes:
            expect(recorded[name, labels] >= value, f"{name} {labels} went backwards")

    compared = 0
    for state, numbers in report["states"].items():
        expect(total(live, "state_dwell_seconds_count", state=state.lower()) == numbers["count"], f"dwell in {state}")
        expect(total(live, "sockets", state=state.lower()) == numbers["open"], f"sockets in {state}")
        compared += numbers["count"] > 0
        below = 0
        for low, high, count in numbers["buckets"]:
            below += count
            # Where a bucket of the report ends within one of the metrics, it has to be counted there.
            if high <= 10**9:
                expect(total(live, "state_dwell_seconds_bucket", state=state.lower(), le="1.0") >= below, state)
    expect(compared >= 5, f"only {compared} states")
    for endpoint, service in ("127.0.0.1:8300", "nginx:8300"), ("0.0.0.0:6401", "redis-server:6401"):
        address, port = endpoint.rsplit(":", 1)
        for row in report["transfers"]:
            if row["role"] == "server" and row["endpoint"]["port"] == int(port):
                for direction, key in ("sent", "bytes_sent"), ("received", "bytes_received"):
                    expect(total(live, "bytes_total", service=service, direction=direction) == row[key],
                           f"{service} {direction}")
    nginx = [row for row in report["services"] if row["local"]["port"] == 8300]
    expect(sum(row["connections"] for row in nginx) == opened, "connections of nginx")
    held = sum(row["time_wait"]["socket_seconds"] for row in report["services"])
    shown = total(recorded, "socket_seconds_total", state="time_wait")
    expect(abs(held - shown) < 0.001 * len(report["services"]) and held > 100, f"TIME_WAIT: {held}, {shown}")
    found = {finding["id"] for finding in report["findings"]}
    active = {dict(labels)["finding"] for (name, labels), value in live.items()
              if name == "tcpdwell_finding_active" and value == 1}
    expect(active == found and "server_closes_first" in found, f"findings: {active}, {found}")
    ranks = {"info": 1, "warning": 2, "critical": 3}
    worst = {}
    for finding in report["findings"]:
        worst[finding["id"]] = max(worst.get(finding["id"], 0), ranks[finding["severity"]])
    shown = {dict(labels)["finding"]: value for (name, labels), value in live.items()
             if name == "tcpdwell_finding_severity" and value > 0}
    expect(shown == worst, f"severities: {shown}, {worst}")
    expect({finding["id"] for finding in current["findings"]} == found, "findings of /report.json")
    expect("server_closes_first" in page and "<script" in page, "the page has no report")


main(perform)
