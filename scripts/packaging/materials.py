#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a program holds of others: what was compiled or linked into it, by what the compiler and the linker noted down.

Usage: materials.py sbom VERSION ARCHITECTURE BUILD-FOLDER ARTEFACT...   a software bill of materials (CycloneDX 1.5, JSON)
       materials.py notices ARCHITECTURE BUILD-FOLDER                    the licences of tcpdwell and of all that is in it

In the environment, MATERIALS_ROOT: the folder whose build/ has libraries, if it isn't that of this script.

Nothing is listed by hand: headers come from ninja's record of what was read, libraries from the linker's map, their
packages, versions and copyright files from dpkg, or from where scripts/debian-root and scripts/packaging/libraries have
put them. Of a library that is linked dynamically, headers are no part of the program.
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

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BUILT = os.environ.get("MATERIALS_ROOT", ROOT) + "/build"
COMMON_LICENCES = "/usr/share/common-licenses/"
RELEASES = {"bookworm": "debian-12", "trixie": "debian-13"}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def files_used(build):
    """Headers, archives and start-up files outside of the tree; and shared libraries."""
    # ccache makes those in the tree relative, to which the headers of another architecture belong.
    headers = {os.path.join(build, path) for path in re.findall(r"^ +(\S+)$", output("ninja", "-C", build, "-t", "deps"), re.M)}
    with open(build + "/tcpdwell.map", encoding="utf-8") as file:
        linker = file.read()
    # A library of which nothing was taken is not in the program.
    linked = set(re.findall(r"^(/\S+\.a)\(\S+\)$", linker, re.M)) | set(re.findall(r"^LOAD (/\S+\.o)$", linker, re.M))
    shared = set(re.findall(r"^LOAD (/\S+\.so[.0-9]*)$", linker, re.M))
    if not headers or not linked:
        sys.exit("materials.py: nothing was compiled or linked in " + build)
    own = tuple(os.path.realpath(path) + "/" for path in (build, *(f"{ROOT}/{name}" for name in ("bpf", "include", "userspace"))))
    used = {os.path.realpath(path) for path in headers | linked}
    # Of these the link counts, which is the development package's, not what it leads to.
    shared = {os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)) for path in shared}
    return sorted(path for path in used if not path.startswith(own)), sorted(shared)


class Package:
    def __init__(self, name, version, architecture, release, copyright_file):
        self.name, self.version, self.copyright_file = name, version, copyright_file
        escaped = version.replace(":", "%3A").replace("+", "%2B")
        self.purl = f"pkg:deb/debian/{name}@{escaped}?arch={architecture}&distro={release}"

    def component(self):
        return {"type": "library", "bom-ref": self.purl, "name": self.name, "version": self.version, "purl": self.purl}


def dpkg_search(paths):
    """{path: names of packages} of those that are of an installed one."""
    found = {}
    for begin in range(0, len(paths), 500):
        # What is in /usr/lib may be in /lib to dpkg.
        asked = [each for path in paths[begin:begin + 500] for each in (path, path.removeprefix("/usr"))]
        for line in subprocess.run(["dpkg", "-S", *asked], capture_output=True, text=True).stdout.splitlines():
            names, path = line.rsplit(": ", 1)
            path = path if path.startswith("/usr/") else "/usr" + path
            found.setdefault(path, set()).update(name.split(":")[0] for name in names.split(", "))
    return found


def owners(paths):
    """The installed Debian packages that the files are from; each file has to be of one."""
    found = dpkg_search(paths)
    # A header of another architecture alone is of the package that its folder is of.
    missing = sorted(set(paths) - set(found))
    folders = dpkg_search(sorted({os.path.dirname(path) for path in missing}))
    for path in missing:
        found[path] = folders.get(os.path.dirname(path), set())
        if len(found[path]) != 1:
            sys.exit(f"materials.py: {path} is of no Debian package")
    return set().union(*found.values())


def installed_packages(names):
    listed = output("dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}\n", *names) if names else ""
    for line in set(listed.splitlines()):
        name, version, architecture = line.split()
        yield Package(name, version, architecture, "debian-12", f"/usr/share/doc/{name}/copyright")


def listed_packages(folder):
    """(architecture, release, {name: version}) of the .packages file that scripts/debian-root leaves."""
    with open(folder + "/.packages", encoding="utf-8") as listing:
        _, suite, architecture, *_ = listing.readline().split()
        return architecture, RELEASES[suite], dict(line.split() for line in listing)


def sysroot_packages(sysroot, names):
    architecture, release, versions = listed_packages(sysroot) if names else ("", "", {})
    for name in names:
        yield Package(name, versions[name], architecture, release, f"{sysroot}/usr/share/doc/{name}/copyright")


def library_packages(folder):
    """Of a library that scripts/packaging/libraries has unpacked, or compiled from its sources."""
    built = os.path.exists(folder + "/source/.packages")
    architecture, release, versions = listed_packages(folder + "/source" if built else folder)
    for name, version in versions.items():
        place = glob.glob(f"{folder}/source/{name}-*/debian") if built else [f"{folder}/usr/share/doc/{name}"]
        yield Package(name, version, architecture, release, place[0] + "/copyright")


def packages_used(architecture, build):
    used, shared = files_used(build)
    sysroot, libraries = BUILT + "/arm64-sysroot", f"{BUILT}/libraries-{architecture}"
    found = []
    for folder in sorted(glob.glob(libraries + "/*")):
        if any(path.startswith(folder + "/") for path in used):
            found += library_packages(folder)

    # Which package of another architecture a file is from is known by the same file of this one.
    def names(paths, unpacked):
        paths = [path for path in paths if path.startswith(sysroot + "/") == unpacked and not path.startswith(libraries + "/")]
        return owners([path.removeprefix(sysroot).replace("/aarch64-linux-gnu/", "/x86_64-linux-gnu/") for path in paths]
                      if unpacked else paths)

    found += sysroot_packages(sysroot, names(used, True) - names(shared, True))
    found += installed_packages(names(used, False) - names(shared, False))
    return sorted(found, key=lambda package: (package.name, package.purl))


def bill(version, packages, artefacts):
    files = []
    for path in artefacts:
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        files.append({"type": "file", "bom-ref": "file:" + os.path.basename(path), "name": os.path.basename(path),
                      "hashes": [{"alg": "SHA-256", "content": digest}]})
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    own = f"pkg:generic/tcpdwell@{version}"
    serial = uuid.uuid5(uuid.NAMESPACE_URL, own + json.dumps(files))
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{serial}", "version": 1,
        "metadata": {
            "timestamp": datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "application", "bom-ref": own, "name": "tcpdwell", "version": version, "purl": own,
                          "licenses": [{"expression": "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)"}]}},
        "components": [package.component() for package in packages] + files,
        "dependencies": [{"ref": own, "dependsOn": [package.purl for package in packages]}],
    }


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip() + "\n"
    except OSError as problem:
        sys.exit(f"materials.py: no licence notice: {problem}")


def notices(packages):
    own = [("tcpdwell", f"{ROOT}/LICENSE")] + [
        (f"tcpdwell, {os.path.basename(path).removeprefix('LICENSE.')} (BPF programs, one of these at your choice)", path)
        for path in sorted(glob.glob(ROOT + "/bpf/LICENSE.*"))]
    titles = {}  # of a text: many packages share one
    for title, path in own:
        titles.setdefault(read(path), []).append(title)
    for package in packages:
        titles.setdefault(read(package.copyright_file), []).append(f"{package.name} {package.version}")
    referred = set(re.findall(re.escape(COMMON_LICENCES) + r"([A-Za-z0-9.+-]*[A-Za-z0-9])", "\n".join(titles)))
    # A slip of the pen is no licence ("GPL-2.1"): its text stands beside the reference.
    for name in sorted(name for name in referred if os.path.exists(COMMON_LICENCES + name)):
        titles.setdefault(read(COMMON_LICENCES + name), []).append(COMMON_LICENCES + name)
    yield ("Licences of tcpdwell, and of what is linked or compiled into its program: Debian's packages, whose\n"
           "sources are in the snapshot archive of Debian in these versions. With the sources of tcpdwell,\n"
           "'scripts/package' links the program again, with libraries that you have changed as well.\n")
    for text, of in titles.items():
        yield "\n" + "=" * 100 + "\n" + "\n".join(of) + "\n" + "-" * 100 + "\n\n" + text


def main(action, *arguments):
    if action == "sbom" and len(arguments) > 3:
        version, architecture, build, *artefacts = arguments
        json.dump(bill(version, packages_used(architecture, build), artefacts), sys.stdout, indent=1)
        print()
    elif action == "notices" and len(arguments) == 2:
        sys.stdout.writelines(notices(packages_used(*arguments)))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*(sys.argv[1:] or [""]))
