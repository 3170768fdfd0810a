# SPDX-License-Identifier: Apache-2.0
"""A proxy before a server that misbehaves as a test asks for."""
import http.client
import http.server
import threading


class Proxy:
    """`act(number of the insert, from 1)` says what becomes of it: None (all is well), "swallow" (the server has it, the
    answer is lost), "break" (half an answer), or (status, text) as an answer without the server."""

    def __init__(self, port, act=lambda number: None):
        self.act = act
        self.inserts = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                what = None
                if "INSERT" in self.path:
                    outer.inserts += 1
                    what = outer.act(outer.inserts)
                if isinstance(what, tuple):
                    self.reply(what[0], what[1].encode())
                    return
                try:
                    server = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                    server.request("POST", self.path, body, {name: value for name, value in self.headers.items()
                                                             if name in ("Content-Encoding", "Content-Type")})
                    answer = server.getresponse()
                    text = answer.read()
                except OSError as error:
                    self.reply(502, str(error).encode())
                    return
                if what == "swallow":
                    self.close_connection = True
                    return
                if what == "break":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
                    self.close_connection = True
                    return
                self.reply(answer.status, text)

            def reply(self, status, text):
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()
