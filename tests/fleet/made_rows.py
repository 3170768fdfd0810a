# SPDX-License-Identifier: Apache-2.0
"""Rows made by hand, of which the answers are known."""
import datetime

HOUR = 3600
MADE_AT = int(datetime.datetime(2026, 3, 1, 18, 0, tzinfo=datetime.timezone.utc).timestamp())  # the last of them
BOOTS = {"h1": "boot-1", "h2": "boot-2", "h3": "boot-3", "h4": "boot-4"}
END = {"netns": 1, "family": "ipv4", "role": "client", "seen": "whole", "closed_first": "remote", "ending": "fin",
       "weight": 1, "states.state": [], "states.dwell_ns": [], "states.at_least_ns": []}
MINUTE = {"seconds": 60.0, "weight": 1, "dwell_counts": [], "entered": 1, "opened": 0, "dwell_seconds": 0.0,
          "ended.closed_first": [], "ended.ending": [], "ended.connections": []}
FINDING = {"began_ns": 1, "seconds": 60.0, "severity": "warning", "because": "", "what": "", "advice": ""}


class Made:
    def __init__(self):
        self.conn = 0
        self.flow = 0
        self.ends = []

    def end(self, at, host, service, life_ms=1, **columns):
        """An end that lived so long and ended `at` seconds before the last."""
        self.conn += 1
        closed = (MADE_AT - at) * 10**9
        row = {**END, "time": MADE_AT - at, "host": host, "boot": BOOTS[host], "service": service, "conn": self.conn,
               "flow": 10**18 + self.conn, "opened_ns": closed - int(life_ms * 10**6), "closed_ns": closed,
               "local_addr": "10.0.0.9", "local_port": 1, "remote_addr": "10.0.0.8", "remote_port": 2, **columns}
        self.ends.append(row)
        return row

    def pair(self, client, server, client_service="curl", server_service="web:80", addresses=("10.0.0.1", "10.0.0.2"),
             apart_s=0, hosts=("h1", "h2")):
        """Both ends of a flow; the two dictionaries are what is special of them."""
        self.flow += 1
        port = 40000 + self.flow
        service_port = int(server_service.rsplit(":", 1)[1])
        self.end(100, hosts[0], client_service, **{
            "flow": self.flow, "role": "client", "local_addr": addresses[0], "local_port": port,
            "remote_addr": addresses[1], "remote_port": service_port, "bytes_acked": 10, "bytes_received": 20, **client})
        self.end(100 - apart_s, hosts[1], server_service, **{
            "flow": self.flow, "role": "server", "local_addr": addresses[1], "local_port": service_port,
            "remote_addr": addresses[0], "remote_port": port, "closed_first": "local", "bytes_acked": 20,
            "bytes_received": 10, **server})


def both_ends(made):
    """web:80: 14 connections, 11 of them closed first by it."""
    made.pair({}, {})                                                       # they agree
    made.pair({"closed_first": "none"}, {}, server_service="dual:80")       # the same addresses in another notation
    made.ends[-1].update(local_addr="::ffff:10.0.0.2", remote_addr="::ffff:10.0.0.1", family="ipv6")
    made.pair({"ending": "reset_received"}, {"ending": "reset_received", "closed_first": "local"})  # neither sent it
    made.pair({"closed_first": "remote"}, {"closed_first": "remote"})       # each says that it was the other
    made.pair({"closed_first": "local"}, {"closed_first": "local"})         # FINs that crossed: no disagreement
    made.pair({"ending": "fin"}, {"ending": "timed_out", "closed_first": "none"})
    made.pair({"bytes_acked": 11}, {})
    made.pair({}, {"bytes_acked": 21})
    made.pair({"bytes_acked": None}, {"bytes_received": None})              # not known: nothing to compare
    made.pair({"closed_first": "remote"}, {"closed_first": "unknown", "ending": "unknown"})
    made.pair({"seen": "joined", "closed_first": "none"}, {})               # not seen from its birth
    made.pair({"closed_first": "none"}, {"seen": "gap"})
    made.pair({"closed_first": "none"}, {}, apart_s=60)                     # the same ports, a minute later
    made.pair({"closed_first": "none"}, {}, addresses=("127.0.0.1", "127.0.0.1"))  # loopback of two hosts
    # One flow in ten was kept: a pair of which one end is good stands for ten.
    made.pair({"weight": 10}, {"ending": "reset_received"}, client_service="sampled")


def resets(made):
    for _ in range(2):
        made.pair({"ending": "reset_received"}, {"ending": "reset_sent", "ending_detail": "unread_data"},
                  "feed", "db:5432")
    made.end(90, "h1", "feed", ending="reset_sent", closed_first="local", remote_addr="10.9.9.9", remote_port=25)
    made.end(90, "h2", "db:5432", role="server", ending="reset_received", remote_addr="10.8.8.8", remote_port=555)


def shop(made):
    """A release seven hours before the last row: of 200 two ended badly in the hour before, of 100 twenty after it."""
    for i in range(300):
        after = i >= 200
        bad = i < 2 or i >= 280
        made.end(7 * HOUR + (-60 if after else 60), "h3", "shop:8080", life_ms=50 if after else 5, role="server",
                 ending="timed_out" if bad else "fin", closed_first="none" if bad else "remote")


def minutes():
    rows = []

    def add(at, host, zone, seconds, peak, state="TIME_WAIT", service="feed", role="client", weight=1, later_ns=0, long=60.0,
            **columns):
        began = 10**15 - at * 10**9 + later_ns
        rows.append({**MINUTE, "time": MADE_AT - at + later_ns // 10**9, "began_ns": began,
                     "ended_ns": began + int(long * 10**9), "seconds": long, "host": host, "boot": BOOTS[host],
                     "zone": zone, "service": service, "container": "", "role": role, "state": state,
                     "socket_seconds": float(seconds), "peak": peak, "weight": weight, **columns})

    for i in range(10):  # 1000, 1100 ... 1900 held, the last in the last minute
        add(60 * (9 - i), "h1", "eu", 60 * (1000 + 100 * i), 1000 + 100 * i)
        add(60 * (9 - i), "h2", "eu", 60, 10)  # steady
    add(60, "h3", "us", 3, 3, role="server", weight=10)  # one connection in ten was traced
    add(0, "h1", "eu", 60 * 9000, 9000, state="ESTABLISHED", role="server")  # takes no local ports
    add(25 * HOUR, "h3", "us", 3000, 50)       # of before the last 24 hours
    # Traced twice: what counts is what is above. Another tracer reads the clock otherwise, begins in a minute, ends in
    # one; some have a part of the connections only.
    for i in range(1, 10):
        add(60 * (9 - i), "h1", "eu", 60 * (1000 + 100 * i), 1000 + 100 * i, later_ns=150)
        add(60 * (9 - i), "h1", "eu", 60 * 9, 9, later_ns=20, filter="--port 25")
        add(60 * (9 - i), "h1", "eu", 60 * 8, 8, later_ns=2 * 10**8, filter="--sample 100", weight=100)
    add(60 * 9, "h1", "eu", 40 * 1000, 1000, later_ns=20 * 10**9, long=40.0)
    add(0, "h1", "eu", 7 * 1900, 1900, later_ns=20, long=7.0)
    # Not twice: before and after a restart; parts that nobody has the whole of, one of them traced twice.
    add(60, "h4", "split", 20, 1, long=20.0)
    add(60, "h4", "split", 25, 1, later_ns=30 * 10**9, long=30.0)
    for later_ns in 0, 50:
        add(120, "h4", "split", 100, 1, later_ns=later_ns, filter="--port 1")
    add(120, "h4", "split", 1000, 1, later_ns=70, filter="--port 2")
    return rows


def findings():
    def one(finding, at, host, subject, **columns):
        return {**FINDING, "time": MADE_AT - at, "finding": finding, "host": host, "boot": BOOTS[host],
                "subject": subject, **columns}

    return [one("leak", 600, "h1", "web"), one("leak", 300, "h2", "web"), one("leak", 60, "h2", "db", what="latest"),
            one("reset", 60, "h2", "db", because="leak"), one("leak", 26 * HOUR, "h3", "db"),
            one("ports", 60, "h1", "feed", severity="critical"), one("ports", 0, "h1", "feed", severity="critical")]


def made():
    """Rows by table."""
    rows = Made()
    both_ends(rows)
    resets(rows)
    shop(rows)
    rows.end(0, "h1", "big:443", role="server", closed_first="local", weight=100)
    rows.end(25 * HOUR, "h1", "old:1", role="server")
    for i in range(100):
        rows.end(50, "h3", "slow", **{"states.state": ["ESTABLISHED"], "states.at_least_ns": [0],
                                      "states.dwell_ns": [10**9 if i == 99 else 10**6]})
    for weight, dwell in (999, 10**6), (1, 10**9), (500, None):
        rows.end(50, "h3", "weighed", weight=weight, **{"states.state": ["ESTABLISHED"], "states.at_least_ns": [0],
                                                        "states.dwell_ns": [dwell]})
    return {"ends": rows.ends, "minutes": minutes(), "findings": findings()}
