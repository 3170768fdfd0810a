#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tcpdwell explain from outside: what it prints, and its exit status.
set -u
tcpdwell=${TCPDWELL:?says which binary to test}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

# expect STATUS PHRASE ARGUMENT...: the phrase is in stdout if the status is 0, else in stderr; the other one is empty.
expect() {
    local status=$1 phrase=$2 got said silent
    shift 2
    "$tcpdwell" explain "$@" >"$folder/out" 2>"$folder/err" </dev/null
    got=$?
    if ((status == 0)); then said=out silent=err; else said=err silent=out; fi
    if ((got != status)) || ! grep -qF -- "$phrase" "$folder/$said" || [[ -s $folder/$silent ]]; then
        echo "explain $*: status $got instead of $status, or \"$phrase\" isn't in std$said, or std$silent isn't empty:"
        head -n 20 "$folder/out" "$folder/err"
        failures=$((failures + 1))
    fi
}

# reject PHRASE: the last output has no such thing.
reject() {
    if grep -qF -- "$1" "$folder/out"; then
        echo "unexpected in stdout: $1"
        failures=$((failures + 1))
    fi
}

expect 0 'TIME_WAIT (state; RFC 9293: TIME-WAIT)' TIME-WAIT
reject $'\e'
expect 0 'net.ipv4.tcp_max_tw_buckets = ' time_wait
expect 0 'SO_LINGER' so_linger_zero
expect 0 'close_wait_leak.age (60s)' close_wait_leak
expect 0 "tcp_fin_timeout = $(cat /proc/sys/net/ipv4/tcp_fin_timeout)" net.ipv4.tcp_fin_timeout
expect 0 '"tcp_tw_recycle=1 gets rid of TIME_WAIT" (myth)' tcp_tw_recycle
expect 0 '"SO_REUSEADDR removes TIME_WAIT" (myth)' myths
reject '(state'
expect 0 'CLOSE_WAIT (state' findings CLOSE_WAIT close-wait
if (($(grep -c 'CLOSE_WAIT (state' "$folder/out") != 1)); then
    echo "what is asked for twice is printed twice"
    failures=$((failures + 1))
fi
expect 0 'Findings of the report'
expect 0 '  tcp_tw_reuse '
expect 0 'any spelling' --help

expect 2 'did you mean TIME_WAIT' time_wiat
expect 2 'tcpdwell explain lists them all' time_wiat
expect 2 'tcpdwell explain lists them all' zzzzqq
expect 2 'zzzzqq' TIME_WAIT zzzzqq
expect 2 'tcpdwell explain lists them all' ''
expect 2 '--no-such-option' --no-such-option

if ! "$tcpdwell" explain >/dev/full 2>"$folder/err"; then
    [[ -s $folder/err ]] || { echo "a full disk isn't told"; failures=$((failures + 1)); }
else
    echo "a full disk is no failure"
    failures=$((failures + 1))
fi
exit $((failures > 0))
