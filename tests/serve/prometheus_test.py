#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes it, as OpenMetrics; loads the rules; and evaluates what the dashboard asks for: nothing is
empty."""
import json
import pathlib
import shutil
import socket
import sys
import time
import urllib.parse
import urllib.request

from served import PORT, Served, connect, expect, main

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent / "userspace" / "serve"
API = "http://127.0.0.1:9090/api/v1"


def ask(path, **query):
    with urllib.request.urlopen(f"{API}/{path}?{urllib.parse.urlencode(query)}", timeout=20) as answer:
        return json.load(answer)["data"]


def value_of(expression):
    result = ask("query", query=expression)["result"]
    return float(result[0]["value"][1]) if result else None


def expressions():
    """Those of the dashboard, with its variables as Grafana would set them for all hosts."""
    dashboard = json.loads((SOURCE / "grafana" / "tcpdwell.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "10s").replace("$instance", ".*").replace("$service", ".*")


def perform(stage):
    if not shutil.which("prometheus"):
        print("skipped: no prometheus")
        sys.exit(77)
    stage.nginx("listen 127.0.0.1:8310; keepalive_timeout 0; return 200 hello;")
    stage.await_listener(8310)
    served = Served(stage, "--listen", f"127.0.0.1:{PORT}")
    config = stage.write("prometheus.yml", f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{SOURCE}/prometheus/alerts.yml, {SOURCE}/prometheus/recording.yml]
scrape_configs:
  - job_name: tcpdwell
    static_configs: [{{targets: ["127.0.0.1:{PORT}"]}}]
""")
    stage.start("prometheus", "--config.file", config, "--web.listen-address=127.0.0.1:9090", "--log.level=warn",
                f"--storage.tsdb.path={stage.folder}/tsdb")
    stage.await_listener(9090)

    # Somebody never closes what its peer has closed.
    listener = socket.create_server(("127.0.0.1", 8311))
    client = connect(8311)
    accepted, _ = listener.accept()
    client.close()
    end = time.monotonic() + 25  # two looks
    while time.monotonic() < end:
        stage.run("ab", "-n", "20", "-c", "2", "http://127.0.0.1:8310/")
        time.sleep(0.5)
    accepted.fileno()

    expect(value_of('up{job="tcpdwell"}') == 1, ask("targets")["activeTargets"])
    expect(value_of('scrape_samples_scraped{job="tcpdwell"}') > 300, "samples")
    text = served.samples()
    series = sum(value for value in (value_of('count({job="tcpdwell", __name__=~"tcpdwell_.+"})'),) if value)
    expect(len(text) <= series + 20, f"{len(text)} samples here, {series} series there")
    empty = [each for each in expressions() if not ask("query", query=each)["result"]]
    expect(not empty, "nothing comes of:\n" + "\n".join(empty))
    expect(len(list(expressions())) > 15, "the dashboard is empty")
    groups = ask("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    bad = [rule for rule in rules if rule["health"] != "ok"]
    expect(len(rules) > 25 and not bad, f"rules: {bad}")
    recorded = [rule["name"] for rule in rules if rule["type"] == "recording"]
    empty = [name for name in recorded if not ask("query", query=name)["result"]]
    expect(not empty, f"recording rules without a result: {empty}")
    down = [alert for alert in ask("alerts")["alerts"] if alert["labels"]["alertname"] == "TcpdwellDown"]
    expect(not down, down)
    expect(value_of('max(tcpdwell_close_wait_oldest_seconds)') > 5, "the oldest CLOSE_WAIT")

    served.end()
    stage.until(lambda: value_of('up{job="tcpdwell"}') == 0, "that it is down")


main(perform)
