#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The metrics of a recording: promtool and a strict parser of OpenMetrics have nothing to say against them, both formats
# have the same samples, and what can't have metrics is refused.
set -u
tcpdwell=${TCPDWELL:?says which binary to test}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
recording=$here/../golden/recordings/recording_v1.tdw
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0
complain() { echo "$*"; failures=$((failures + 1)); }

for format in prometheus openmetrics; do
    "$tcpdwell" report -q -r "$recording" --format $format >"$folder/$format" 2>"$folder/err" ||
        complain "--format $format failed: $(cat "$folder/err")"
done
promtool check metrics <"$folder/prometheus" >"$folder/out" 2>&1 || complain "promtool: $(cat "$folder/out")"
[[ -s $folder/out ]] && complain "promtool isn't content: $(cat "$folder/out")"

# Debian's Python has the parser, another one may not.
/usr/bin/python3 - "$folder/openmetrics" "$folder/prometheus" <<'PYTHON' || complain "the two formats differ"
import sys
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

def samples(families):
    found = set()
    for family in families:
        for s in family.samples:
            labels = {k: float(v) if k == "le" else v for k, v in s.labels.items()}
            found.add((s.name, tuple(sorted(labels.items())), s.value))
    return found

strict = samples(openmetrics.text_string_to_metric_families(open(sys.argv[1]).read()))
plain = samples(parser.text_string_to_metric_families(open(sys.argv[2]).read()))
if strict != plain or len(strict) < 300:
    sys.exit(f"{len(strict)} and {len(plain)} samples; in one only: {sorted(strict ^ plain, key=str)[:5]}")
ended = sum(v for n, l, v in strict if n == "tcpdwell_connections_ended_total")
if ended == 0:
    sys.exit("no connection has ended")
PYTHON

# Every finding that can be explained has a metric, and the other way round.
active=$(sed -nE 's/^tcpdwell_finding_active\{finding="([a-z_0-9]+)"\}.*/\1/p' "$folder/prometheus" | sort)
explained=$("$tcpdwell" explain findings | sed -nE 's/^([a-z_0-9]+) \(finding\).*/\1/p' | sort)
[[ $active == "$explained" && $(wc -w <<<"$active") -ge 25 ]] ||
    complain "findings of metrics and of explain differ: $(diff <(echo "$active") <(echo "$explained"))"

refuse() { # PHRASE ARGUMENT...
    local phrase=$1
    shift
    "$tcpdwell" report -q "$@" >"$folder/out" 2>"$folder/err"
    local got=$?
    if ((got != 2)) || ! grep -qF -- "$phrase" "$folder/err" || [[ -s $folder/out ]]; then
        complain "report $*: status $got instead of 2, or no '$phrase': $(head -n 3 "$folder/err")"
    fi
}
refuse "leave out --interval" -r "$recording" --format openmetrics -i 10s
refuse "--max-services" -r "$recording" --format openmetrics --max-services 0

# One service has a name, the others are "other"; nothing is lost by it.
total() { awk '/^tcpdwell_connections_ended_total/ { sum += $NF } END { print sum }' "$1"; }
"$tcpdwell" report -q -r "$recording" --format prometheus --max-services 1 >"$folder/one" 2>/dev/null
[[ $(total "$folder/one") == "$(total "$folder/prometheus")" ]] || complain "--max-services 1 loses connections"
services=$(grep -oE '^tcpdwell_bytes_total\{service="[^"]+"' "$folder/one" | sort -u | wc -l)
((services == 2)) || complain "--max-services 1 shows $services services"
((failures == 0))
