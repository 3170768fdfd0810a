#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast rows are inserted, what they take on disk, and how long each question takes: a thousand hosts, both ends of each
flow on two of them. Not a test: prints what it measured.
Rows come as an exporter sends them; with --copies the server makes more of them for the questions, as other hosts and flows.
Usage: volume.py [--server debian|current] [--rows 10000000] [--hosts 1000] [--copies 0] [--folder DIR]"""
import argparse
import gzip
import http.client
import pathlib
import random
import shutil
import tempfile

from clickhouse import *

NOW = 1_790_000_000  # seconds
STATES = {
    "client": '"states.state":["SYN_SENT","ESTABLISHED","CLOSE_WAIT","LAST_ACK"]',
    "server": '"states.state":["SYN_RECV","ESTABLISHED","FIN_WAIT1","FIN_WAIT2","TIME_WAIT"]',
}
# As FlatJson writes a connection, in the exporter's order.
ROW = ('{"time":%d,"host":"host-%04d","boot":"%s","zone":"zone-%d","service":"%s","flow":%d,"weight":1,"conn":%d,'
       '"netns":4026531840,"family":"ipv4","local_addr":"%s","local_port":%d,"remote_addr":"%s","remote_port":%d,'
       '"role":"%s","process_pid":%d,"process_comm":"%s","cgroup":"/system.slice/%s.service","uid":33,"opened_ns":%d,'
       '"closed_ns":%d,%s,"states.dwell_ns":%s,"states.at_least_ns":%s,"closed_first":"%s","ending":"%s",%s'
       '"seen":"whole","closed_by_pid":%d,"closed_by_comm":"%s","closed_by_how":"close","cookie":%d,"bytes_sent":%d,'
       '"bytes_acked":%d,"bytes_received":%d,"bytes_unsent":0,"bytes_unacked":0,"bytes_unread":0,"segments_sent":%d,'
       '"segments_received":%d,"segments_retransmitted":0,"rtt_min_ns":%d,"rtt_smoothed_ns":%d,"limited_ns_receiver":0,'
       '"limited_ns_send_buffer":0,"idle_since_received_ns":%d,"idle_since_sent_ns":%d,"transport":"tcp",'
       '"peer_window":65536,"retransmits":0,"probes":0}\n')


def boot(host):
    return f"{host:08x}-1111-4222-8333-444444444444"


def pair(dice, client, flows):
    """The rows of two hosts that talk to each other for a day: one batch of each."""
    server = client + 1
    addresses = f"10.{client >> 8}.{client & 255}.1", f"10.{server >> 8}.{server & 255}.1"
    service = client // 2 % 25
    port, program, caller = 8000 + service, f"app{service}", f"web{client // 2 % 40}"
    sides = [], []
    step = 86400 * 10**9 // flows
    for i in range(flows):
        opened = (NOW - 86500) * 10**9 + i * step + dice.randrange(step)
        flow = dice.getrandbits(64)
        local_port = 32768 + dice.randrange(28232)
        bits = dice.getrandbits(62)
        established = 100_000 + bits % 50_000_000
        small, close = 20_000 + (bits >> 26) % 90_000, 10_000 + (bits >> 43) % 80_000
        sent, received = 80 + (bits >> 20) % 900, 150 + (bits >> 30) % 90_000
        is_reset = bits % 50 == 0
        rtt = (50 + (bits >> 8) % 900) * 1000
        closed = opened + established + small
        for is_server in False, True:
            host = server if is_server else client
            if is_reset:
                dwell, lasts = [small, established], closed
                states = '"states.state":["SYN_RECV","ESTABLISHED"]' if is_server else \
                    '"states.state":["SYN_SENT","ESTABLISHED"]'
            else:
                states = STATES["server" if is_server else "client"]
                time_wait = 60_000_000_000 + (bits >> 5) % 1_800_000_000
                dwell = [small, established, close, close // 2, time_wait] if is_server else [small, established, close,
                                                                                              close // 2]
                lasts = closed + close + (time_wait if is_server else 0)
            ending = ("reset_sent" if is_server else "reset_received") if is_reset else "fin"
            more = ('"ending_detail":"unread_data",' if is_reset and is_server else
                    f'"time_wait_dwell_ns":{dwell[-1]},"time_wait_end":"expired","time_wait_restarts":0,'
                    if is_server and not is_reset else "")
            here, there = (addresses[1], addresses[0]) if is_server else addresses
            ports = (port, local_port) if is_server else (local_port, port)
            name = program if is_server else caller
            out, came = (received, sent) if is_server else (sent, received)
            sides[is_server].append(ROW % (
                lasts // 10**9, host, boot(host), host % 3, f"{program}:{port}" if is_server else caller, flow,
                dice.getrandbits(64), here, ports[0], there, ports[1], "server" if is_server else "client",
                1000 + service, name, name, opened, lasts, states, str(dwell).replace(" ", ""),
                "[" + "0," * (len(dwell) - 1) + "0]", "local" if is_server else "remote", ending, more, 1000 + service, name,
                0x1000000 + 2 * i + is_server, out, out, came, 5 + out // 1448, 5 + came // 1448, rtt, rtt + 20_000,
                close // 1_000_000 * 1_000_000, 1_000_000))
    return ["".join(side).encode() for side in sides]


def insert(port, database, table, lines):
    """Compressed as the exporter does. The seconds that the server took."""
    body = gzip.compress(lines, 1)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    begin = time.monotonic()
    connection.request("POST", f"/?query=INSERT%20INTO%20{database}.{table}%20FORMAT%20JSONEachRow", body,
                       {"Content-Encoding": "gzip"})
    answer = connection.getresponse()
    text = answer.read()
    took = time.monotonic() - begin
    if answer.status != 200:
        raise Failed(text.decode()[:500])
    return took, len(body)


def minutes(client):
    """Two states of two services for each minute of a day."""
    rows = []
    for host, service, role in (client, f"web{client // 2 % 40}", "client"), \
                               (client + 1, f"app{client // 2 % 25}:{8000 + client // 2 % 25}", "server"):
        for minute in range(1440):
            begin = NOW - 86400 + 60 * minute
            for state in "ESTABLISHED", "TIME_WAIT":
                held = 5 + (minute * 7 + client) % 40 + (minute // 10 if client == 0 else 0)
                rows.append(json.dumps({
                    "time": begin, "began_ns": minute * 60 * 10**9, "seconds": 60.0, "weight": 1, "host": f"host-{host:04}",
                    "boot": boot(host), "zone": f"zone-{host % 3}", "service": service, "role": role, "state": state,
                    "socket_seconds": held * 60.0, "peak": held + 3, "entered": held, "opened": 0,
                    "dwell_seconds": held * 2.5, "dwell_counts": [0] * 8 + [held // 2, held // 3, 0, 0, 0, 1] + [0] * 8,
                    "ended.closed_first": ["local"], "ended.ending": ["fin"], "ended.connections": [held]}))
    return ("\n".join(rows) + "\n").encode()


def copy(database, hosts, number):
    """All rows of ends once more, of other hosts; both ends of a flow have the same new one."""
    change = {"host": f"concat('host-', toString(toUInt32(substring(host, 6)) + {number * hosts}))",
              "boot": f"concat(boot, '-{number}')", "conn": f"bitXor(conn, cityHash64({number}))",
              "flow": f"bitXor(flow, cityHash64({number}))"}
    columns = ", ".join(change.get(name, f"`{name}`") + f" AS `{name}`" for name in database.columns("ends"))
    database.ask(f"INSERT INTO ends SELECT {columns} FROM (SELECT * FROM ends WHERE match(boot, '-444444444444$'))")


def sizes(database):
    """Bytes and rows on disk, by table."""
    return {row["table"] if row["table"] in TABLES else "flows": (row["bytes"], row["there"], row["parts"]) for row in database.rows(
        "SELECT replaceOne(table, '.inner.', '') AS table, sum(bytes_on_disk) AS bytes, sum(rows) AS there, count() AS parts "
        f"FROM system.parts WHERE active AND database = '{database.name}' GROUP BY table")}


def measure(options, folder):
    server = DebianServer(folder) if options.server == "debian" else CurrentServer(folder)
    try:
        schema = ("--to", f"http://127.0.0.1:{server.port}/default") if options.server == "current" else ()
        database = Database(server.port, "volume", schema)
        print(f"ClickHouse {database.ask('SELECT version()').strip()}, {os.cpu_count()} CPUs, "
              f"load {os.getloadavg()[0]:.1f}", flush=True)
        dice = random.Random(1)
        flows = options.rows // options.hosts
        took = plain = compressed = rows = 0
        for client in range(0, options.hosts, 2):
            for lines in pair(dice, client, flows):
                seconds, size = insert(server.port, database.name, "ends", lines)
                took += seconds
                plain += len(lines)
                compressed += size
                rows += flows
            if client % 10 == 0:
                insert(server.port, database.name, "minutes", minutes(client))
        print(f"{rows} rows of {plain / rows:.0f} bytes as JSON, {compressed / rows:.0f} compressed: {rows / took:.0f} rows/s, "
              f"{rows // flows} inserts of {flows} rows, load {os.getloadavg()[0]:.1f}", flush=True)
        time.sleep(20)
        for table, (size, there, parts) in sizes(database).items():
            print(f"{table}: {there} rows in {parts} parts, {size / there:.1f} bytes a row on disk", flush=True)
        for number in range(options.copies):
            copy(database, options.hosts, number + 1)
        if options.copies:
            time.sleep(20)
            print(f"with copies: {database.ask('SELECT count(), uniqExact(host) FROM ends').split()} rows and hosts, "
                  f"load {os.getloadavg()[0]:.1f}", flush=True)
        for question in sorted(QUESTIONS.glob("*.sql")):
            begin = time.monotonic()
            try:
                number = len(database.question(question.stem))
                print(f"{question.stem}: {time.monotonic() - begin:.1f} s, {number} rows", flush=True)
            except Failed as failure:
                print(f"{question.stem}: failed after {time.monotonic() - begin:.1f} s: {str(failure)[:300]}", flush=True)
    finally:
        server.end()


def run_it():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=["debian", "current"], default="debian")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--copies", type=int, default=0)
    parser.add_argument("--folder", default=None, help="where the data is for that time (5 GB)")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tcpdwell-volume-", dir=options.folder))
    try:
        measure(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run_it()
