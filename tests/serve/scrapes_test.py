#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scrapes, fifty a second, don't hold up the reading of events: as many connections as the machine makes, none lost."""
import threading
import time

from served import Served, UnixConnection, expect, main, samples_of, total

REQUESTS = 40_000
PERIOD = 0.02  # seconds


class Scraper(threading.Thread):
    """Asks in fixed steps, over one connection, until it is ended."""

    def __init__(self, served):
        super().__init__(daemon=True)
        self.connection = UnixConnection(served.socket)
        self.ended = threading.Event()
        self.answers, self.lasted = [], []

    def run(self):
        due = time.monotonic()
        while not self.ended.is_set():
            begin = time.monotonic()
            self.connection.request("GET", "/metrics")
            self.answers.append(self.connection.getresponse().read().decode())
            self.lasted.append(time.monotonic() - begin)
            due = max(due + PERIOD, time.monotonic() - 1)  # what is late is made up for
            time.sleep(max(0, due - time.monotonic()))

    def end(self):
        self.ended.set()
        self.join()
        return [total(samples_of(answer), "connections_opened_total", role="server") for answer in self.answers[::25]]


def passive_opens(stage):
    """By the kernel's count of the namespace."""
    names, values = [line.split() for line in stage.run("cat", "/proc/self/net/snmp").splitlines()
                     if line.startswith("Tcp:")]
    return int(values[names.index("PassiveOpens")])


def perform(stage):
    stage.nginx("listen 127.0.0.1:8310; keepalive_timeout 0; return 200 hello;")
    stage.await_listener(8310)
    served = Served(stage)
    before = passive_opens(stage)
    scraper = Scraper(served)
    scraper.start()
    begin = time.monotonic()
    stage.run("ab", "-q", "-n", str(REQUESTS), "-c", "20", "http://127.0.0.1:8310/")
    seconds = time.monotonic() - begin
    opened = scraper.end()
    time.sleep(0.5)
    samples = served.samples()
    took = sorted(scraper.lasted)
    print(f"{REQUESTS / seconds:.0f} connections/s beside {len(took) / seconds:.0f} scrapes/s, which took "
          f"{1000 * took[len(took) // 2]:.1f} ms, at most {1000 * took[-1]:.1f} ms")
    expect(opened == sorted(opened), "a counter went backwards")
    expect(len(took) > 5 * seconds, f"{len(took)} scrapes in {seconds:.1f} s")
    expect(total(samples, "events_lost_total") == 0, "events were lost")
    counted = total(samples, "connections_opened_total", role="server")
    expect(counted == passive_opens(stage) - before >= REQUESTS, f"{counted} connections of {passive_opens(stage) - before}")
    expect(served.end() < 5, "SIGTERM took longer than 5 s")


main(perform)
