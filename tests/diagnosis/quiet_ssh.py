#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sessions of ssh that are idle for a while, on connections that a process of its own serves, and one that ends."""
import os
import subprocess
import time

from harness import main


def perform(stage):
    for name in "host", "user":
        stage.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stage.folder / name))
    os.makedirs("/run/sshd", exist_ok=True)
    stage.start("/usr/sbin/sshd", "-D", "-e", "-f", stage.write("sshd_config", f"""
ListenAddress 127.0.0.1:2240
HostKey {stage.folder}/host
AuthorizedKeysFile {stage.folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
"""))
    stage.await_listener(2240)
    words = ["ssh", "-F", "none", "-p", "2240", "-i", str(stage.folder / "user"), "-o", "StrictHostKeyChecking=no",
             "-o", "UserKnownHostsFile=/dev/null", "root@127.0.0.1"]
    stage.until(lambda: "works" in stage.run(*words, "echo works", may_fail=True), "ssh works")
    trace = stage.trace()
    sessions = [stage.start(*words, "cat", stdin=subprocess.PIPE) for _ in range(4)]
    time.sleep(4)
    for session in sessions[:2]:
        session.stdin.close()
        session.wait()
    stage.run(*words, "true")
    trace.expect()


main(perform)
