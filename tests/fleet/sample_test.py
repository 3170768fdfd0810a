#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--sample N keeps the same flows at both ends and all that ended badly, and weights stand for what is left out."""
import collections

from clickhouse import *

N = 4


def perform(stage):
    server = stage.server("debian")
    files = recordings()
    whole = printed_rows("ends", *files)
    sampled = printed_rows("ends", *files, options=("--sample", N))
    def by_id(rows):
        return {(row["boot"], row["conn"]): row for row in rows}
    all_rows, kept = by_id(whole), by_id(sampled)
    expect(kept.keys() <= all_rows.keys(), "rows that are only in the sample")

    def is_bad(row):
        return row["ending"] != "fin" or row["seen"] == "gap"

    flows = collections.defaultdict(set)
    bad = 0
    for key, row in all_rows.items():
        if is_bad(row):
            expect(key in kept and kept[key]["weight"] == 1, f"{row} ended badly and isn't kept as one")
            bad += 1
        else:
            flows[row["flow"]].add(key in kept)
            if key in kept:
                equal(kept[key]["weight"], N, "weight")
    expect(bad > 300, f"{bad} ended badly")
    expect(all(len(each) == 1 for each in flows.values()), "an end of a flow is kept, and another isn't")
    # Both ends have one flow: of F flows, F/N are kept, give or take four standard deviations.
    share = sum(each == {True} for each in flows.values())
    deviation = (len(flows) / N * (1 - 1 / N)) ** 0.5
    expect(abs(share - len(flows) / N) < 4 * deviation, f"{share} of {len(flows)} flows")
    estimated, true = sum(row["weight"] for row in kept.values()), len(all_rows)
    print(f"{len(kept)} of {true} rows stand for {estimated}; {share} of {len(flows)} flows that ended well")
    expect(abs(estimated - true) < 4 * deviation * N * 2, f"weights sum up to {estimated}, there are {true}")

    database = Database(server.port, "sampled")
    database.export(*files, options=("--sample", N))
    everything = [("24 * 3600", "1000 * 86400"), ("LIMIT 100", "LIMIT 100000")]
    equal(sum(row["connections"] for row in database.question("closes_first", changes=everything)), estimated,
          "connections of the question")
    # Resets are all there: the same answer as without a sample.
    complete = Database(server.port, "complete")
    complete.export(*files)
    equal(sum(row["resets"] for row in database.question("resets", changes=everything)),
          sum(row["resets"] for row in complete.question("resets", changes=everything)), "resets")
    for name in "time_wait", "ports_left", "findings":  # not of ends
        equal(database.question(name), complete.question(name), name)


main(perform)
