#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""haproxy with HTTP checks of three backends, under some load; then it is reloaded, and goes on."""
import signal
import time

from harness import Finding, main

PORTS = 8221, 8222, 8223


def perform(stage):
    stage.nginx(" ".join(f"listen 127.0.0.1:{port};" for port in PORTS) + "return 200 hello;")
    stage.await_listener(PORTS[-1])
    proxy = stage.haproxy(f"""
listen web
  bind 127.0.0.1:8220
  mode http
  option httpchk GET /health
  {chr(10).join(f'  server s{port} 127.0.0.1:{port} check inter 200ms' for port in PORTS)}""", "-W", "-db")
    stage.await_listener(8220)
    trace = stage.trace()
    stage.run("ab", "-k", "-n", "200", "-c", "4", "http://127.0.0.1:8220/")
    load = stage.start("sh", "-c", "for i in $(seq 80); do curl -s -o /dev/null http://127.0.0.1:8220/; done")
    time.sleep(0.5)
    proxy.send_signal(signal.SIGUSR2)
    load.wait()
    time.sleep(2)
    # haproxy ends its checks by an RST.
    trace.expect(Finding("time_wait_skipped", severity="info", what=["haproxy"]))


main(perform)
