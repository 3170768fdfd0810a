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

# `report --explain ID`: the same, and the thresholds that apply.
expect_report() {
    local status=$1 phrase=$2 said=out silent=err
    shift 2
    "$tcpdwell" report "$@" >"$folder/out" 2>"$folder/err" </dev/null
    local got=$?
    ((status == 0)) || { said=err silent=out; }
    if ((got != status)) || ! grep -qF -- "$phrase" "$folder/$said" || [[ -s $folder/$silent ]]; then
        echo "report $*: status $got instead of $status, or \"$phrase\" isn't in std$said, or std$silent isn't empty:"
        head -n 20 "$folder/out" "$folder/err"
        failures=$((failures + 1))
    fi
}

expect_report 0 'close_wait_leak (finding)' --explain close_wait_leak
expect_report 0 'close_wait_leak.age = 60s: ' --explain CLOSE-WAIT-LEAK
expect_report 0 'close_wait_leak.age = 5s (preset 60s)' --explain close_wait_leak --threshold close_wait_leak.age=5s
reject 'close_wait_leak.sockets = 1 (preset'
expect_report 0 'ephemeral_ports_low.share = 50% (preset 80%)' --explain ephemeral_ports_low --threshold ephemeral_ports_low.share=0.5
expect_report 0 'events_lost (finding)' --explain events_lost # has no threshold
reject 'Thresholds here'
expect_report 2 'did you mean close_wait_leak?' --explain close_wait_leek
expect_report 2 'there are: server_closes_first, ' --explain zzzzqq
expect_report 2 'there is no such finding' --explain TIME_WAIT # a state
expect_report 2 'there is no such threshold' --explain close_wait_leak --threshold zzz=1
"$tcpdwell" explain close_wait_leak >"$folder/same"
"$tcpdwell" report --explain close_wait_leak >"$folder/out"
if ! cmp -s "$folder/same" <(head -n "$(wc -l <"$folder/same")" "$folder/out"); then
    echo "report --explain prints another explanation than explain"
    failures=$((failures + 1))
fi

if ! "$tcpdwell" explain >/dev/full 2>"$folder/err"; then
    [[ -s $folder/err ]] || { echo "a full disk is not reported"; failures=$((failures + 1)); }
else
    echo "a full disk is no failure"
    failures=$((failures + 1))
fi
exit $((failures > 0))
