#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a trigger saves is listed, and can be fetched: byte for byte, and nothing else."""
import re
import subprocess

from served import Served, connect, expect, main


def perform(stage):
    stage.start("redis-server", "--port", "6402", "--save", "")
    stage.await_listener(6402)
    folder = stage.folder / "held"
    served = Served(stage, "-w", str(folder), "--keep", "1m", "--trigger", "established>5", "--after", "1s")
    expect("None." in served.text("/recordings"), "a list of nothing")
    (stage.folder / "secret.tdw").write_text("secret")
    kept = [connect(6402) for _ in range(10)]
    stage.until(lambda: list(folder.glob("saved-*/*.tdw")), "a saved recording")
    stage.until(lambda: "saved-" in served.text("/recordings"), "a list")
    links = re.findall(r'href="(/recordings/[^"]+)"', served.text("/recordings"))
    expect(links, "no link")
    stage.until(lambda: served.get(links[0])[2] == next(folder.glob("saved-*/*.tdw")).read_bytes(),
                "the file as it is")  # it grows until it is closed
    saved = links[0].split("/")[2]
    for path in (f"/recordings/{saved}/../../secret.tdw", "/recordings/../secret.tdw", f"/recordings/{saved}/",
                 f"/recordings/{saved}", f"/recordings//{saved}", "/recordings/./x", f"/recordings/{saved}/lock",
                 f"/recordings/{saved}/%2e%2e%2f%2e%2e%2fsecret.tdw", f"/recordings/{folder}/x.tdw"):
        status, _, body = served.get(path)
        expect(status == 404 and b"secret\n" != body[:7] and body != b"secret", f"{path}: {status} {body[:100]!r}")
    for connection in kept:
        connection.close()
    served.end()
    fetched = stage.folder / "fetched.tdw"
    fetched.write_bytes(next(folder.glob("saved-*/*.tdw")).read_bytes())
    done = subprocess.run([stage.tcpdwell, "info", str(fetched)], capture_output=True, text=True)
    expect(done.returncode == 0, done.stderr)


main(perform)
