#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A build without BPF from outside: it reads recordings, explains, and says that it can't look at the
# running kernel.
set -u
tcpdwell=${TCPDWELL:?says which binary to test}
recording=$(cd "$(dirname "${BASH_SOURCE[0]}")/../golden/recordings" && pwd)/recording_v1.tdw
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

failed() {
    echo "$*"
    failures=$((failures + 1))
}

# expect STATUS STREAM PHRASE ARGUMENT...: the phrase is in that stream, out or err.
expect() {
    local status=$1 stream=$2 phrase=$3 got
    shift 3
    timeout 20 "$tcpdwell" "$@" >"$folder/out" 2>"$folder/err" </dev/null
    got=$?
    if ((got != status)) || ! grep -qF -- "$phrase" "$folder/$stream"; then
        failed "$*: status $got instead of $status, or \"$phrase\" isn't in std$stream:"
        head -n 20 "$folder/out" "$folder/err"
    fi
}

# refuse ARGUMENT...: status 3, the reason and the remedy on stderr, nothing on stdout.
refuse() {
    expect 3 err 'built without BPF' "$@"
    grep -qF -- '-DWITH_BPF=ON' "$folder/err" || failed "$*: no remedy"
    [[ ! -s $folder/out ]] || failed "$*: prints on stdout"
}

expect 0 out '"type":"transition"' trace -f jsonl -r "$recording"
expect 0 out '"type":"connection"' trace -c -f jsonl -r "$recording"
expect 0 out 'tcpdwell report: ' report -r "$recording"
expect 0 out '"services":' report -f json -r "$recording"
expect 0 out 'tcpdwell report: ' report --html "$folder/page.html" -r "$recording"
[[ -s $folder/page.html ]] || failed "report --html writes no page"
expect 0 out 'recording_v1.tdw' info "$recording"
expect 0 err ' records in ' copy -r "$recording" -o "$folder/copy.tdw" --anonymize
expect 0 out 'anonymized' info "$folder/copy.tdw"
expect 0 out 'TIME_WAIT (state' explain TIME_WAIT
expect 0 out "tcp_fin_timeout = $(cat /proc/sys/net/ipv4/tcp_fin_timeout)" explain tcp_fin_timeout

refuse trace
refuse trace -c --port 443 -d 1s
refuse trace --probes timer --btf vmlinux -- touch "$folder/ran"
[[ ! -e $folder/ran ]] || failed "the command was run although nothing is traced"
refuse report
refuse record -o "$folder/run.tdw"
refuse census
refuse census --by process
refuse check
refuse check --format json --probes fentry
expect 2 err '--probes' trace --probes kprobe
expect 0 out '--probes auto|fentry|timer' trace --help
expect 0 out '--btf FILE' check --help

if ldd "$tcpdwell" | grep -E 'lib(bpf|elf|mnl|cap-ng)\.so'; then failed "it is linked with a library for tracing"; fi

((failures == 0)) || exit 1
echo "a build without BPF: as expected"
