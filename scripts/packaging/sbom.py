#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints a software bill of materials (CycloneDX 1.5, JSON) of a static build: what was compiled or linked in.

Usage: sbom.py VERSION BUILD-FOLDER LIBRARIES-FOLDER ARTEFACT...
LIBRARIES-FOLDER: where scripts/packaging/libraries has put static libraries.

Nothing is listed by hand: headers come from ninja's record of what was read, libraries from the linker's command line,
their packages and versions from dpkg.
"""
import datetime
import glob
import hashlib
import json
import os
import re
import subprocess
import sys
import uuid


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def files_used(build):
    """Headers and archives outside of the tree."""
    headers = set(re.findall(r"^ +(/usr/\S+)$", output("ninja", "-C", build, "-t", "deps"), re.M))
    link = output("ninja", "-C", build, "-t", "commands", "tcpdwell").splitlines()[-1]
    archives = set(re.findall(r"(?<=\s)(/\S+\.a)(?= |$)", link))
    if not headers or not archives:
        sys.exit("sbom.py: nothing was compiled or linked in " + build)
    # What the compiler adds on its own.
    for name in ("libc.a", "libstdc++.a", "libgcc.a"):
        archives.add(os.path.realpath(output("g++", "-print-file-name=" + name).strip()))
    return sorted(os.path.realpath(path) for path in headers | archives)


def packages_of(paths):
    """{package: [version, architecture]} of the installed Debian packages that the files are from."""
    names = set()
    for begin in range(0, len(paths), 500):
        found = subprocess.run(["dpkg", "-S", *paths[begin:begin + 500]], capture_output=True, text=True).stdout
        names |= {line.split(":")[0] for line in found.splitlines()}
    listed = output("dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}\n", *sorted(names))
    return {line.split()[0]: line.split()[1:] for line in listed.splitlines()}


def component(name, version, architecture, release):
    purl = f"pkg:deb/debian/{name}@{version.replace(':', '%3A').replace('+', '%2B')}?arch={architecture}&distro={release}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def unpacked_components(libraries, used):
    """Of the .packages files that scripts/debian-root leaves: of the libraries that were linked, each its own."""
    releases = {"bookworm": "debian-12", "trixie": "debian-13"}
    for listed in sorted(glob.glob(libraries + "/*/.packages") + glob.glob(libraries + "/*/source/.packages")):
        folder = os.path.realpath(libraries + "/" + os.path.relpath(listed, libraries).split("/")[0])
        if not any(path.startswith(folder + "/") for path in used):
            continue
        with open(listed, encoding="utf-8") as listing:
            _, suite, architecture, *_ = listing.readline().split()
            for line in listing:
                yield component(*line.split(), architecture, releases[suite])


def main(version, build, libraries, *artefacts):
    used = files_used(build)
    components = [component(name, *about, "debian-12") for name, about in sorted(packages_of(used).items())]
    components += unpacked_components(libraries, used)
    files = []
    for path in artefacts:
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        files.append({"type": "file", "bom-ref": "file:" + os.path.basename(path), "name": os.path.basename(path),
                      "hashes": [{"alg": "SHA-256", "content": digest}]})
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    own = f"pkg:generic/tcpdwell@{version}"
    serial = uuid.uuid5(uuid.NAMESPACE_URL, own + json.dumps(files))
    json.dump({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{serial}", "version": 1,
        "metadata": {
            "timestamp": datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "application", "bom-ref": own, "name": "tcpdwell", "version": version, "purl": own,
                          "licenses": [{"expression": "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)"}]}},
        "components": components + files,
        "dependencies": [{"ref": own, "dependsOn": [each["bom-ref"] for each in components]}],
    }, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
