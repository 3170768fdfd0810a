#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""serve --export: each connection that ends while it traces comes to the server once, over a server that is away, a kill
-9 of it or of its process that sends, and a restart; the metrics have the same number of rows. A second one on the host
warns. (A real ClickHouse takes the rows in tests/fleet.)"""
import gzip
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import socketserver
import threading
import urllib.parse

from served import Served, connect, expect, main, total

PORT = 8190
SERVICE = 6410


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Enough of ClickHouse to take rows."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        self.rows = {}  # by table
        super().__init__(("127.0.0.1", PORT), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def end(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get("query", [""])[0]
        insert = re.fullmatch(r"INSERT INTO fleet\.(\w+) FORMAT JSONEachRow", query)
        answer = b""
        if insert:
            lines = gzip.decompress(body).decode()
            self.server.rows.setdefault(insert[1], []).extend(json.loads(line) for line in lines.splitlines())
        else:
            answer = b"input_format_skip_unknown_fields\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Connection", "close")  # so that nobody answers any more after end()
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def listener():
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", SERVICE))
    sock.listen(64)
    return sock


def converse(server, count):
    """Connections that the server closes first, with an RST: nothing of them stays."""
    for _ in range(count):
        client = connect(SERVICE)
        accepted, _ = server.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        accepted.close()
        client.close()


def of_service(server):
    return [row for row in server.rows.get("ends", []) if row.get("local_port") == SERVICE]


def child_called(pid, name):
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if pathlib.Path(f"/proc/{child}/comm").read_text() == name + "\n":
            return int(child)
    return None


def kill_sender(stage, served):
    """The tracer has given up the rights to start another one by now."""
    supervisor = child_called(served.process.pid, "tcpdwell-superv")
    killed = child_called(supervisor, "tcpdwell-sender")
    os.kill(killed, signal.SIGKILL)
    stage.until(lambda: child_called(supervisor, "tcpdwell-sender") not in (None, killed), "another process that sends", 20)
    expect("has ended (signal 9); another one is started in" in served.said(), served.said())


def perform(stage):
    spool = stage.folder / "spool"
    options = ("--export", f"http://127.0.0.1:{PORT}/fleet", "--spool", str(spool), "--zone", "here")
    service = listener()
    served = Served(stage, *options)  # the server is away
    converse(service, 20)
    stage.until(lambda: list(spool.glob("*-ends-*")), "a batch that waits", 40)
    stage.until(lambda: "cannot send to ClickHouse" in served.said(), "words on the server that is away", 20)
    expect(total(served.samples(), "export_rows_total", result="sent") == 0, "sent to nobody")
    served.end(signal.SIGKILL)  # what waits is on disk
    server = Server()
    served = Served(stage, *options)
    stage.until(lambda: len(of_service(server)) == 20, "the rows of before", 40)
    kill_sender(stage, served)
    converse(service, 30)
    stage.until(lambda: len(of_service(server)) == 50, "the rows of now", 40)
    stage.until(lambda: not list(spool.glob("*.json.gz*")), "an empty spool", 40)
    # The sender removes a batch before the tracer has heard of it.
    stage.until(lambda: total(served.samples(), "export_rows_total", result="sent") == sum(map(len, server.rows.values())),
                "the number of rows in the metrics", 20)
    samples = served.samples()
    for result in ("rejected", "dropped"):
        expect(total(samples, "export_rows_total", result=result) == 0, f"rows {result}")
    ends = of_service(server)
    expect(len({row["conn"] for row in ends}) == 50, "a connection twice")
    for row in ends:
        expect((row["role"], row["closed_first"], row["ending"], row["zone"], row["weight"]) ==
               ("server", "local", "reset_sent", "here", 1), f"{row}")
    clients = [row for row in server.rows["ends"] if row.get("remote_port") == SERVICE]
    expect({row["flow"] for row in clients} == {row["flow"] for row in ends}, "flows of the other ends")
    expect(len(clients) == 50, f"{len(clients)} other ends")

    # What has ended when it is asked to end is on disk, and the next start sends it.
    server.end()
    converse(service, 7)
    served.end()
    server = Server()
    served = Served(stage, *options)
    stage.until(lambda: len(of_service(server)) == 7, "the rows of the end", 40)

    # Another one on this host, to the same server.
    second = Served(stage, *options[:2], "--spool", str(stage.folder / "spool-of-another"))
    expect("another tcpdwell on this host exports to" in second.said(), second.said())
    expect("another tcpdwell" not in served.said(), f"there was none: {served.said()}")
    second.end()
    served.end()


main(perform)
