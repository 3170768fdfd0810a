#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that is full costs what is recorded meanwhile, and nothing else: it is said, and over when there is room."""
import ctypes
import os
import re

from served import Served, connect, expect, main, total
from harness import check, libc

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
PORT = 6403


def perform(stage):
    check(libc.unshare(CLONE_NEWNS), "unshare")
    check(libc.mount(None, b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None), "mount")
    small = stage.folder / "small"
    small.mkdir()
    check(libc.mount(b"small", str(small).encode(), b"tmpfs", ctypes.c_ulong(0), b"size=1m"), "mount")
    stage.start("redis-server", "--port", str(PORT), "--save", "")
    stage.await_listener(PORT)
    folder = small / "held"
    served = Served(stage, "-w", str(folder), "--keep", "1h")
    expect(served.text("/healthz") == "tracing\n", "healthy")

    made = 0

    def some(number):
        nonlocal made
        made += number
        for _ in range(number):
            connect(PORT).close()

    def all_are_counted():
        return total(served.samples(), "connections_ended_total", service=f"redis-server:{PORT}") == made

    def recorded():
        lines = stage.tcpdwell_says("trace", "-q", "-r", str(folder), "-c", "--role", "server", "--format", "jsonl")
        return len(lines.splitlines())

    some(20)
    stage.until(all_are_counted, "what was before")
    stage.until(lambda: recorded() >= 20, "what was before in the file")
    ballast = os.open(small / "ballast", os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(ballast, b"x" * 4096)
    except OSError:
        pass

    def is_full():  # there is room left in the page that the file ends in
        some(20)
        return "not recorded: cannot write" in served.text("/healthz")
    stage.until(is_full, "that the disk is full")
    expect("No space left on device" in served.text("/healthz"), served.text("/healthz"))
    expect(re.search("No space left on device.*tracing goes on", served.said()), served.said())
    some(10)
    stage.until(all_are_counted, "metrics while the disk is full")
    expect(served.get("/report")[0] == 200, "the report while the disk is full")

    os.ftruncate(ballast, 0)
    os.close(ballast)
    stage.until(lambda: served.text("/healthz") == "tracing\n", "that it records again")
    expect("is written again" in served.said(), served.said())
    some(7)
    stage.until(all_are_counted, "metrics afterwards")
    samples = served.samples()
    expect(total(samples, "events_lost_total") == 0, "events were lost")
    expect(served.said().count("No space left") == 1, f"it is said once: {served.said()}")
    served.end()
    # What could be written can be read: the first connections and the last, with a hole between.
    expect(27 <= recorded() < made, f"{recorded()} of {made} connections")


main(perform)
