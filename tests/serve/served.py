# SPDX-License-Identifier: Apache-2.0
"""`tcpdwell serve` on a stage of the harness, and what it answers."""
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "diagnosis"))

from harness import Failed, Skip, connect, main, tracing_allowed  # noqa: E402,F401
from prometheus_client import parser  # noqa: E402
from prometheus_client.openmetrics import parser as openmetrics  # noqa: E402

PORT = 9469


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Served:
    """The daemon, on the stage's namespace alone or on `net`, at a Unix socket that is no traffic of its own."""

    def __init__(self, stage, *options, net=None, environment=None, pass_fds=(), before=None):
        self.stage = stage
        stage.traces += 1
        self.socket = stage.folder / f"http{stage.traces}.sock"
        self.complaints = stage.folder / f"serve{stage.traces}.err"
        words = [stage.tcpdwell, "serve", "--netns", str((net or stage.net).inode), "--listen", f"unix:{self.socket}", *options]

        def prepare():
            stage.before_exec(stage.net.fd)
            if before:
                before()

        with open(self.complaints, "wb") as err:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err,
                                            env=environment, pass_fds=pass_fds, preexec_fn=prepare)
        until = time.monotonic() + 60
        while True:
            if self.process.poll() == 3 and not tracing_allowed(stage):
                raise Skip(self.said())
            if self.process.poll() is not None or time.monotonic() > until:
                raise Failed(f"serve doesn't serve: {self.said()}")
            try:
                if self.get("/healthz")[0] == 200:
                    break
            except OSError:
                time.sleep(0.02)
        time.sleep(0.5)  # it reads the kernel's tables

    def said(self):
        return self.complaints.read_text()

    def get(self, path, method="GET", **headers):
        """Status, headers, body."""
        connection = UnixConnection(self.socket)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), body

    def text(self, path, **headers):
        status, _, body = self.get(path, **headers)
        if status != 200:
            raise Failed(f"{path}: {status}: {body[:200]!r}")
        return body.decode()

    def samples(self, **headers):
        return samples_of(self.text("/metrics", **headers))

    def end(self, number=signal.SIGTERM):
        """Ends it; the seconds that it took."""
        begin = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(timeout=30)
        if number != signal.SIGKILL and status != 0:
            raise Failed(f"serve ended with status {status}: {self.said()}")
        return time.monotonic() - begin


def samples_of(text):
    """{(name, labels): value} of Prometheus's text, or of OpenMetrics by a strict parser."""
    parse = openmetrics if text.endswith("# EOF\n") else parser
    found = {}
    for family in parse.text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {k: str(float(v)) if k == "le" else v for k, v in sample.labels.items()}
            key = sample.name, tuple(sorted(labels.items()))
            if key in found:
                raise Failed(f"twice: {key}")
            found[key] = sample.value
    return found


def total(samples, name, **labels):
    return sum(value for (sample, own), value in samples.items()
               if sample == f"tcpdwell_{name}" and labels.items() <= dict(own).items())


def expect(condition, what):
    if not condition:
        raise Failed(what)
