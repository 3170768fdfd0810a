#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Readiness, watchdog, sockets from the service manager, the journal, SIGHUP, kill -9, and a second daemon."""
import os
import signal
import socket
import subprocess
import threading
import time

from served import Served, expect, main


def perform(stage):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(stage.folder / "notify"))
    manager.settimeout(20)
    inherited = socket.socket(socket.AF_UNIX)
    inherited.bind(str(stage.folder / "given.sock"))
    inherited.listen()
    config = stage.folder / "serve.toml"
    config.write_text('window = "5m"\nthreshold = ["close_wait_leak.age=70s"]\nmax-services = 7\n')
    journal = os.open(stage.folder / "journal", os.O_WRONLY | os.O_CREAT)
    status = os.fstat(journal)
    environment = dict(os.environ, NOTIFY_SOCKET=str(stage.folder / "notify"), WATCHDOG_USEC="400000",
                       LISTEN_FDS="1", JOURNAL_STREAM=f"{status.st_dev}:{status.st_ino}")

    def before():
        os.dup2(inherited.fileno(), 3)
        os.dup2(journal, 2)
        os.environ["LISTEN_PID"] = str(os.getpid())

    # Popen hands over an environment that is made before the fork: a shell puts in whom the sockets are for.
    wrapper = stage.folder / "wrapped"
    wrapper.write_text(f'#!/bin/sh\nLISTEN_PID=$$ exec {stage.tcpdwell} "$@"\n')
    wrapper.chmod(0o755)
    real, stage.tcpdwell = stage.tcpdwell, str(wrapper)
    served = Served(stage, "--config", str(config), environment=environment, pass_fds=(3,), before=before)
    stage.tcpdwell = real

    said = [manager.recv(4096).decode()]
    until = time.monotonic() + 10
    while said.count("WATCHDOG=1") < 4 and time.monotonic() < until:
        said.append(manager.recv(4096).decode())
    expect(said[0].startswith("READY=1\nSTATUS=tracing"), said)
    expect(said.count("WATCHDOG=1") >= 4, said)
    given = socket.socket(socket.AF_UNIX)
    given.connect(str(stage.folder / "given.sock"))
    given.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
    expect(b"200 OK" in given.recv(4096), "the inherited socket")

    def journal_text():
        return (stage.folder / "journal").read_text()

    expect(journal_text().startswith("<6>serving at "), journal_text())

    # SIGHUP: good, then bad, then one that takes a restart.
    for text, phrase in (('window = "6m"\nmax-services = 7\n', "was read again"),
                         ('window = "6m"\nno-such = 1\n', "there is no option --no-such"),
                         ('threshold = ["no.such=1"]\n', "nothing was changed"),
                         ('window = "6m"\nmax-services = 8\n', "--max-services has changed, which takes a restart")):
        config.write_text(text)
        os.chmod(config, 0o644)
        served.process.send_signal(signal.SIGHUP)
        stage.until(lambda: phrase in journal_text(), f"{phrase}: {journal_text()}")
        expect(served.get("/healthz")[0] == 200, "after SIGHUP")
    expect("<3>" in journal_text() and "<4>" in journal_text(), journal_text())

    def refused(*words):
        done = subprocess.run([stage.tcpdwell, "serve", *words], capture_output=True, text=True, timeout=60,
                              preexec_fn=lambda: stage.before_exec(stage.net.fd))
        return done.returncode, done.stderr

    # A second one, where the first listens.
    code, text = refused("--listen", f"unix:{served.socket}")
    expect(code == 1 and "another tcpdwell serve" in text, text)
    # The queue has room for some datagrams only, and it is full of signs of life.
    listening = threading.Thread(target=lambda: [said.append(manager.recv(4096).decode())
                                                 for _ in iter(lambda: "STOPPING=1" in said, True)])
    listening.start()
    time.sleep(1)
    served.process.send_signal(signal.SIGTERM)
    listening.join(timeout=20)
    expect("STOPPING=1" in said, said[-5:])
    expect(served.process.wait(timeout=20) == 0, journal_text())

    taken = socket.socket()
    taken.bind(("127.0.0.1", 9469))
    taken.listen()
    code, text = refused()
    expect(code == 1 and "127.0.0.1:9469: Address already in use" in text and "--listen" in text, text)
    for words, phrase in ((("--listen", "nonsense"), "not HOST:PORT"), (("--listen", "203.0.113.9:80"), "doesn't have"),
                          (("--config", "/no/such"), "cannot read /no/such"), (("--trigger", "time_wait>1"), "--write"),
                          (("-w", str(stage.folder / "x")), "--keep"),
                          (("--window", "2d"), "--window is from 1s to 24h"),
                          (("--threshold", "no.such=1"), "no.such")):
        code, text = refused(*words)
        expect(code in (1, 2) and phrase in text, f"{words}: {code} {text}")

    # After kill -9 the next one starts where the last one was, and reads what it has written.
    folder = stage.folder / "held"
    killed = Served(stage, "-w", str(folder), "--keep", "1h")
    second = refused("-w", str(folder), "--keep", "1h", "--listen", f"unix:{stage.folder}/second")
    expect(second[0] == 1 and "held" in second[1], second)
    time.sleep(2)
    killed.end(signal.SIGKILL)
    stage.traces -= 1  # the same socket
    again = Served(stage, "-w", str(folder), "--keep", "1h")
    again.end()
    expect(len(list(folder.glob("*.tdw"))) >= 2, "the segment of the killed one is gone")
    stage.tcpdwell_says("report", "-q", "-r", str(folder))


main(perform)
