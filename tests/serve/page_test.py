#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Chromium opens /report while traffic runs: it shows the report, and loads it anew by itself."""
import http.server
import re
import shutil
import sys
import threading
import time

from served import Served, expect, main


def perform(stage):
    if not shutil.which("chromium"):
        print("skipped: no chromium")
        sys.exit(77)
    stage.nginx("listen 127.0.0.1:8320; keepalive_timeout 0; return 200 hello;")
    stage.await_listener(8320)
    served = Served(stage)
    pages = []

    class Counting(http.server.BaseHTTPRequestHandler):
        """Hands requests on, and keeps what was answered."""

        def do_GET(self):
            status, headers, body = served.get(self.path)
            if self.path == "/report":
                pages.append(body.decode())
            self.send_response(status)
            for name in "Content-Type", "Refresh":
                if name in headers:
                    self.send_header(name, headers[name])
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 8321), Counting)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={stage.folder}/chromium",
             "--disable-background-networking", "--no-first-run"]
    stage.run("ab", "-n", "120", "-c", "2", "http://127.0.0.1:8320/")
    shown = stage.run(*words, "--dump-dom", "http://127.0.0.1:8321/report", timeout=60)
    expect("nginx" in shown and "127.0.0.1:8320" in shown, "the page doesn't show the service")
    expect("server closes first" in shown.lower() or "closes first" in shown, "the page doesn't show the finding")
    pages.clear()
    stage.start(*words, "--remote-debugging-port=0", "http://127.0.0.1:8321/report")
    stage.until(lambda: len(pages) == 1, "the first page", limit=30)
    stage.run("ab", "-n", "50", "-c", "2", "http://127.0.0.1:8320/")
    stage.until(lambda: len(pages) >= 2, "a page that was loaded anew", limit=30)
    ends = [re.search(r'"end":"([^"]+)"', page).group(1) for page in pages]
    expect(ends == sorted(set(ends)), f"pages of {ends}")
    time.sleep(0.1)
    served.end()


main(perform)
