# SPDX-License-Identifier: Apache-2.0
"""Lines of `trace --connections` as exports have them."""
import datetime

# What only open connections have, and the kind of the line.
LEFT_OUT = {"type", "holders"}


def ns_of(text):
    """2026-11-29T12:03:28.076206004Z"""
    seconds, fraction = text.removesuffix("Z").split(".")
    moment = datetime.datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) * 10**9 + int(fraction.ljust(9, "0"))


def flat(line):
    """A line of `trace --connections` as a row has it."""
    row = {}
    for key, value in line.items():
        if key in LEFT_OUT:
            continue
        if key in ("conn", "cookie"):
            row[key] = None if value is None else int(value, 16)
        elif key in ("opened", "closed"):
            row[f"{key}_ns"] = None if value is None else ns_of(value)
        elif key == "states":
            row["states.state"] = [each["state"] for each in value]
            row["states.dwell_ns"] = [each["dwell_ns"] for each in value]
            row["states.at_least_ns"] = [each.get("at_least_ns") or 0 for each in value]
        elif isinstance(value, dict):
            for name, part in value.items():
                row[f"{key}_{name}"] = int(part) if isinstance(part, bool) else part
        else:
            row[key] = value
    return row


def has_ended(line):
    """What is in TIME_WAIT has."""
    return line["ending"] != "open" and line["remote"]["addr"] is not None
