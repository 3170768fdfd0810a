# SPDX-License-Identifier: Apache-2.0
"""Incidents re-enacted with real programs in network namespaces of their own, and what the report has to find in them.

A test is a file with a function that sets up, traces, makes the traffic and says what it expects:

    def perform(stage):
        stage.start("redis-server", "--port", "6400")
        stage.await_listener(6400)
        trace = stage.trace()
        ...
        trace.expect(Finding("accept_stalled", sockets=7, what=["redis-server"]))

    main(perform)

Nothing else may be found: warnings, critical ones and infos are all listed. The report that was made live, the one of
its recording and the one of the anonymized recording have to be the same.

TCPDWELL is the program. With TCPDWELL_KEEP_RECORDINGS=FOLDER the anonymized recordings are kept there, with the options
of the report beside them. What failed leaves its recording in the current folder, as NAME.failed.tdw.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import hidden_events
from judgement import Finding, differences, faults_of, without_names  # noqa: F401

LIMIT_S = 100  # ctest kills at 120 s, which would leave what we started
SKIPPED = 77
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 15, 36
libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """What was expected didn't come."""


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


class Net:
    """A network namespace, for as long as the process that holds it."""

    def __init__(self, stage):
        ready, tell = os.pipe()

        def hold():
            check(libc.unshare(CLONE_NEWNET), "unshare")
            os.write(tell, b"1")
            signal.pause()

        self.pid = stage.fork("netns", hold)
        os.close(tell)
        if os.read(ready, 1) != b"1":
            raise Failed("no network namespace")
        os.close(ready)
        self.fd = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.inode = os.fstat(self.fd).st_ino

    def enter(self):
        check(libc.setns(self.fd, CLONE_NEWNET), "setns")


class Trace:
    """`report` while it traces."""

    def __init__(self, stage, number, nets, options):
        self.stage, self.options = stage, list(options)
        self.name = stage.name if number == 0 else f"{stage.name}_{number + 1}"
        self.recording = stage.folder / f"{self.name}.tdw"
        self.complaints = stage.folder / f"{self.name}.err"
        words = [stage.tcpdwell, "report", "-f", "json", "--netns", ",".join(str(net.inode) for net in nets),
                 "--force", "-w", str(self.recording), *self.options]
        with open(self.complaints, "wb") as err:
            self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=err,
                                            preexec_fn=lambda: stage.before_exec(stage.host))
        until = time.monotonic() + 60
        while "tracing; Ctrl-C ends it" not in self.said():
            if self.process.poll() == 3 and "refuses" not in self.said() and not tracing_allowed(stage):
                raise Skip(self.said())
            if self.process.poll() is not None or time.monotonic() > until:
                raise Failed(f"report doesn't trace: {self.said()}")
            time.sleep(0.02)
        time.sleep(0.5)  # it reads the kernel's tables

    def said(self):
        return self.complaints.read_text()

    def expect(self, *expected, may=()):
        """Ends the trace, and fails unless exactly this is found. `may`: ids of infos that depend on the moment."""
        time.sleep(0.2)  # what is under way ends
        self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=60)
        if self.process.returncode != 0:
            raise Failed(f"status {self.process.returncode}: {self.said()}")
        report = json.loads(out)
        copy = self.recording.with_suffix(".anonymous.tdw")
        self.stage.tcpdwell_says("copy", "--force", "-r", str(self.recording), "-o", str(copy), "--anonymize", "-q")
        faults = list(faults_of(report, expected, may, self.stage.hidden.count()))
        faults += differences("the recording", report, self.replay(self.recording), lambda finding: finding)
        faults += differences("the anonymized recording", report, self.replay(copy), without_names)
        if faults:
            shutil.copy(self.recording, f"{self.name}.failed.tdw")
            for finding in report["findings"]:
                finding.pop("timeline", None)
            print(json.dumps(report["findings"], indent=1), json.dumps(report["quality"]), sep="\n")
            raise Failed("\n".join([f"{self.name}:", *faults]))
        if folder := os.environ.get("TCPDWELL_KEEP_RECORDINGS"):
            shutil.copy(copy, os.path.join(folder, f"{self.name}.tdw"))
            if self.options:
                pathlib.Path(folder, f"{self.name}.options").write_text(" ".join(self.options) + "\n")
        print(f"{self.name}: {[finding['id'] for finding in report['findings']]}, {copy.stat().st_size} bytes")

    def replay(self, recording):
        return json.loads(self.stage.tcpdwell_says("report", "-r", str(recording), "-f", "json", *self.options))

class Skip(Exception):
    """This host can't trace."""


def tracing_allowed(stage):
    """Whether the kernel takes a program that traces, whatever tcpdwell says: it is skipped only where the kernel
    refuses."""
    program = ctypes.create_string_buffer(bytes([0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]))
    text = ctypes.create_string_buffer(b"GPL")
    # bpf_attr: prog_type BPF_PROG_TYPE_TRACEPOINT, insn_cnt, insns, license
    attributes = ctypes.create_string_buffer(
        b"".join((number.to_bytes(size, "little") for number, size in (
            (5, 4), (2, 4), (ctypes.addressof(program), 8), (ctypes.addressof(text), 8)))), 128)
    system_call = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    fd = libc.syscall(system_call, 5, attributes, 128)
    if fd >= 0:
        os.close(fd)
    return fd >= 0


class Stage:
    """Everything that a test makes, which is gone when it ends."""

    def __init__(self, name):
        self.name = name
        self.tcpdwell = os.environ["TCPDWELL"]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tcpdwell-diagnosis-"))
        self.folder.chmod(0o755)  # servers that give up root
        self.hidden = hidden_events.Monitor()
        self.traces = 0
        self.host = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        check(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")  # daemons come back to us
        self.net = self.new_net()
        self.net.enter()

    # -- set-up --------------------------------------------------------------------------------

    def new_net(self):
        net = Net(self)
        self.ip("link", "set", "lo", "up", net=net)
        return net

    def ip(self, *words, net=None):
        self.run("ip", *words, net=net)

    def link(self, address, net, other_address):
        """Connects the stage's namespace with that one."""
        self.ip("link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(net.pid))
        for end, ip_address, where in ("near", address, self.net), ("far", other_address, net):
            self.ip("address", "add", ip_address, "dev", end, net=where)
            self.ip("link", "set", end, "up", net=where)

    def sysctl(self, name, value, net=None):
        with self.inside(net or self.net):
            pathlib.Path("/proc/sys/net", name).write_text(str(value))

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    # -- programs ------------------------------------------------------------------------------

    def before_exec(self, namespace_fd, user=None):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if namespace_fd is not None:
            libc.setns(namespace_fd, CLONE_NEWNET)

    def start(self, *words, net=None, **options):
        """A program in the background, in the stage's namespace or another one."""
        options.setdefault("stdout", open(self.folder / "output", "ab"))
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(words, stderr=subprocess.STDOUT, cwd=self.folder,
                                preexec_fn=lambda: self.before_exec(net and net.fd), **options)

    def run(self, *words, net=None, may_fail=False, **options):
        """A program until its end; its output."""
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder,
                              stdin=subprocess.DEVNULL, preexec_fn=lambda: self.before_exec(net and net.fd), **options)
        if done.returncode != 0 and not may_fail:
            raise Failed(f"{' '.join(words)}: status {done.returncode}: {done.stdout}")
        return done.stdout

    def fork(self, name, function, *arguments, net=None):
        """A process of that name that calls it; its pid."""
        pid = os.fork()
        if pid != 0:
            return pid
        try:
            signal.alarm(0)
            libc.prctl(PR_SET_NAME, name.encode(), 0, 0, 0)
            self.before_exec(net and net.fd)
            function(*arguments)
        except BaseException as error:  # the child must not go on with the parent's work
            print(f"{name}: {error!r}", file=sys.stderr, flush=True)
        finally:
            os._exit(0)

    def nginx(self, server, main="", http="", workers=1):
        """nginx with that in its server block; the pids of its workers."""
        config = self.write("nginx.conf", f"""
            daemon off; worker_processes {workers}; pid {self.folder}/nginx.pid; error_log {self.folder}/nginx.log;
            {main}
            events {{ worker_connections 1000; }}
            http {{ access_log off; {http} {' '.join(
                f'{kind}_temp_path {self.folder}/{kind};'
                for kind in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))}
                server {{ {server} }} }}""")
        process = self.start("nginx", "-c", config, "-e", str(self.folder / "nginx.log"))
        self.until(lambda: len(children(process.pid)) >= workers, "nginx's workers")
        return process, children(process.pid)

    def haproxy(self, config, *words):
        """haproxy with that configuration, after the usual defaults."""
        return self.start("haproxy", "-f", self.write("haproxy.cfg", f"""
defaults
  timeout connect 2s
  timeout client 10s
  timeout server 10s
{config}
"""), *(words or ("-db",)))

    def gunicorn(self, application, *words, workers=1):
        """gunicorn with that body of application(environ, start); the process and the pids of its workers."""
        self.write("application.py", application)
        process = self.start("gunicorn", "-w", str(workers), *words, "application:application")
        self.until(lambda: len(children(process.pid)) >= workers, "gunicorn's workers")
        return process, children(process.pid)

    # -- waiting -------------------------------------------------------------------------------

    def until(self, condition, what, limit=20):
        end = time.monotonic() + limit
        while not condition():
            if time.monotonic() > end:
                raise Failed(f"in vain: {what}\n{self.output()[-2000:]}")
            time.sleep(0.02)

    def output(self):
        """Of all programs that run in the background."""
        path = self.folder / "output"
        return path.read_text(errors="replace") if path.exists() else ""

    def sockets(self, state, local_port=None, remote_port=None, net=None):
        """How many sockets are in that state (by its number in /proc), by their ports."""
        count = 0
        for table in "tcp", "tcp6":
            for line in pathlib.Path(f"/proc/{(net or self.net).pid}/net/{table}").read_text().splitlines()[1:]:
                local, remote, number = line.split()[1:4]
                count += (int(number, 16) == state and
                          local_port in (None, int(local.rsplit(":", 1)[1], 16)) and
                          remote_port in (None, int(remote.rsplit(":", 1)[1], 16)))
        return count

    def await_listener(self, port, net=None):
        self.until(lambda: self.sockets(LISTEN, port, net=net) > 0, f"a listener on port {port}")

    def await_sockets(self, count, state, local_port=None, remote_port=None, net=None):
        self.until(lambda: self.sockets(state, local_port, remote_port, net) == count,
                   f"{count} sockets in state {state}, ports {local_port} {remote_port}")

    # -- tracing -------------------------------------------------------------------------------

    def trace(self, *options, nets=None):
        """`report` on that namespace (these), from now on."""
        self.traces += 1
        return Trace(self, self.traces - 1, nets or [self.net], options)

    def tcpdwell_says(self, *words):
        return subprocess.run([self.tcpdwell, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              check=True, timeout=60).stdout

    @contextlib.contextmanager
    def inside(self, net):
        net.enter()
        try:
            yield
        finally:
            self.net.enter()

    def end(self):
        until = time.monotonic() + 10
        while (left := children(os.getpid())) and time.monotonic() < until:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            # Their children become ours.
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            time.sleep(0.02)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.hidden.end()


ESTABLISHED, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE_WAIT, LISTEN = 1, 4, 5, 6, 8, 10


def children(pid):
    try:
        return [int(child) for task in os.listdir(f"/proc/{pid}/task")
                for child in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except FileNotFoundError:
        return []


def connect(port, address="127.0.0.1", **options):
    """A connection that a program has made and goes on with."""
    connection = socket.create_connection((address, port), timeout=20, **options)
    return connection


def main(perform):
    def give_up(*_):
        raise Failed(f"not done after {LIMIT_S} s")

    for number in signal.SIGALRM, signal.SIGTERM, signal.SIGINT:
        signal.signal(number, give_up)
    signal.alarm(LIMIT_S)
    if os.geteuid() != 0:
        print("skipped: not root")
        sys.exit(SKIPPED)
    stage = Stage(pathlib.Path(sys.argv[0]).stem)
    begin = time.monotonic()
    try:
        perform(stage)
        if stage.traces == 0:
            raise Failed("nothing was traced")
        print(f"passed in {time.monotonic() - begin:.1f} s")
    except Skip as reason:
        print(f"skipped: this kernel doesn't let us trace: {reason}")
        sys.exit(SKIPPED)
    except Failed as failure:
        print(f"FAILED: {failure}")
        sys.exit(1)
    finally:
        signal.alarm(0)
        stage.end()
