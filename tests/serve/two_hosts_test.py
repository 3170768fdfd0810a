#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two hosts, each with a daemon that exports what it traces to one ClickHouse, and a firewall between them that answers in
the place of the server: the questions join both ends of each connection, and name those that don't agree."""
import ctypes
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fleet"))

import clickhouse  # noqa: E402
from served import Served, Skip, expect, main, total  # noqa: E402

CLIENT, SERVER = "10.77.0.1", "10.77.0.2"
GOOD, BAD = 8340, 8341  # ports
REQUESTS, REFUSED = 30, 4
CLONE_NEWUTS = 0x04000000
libc = ctypes.CDLL(None, use_errno=True)


def named(host):
    """For a process that has another host name from then on."""
    def rename():
        if libc.unshare(CLONE_NEWUTS) != 0 or libc.sethostname(host, len(host)) != 0:
            raise OSError(ctypes.get_errno(), "no host name of its own")
    return rename


def two_hosts(stage):
    client, server = stage.new_net(), stage.new_net()
    stage.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", str(server.pid), net=client)
    for net, address in (client, CLIENT), (server, SERVER):
        stage.ip("address", "add", f"{address}/24", "dev", "eth0", net=net)
        stage.ip("link", "set", "eth0", "up", net=net)
    stage.sysctl("ipv4/tcp_max_tw_buckets", 0, net=server)  # a row for an end in TIME_WAIT comes after a minute
    # It lets a connection be made, and answers the first data with an RST, of which the server learns nothing.
    stage.run("iptables", "-A", "INPUT", "-p", "tcp", "--dport", str(BAD), "--tcp-flags", "PSH", "PSH",
              "-j", "REJECT", "--reject-with", "tcp-reset", net=server)
    return client, server


def perform(stage):
    try:
        store = clickhouse.DebianServer(stage.folder)
    except clickhouse.Skip as reason:
        raise Skip(str(reason)) from None
    database = clickhouse.Database(store.port, "fleet")
    client, server = two_hosts(stage)
    stage.start("nginx", "-c", stage.write("nginx.conf", f"""
        daemon off; pid {stage.folder}/nginx.pid; error_log {stage.folder}/nginx.log;
        events {{ }}
        http {{ access_log off; server {{ listen {GOOD}; listen {BAD}; keepalive_timeout 0;
            client_header_timeout 1s; return 200 hello; }} }}"""), net=server)
    stage.await_listener(BAD, net=server)
    daemons = [Served(stage, "--export", database.url, "--spool", str(stage.folder / name), net=net,
                      before=named(name.encode()))
               for net, name in ((client, "web-1"), (server, "db-1"))]
    stage.run("ab", "-n", str(REQUESTS), f"http://{SERVER}:{GOOD}/", net=client)
    for _ in range(REFUSED):
        stage.run("curl", "-s", f"http://{SERVER}:{BAD}/", net=client, may_fail=True)
    stage.until(lambda: total(daemons[1].samples(), "connections_ended_total", service=f"nginx:{BAD}") >= REFUSED,
                "the server's ends of what the firewall refuses")
    def rows_by_host():
        rows = database.rows("SELECT host, count() AS number FROM ends FINAL GROUP BY host")
        return {row["host"]: row["number"] for row in rows}
    # What isn't sent within a moment of the end waits for the next start.
    stage.until(lambda: len(rows_by_host()) == 2 and min(rows_by_host().values()) >= REQUESTS + REFUSED,
                "the rows of both hosts", 60)
    for daemon in daemons:
        expect(daemon.end() < 10, "SIGTERM took longer than 10 s")

    hosts = rows_by_host()
    expect(hosts.keys() == {"web-1", "db-1"} and min(hosts.values()) >= REQUESTS + REFUSED, f"rows by host: {hosts}")
    pairs = database.rows(f"""SELECT uniqExact(flow) AS flows, count() AS ends FROM ends FINAL
        WHERE remote_port = {GOOD} OR local_port = {GOOD}""")[0]
    expect(pairs["flows"] * 2 == pairs["ends"] >= 2 * REQUESTS, f"both ends of a connection have one flow: {pairs}")
    differing = {(row["client_service"], row["server_service"], row["differs"]): row["connections"]
                 for row in database.question("both_ends_disagree")}
    expect(differing == {("curl", f"nginx:{BAD}", "ending: reset_received / reset_received"): REFUSED},
           f"where both ends disagree: {differing}")
    closes = {row["service"]: row for row in database.question("closes_first")}
    expect(closes[f"nginx:{GOOD}"]["closed_first_here"] >= REQUESTS, f"who closes first: {closes}")
    store.end()


main(perform)
