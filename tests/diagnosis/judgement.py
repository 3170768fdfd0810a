# SPDX-License-Identifier: Apache-2.0
"""What is expected of a report, and what is wrong with one."""
import json


class Finding:
    """What one finding has to be. `what` and `advice`: words of these texts. `because`: id of the finding that explains
    it. Evidence by its keys: a number, a range or a predicate; for lists of processes the pids."""

    def __init__(self, id, severity="warning", what=(), advice=(), because=None, **evidence):
        self.id, self.severity, self.what, self.advice = id, severity, what, advice
        self.because, self.evidence = because, evidence

    def faults(self, finding, slack):
        """What is wrong with it. Counts may be too low by as many events as the machine hid from us."""
        if finding["severity"] != self.severity:
            yield f"severity is {finding['severity']}, not {self.severity}"
        for text, words in (finding["what"], self.what), (finding["advice"], self.advice):
            for word in words:
                if str(word) not in text:
                    yield f"\"{word}\" is not in \"{text}\""
        because = finding["because"]
        if (because["id"] if because else None) != self.because:
            yield f"because is {because}, not {self.because}"
        for key, wanted in self.evidence.items():
            got = finding["evidence"].get(key)
            if not is_as_wanted(got, wanted, slack):
                yield f"evidence {key} is {got}, not {wanted}"


def is_as_wanted(got, wanted, slack):
    if callable(wanted):
        return wanted(got)
    if isinstance(wanted, list):
        return isinstance(got, list) and {process["pid"] for process in got} == set(wanted)
    if isinstance(wanted, range):
        return isinstance(got, int) and at_least(wanted.start, slack) <= got < wanted.stop
    if isinstance(wanted, int):
        return isinstance(got, int) and at_least(wanted, slack) <= got <= wanted
    return got == wanted


def at_least(count, slack):
    return max(count - slack, (count + 1) // 2)


def faults_of(report, expected, may, hidden):
    """What is wrong with the report. `hidden` events can't have been seen."""
    quality = report["quality"]
    slack = hidden or quality.get("unseen") or 0
    if quality["lost"]:
        yield f"{quality['lost']} events were lost"
    left = list(report["findings"])
    for each in expected:
        candidates = [finding for finding in left if finding["id"] == each.id]
        if not candidates:
            yield f"{each.id} is missing"
            continue
        best = min(candidates, key=lambda finding: len(list(each.faults(finding, slack))))
        left.remove(best)
        for fault in each.faults(best, slack):
            yield f"{each.id}: {fault}"
    for finding in left:
        if finding["severity"] == "info" and finding["id"] in may:
            continue
        if finding["id"] == "counters_disagree" and slack:
            continue  # it is right: the kernel has counted what was hidden from us
        yield f"{finding['id']} ({finding['severity']}) was not expected: {finding['what']}"


def without_names(finding):
    """What has to stay in a recording without addresses and names of processes."""
    def kept(value):
        if isinstance(value, list):  # of processes, or of connections, whose ids are made of their addresses
            return sorted(item["pid"] if isinstance(item, dict) else "connection" for item in value)
        return None if isinstance(value, str) else value
    because = finding["because"]
    return {"id": finding["id"], "severity": finding["severity"], "because": because and because["id"],
            "evidence": {key: kept(value) for key, value in finding["evidence"].items()}}


def differences(what, live, replayed, part):
    key = lambda finding: json.dumps(finding, sort_keys=True)
    here, there = (sorted((part(finding) for finding in report["findings"]), key=key) for report in (live, replayed))
    if here != there:
        yield f"of {what} something else is reported: {json.dumps(there, indent=1)}"
