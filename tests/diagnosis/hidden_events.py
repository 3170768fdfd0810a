# SPDX-License-Identifier: Apache-2.0
"""What tests/kernel/hidden_events.cpp explains: events that a machine hides from BPF programs, and ftrace sees."""
import contextlib
import os
import pathlib
import subprocess
import tempfile

EVENTS = ("sock/inet_sock_set_state", "tcp/tcp_receive_reset", "tcp/tcp_send_reset",
          "timer/timer_start", "timer/timer_cancel", "timer/timer_expire_entry")
# The functions of mini-sockets and requests, and no other timer.
SEEN = "inet_sock_set_state:", "_reset:", "tw_timer_handler", "reqsk_timer_handler"


def protected_tasks():
    """Names of the tasks that even root may not look into."""
    names = set()
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            os.readlink(f"/proc/{process}/ns/net")
        except PermissionError:
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{process}/task"):
                    names.add(pathlib.Path(f"/proc/{process}/task/{task}/comm").read_text().strip())
        except OSError:
            pass
    return names


class Monitor:
    """An instance of ftrace, which records TCP's events in those tasks."""

    def __init__(self):
        self.instance = self.mounted = None
        tasks = protected_tasks() if os.geteuid() == 0 else ()
        if not tasks:
            return
        tracing = pathlib.Path("/sys/kernel/tracing")
        if not (tracing / "instances").exists():
            self.mounted = tracing = pathlib.Path(tempfile.mkdtemp(prefix="tcpdwell-tracefs."))
            if subprocess.run(["mount", "-t", "tracefs", "tracefs", str(tracing)], check=False).returncode != 0:
                os.rmdir(tracing)
                self.mounted = None
                return
        instance = tracing / "instances" / f"tcpdwell-diagnosis-{os.getpid()}"
        try:
            instance.mkdir()
        except OSError:
            return
        self.instance = instance
        condition = " || ".join(f'COMM == "{task}"' for task in sorted(tasks))
        for event in EVENTS:
            with contextlib.suppress(OSError):
                (instance / "events" / event / "filter").write_text(condition)
                (instance / "events" / event / "enable").write_text("1")

    def count(self):
        """How many there were until now, in any network namespace."""
        if self.instance is None:
            return 0
        with open(self.instance / "trace", encoding="utf-8", errors="replace") as trace:
            return sum(any(word in line for word in SEEN) for line in trace)

    def end(self):
        if self.instance:
            hidden = self.count()
            if hidden:
                print(f"HIDDEN: {hidden} events in tasks that this machine hides from BPF programs")
            with contextlib.suppress(OSError):
                (self.instance / "events/enable").write_text("0")
                self.instance.rmdir()
        if self.mounted:
            if subprocess.run(["umount", "-l", str(self.mounted)], check=False).returncode == 0:
                os.rmdir(self.mounted)
