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


PREFIX = "tcpdwell-diagnosis-"  # of an instance of ftrace; a process's number follows


def remove_instance(instance):
    with contextlib.suppress(OSError):
        (instance / "events/enable").write_text("0")
        instance.rmdir()


def remove_stale_instances(instances):
    """Of tests that were killed: they go on recording, which slows down every state change of the machine."""
    for instance in instances.glob(PREFIX + "*"):
        if not os.path.exists("/proc/" + instance.name[len(PREFIX):]):
            remove_instance(instance)


class Monitor:
    """An instance of ftrace, which records TCP's events in those tasks."""

    def __init__(self):
        self.instance = self.mount = None
        tasks = protected_tasks() if os.geteuid() == 0 else ()
        if not tasks:
            return
        tracing = pathlib.Path("/sys/kernel/tracing")
        if not (tracing / "instances").exists():
            tracing = self.mount_tracefs()
            if tracing is None:
                return
        remove_stale_instances(tracing / "instances")
        instance = tracing / "instances" / f"{PREFIX}{os.getpid()}"
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

    def mount_tracefs(self):
        """Detached at once, so that nothing is left behind if this process is killed."""
        folder = tempfile.mkdtemp(prefix="tcpdwell-tracefs.")
        if subprocess.run(["mount", "-t", "tracefs", "tracefs", folder], check=False).returncode == 0:
            self.mount = os.open(folder, os.O_PATH | os.O_DIRECTORY)
            subprocess.run(["umount", "-l", folder], check=False)
        os.rmdir(folder)
        return None if self.mount is None else pathlib.Path(f"/proc/self/fd/{self.mount}")

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
            remove_instance(self.instance)
        if self.mount is not None:
            os.close(self.mount)
