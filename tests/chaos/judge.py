"""What must be true after a run: of each call, of the records, of the metrics, of what is left."""

import json
from collections import Counter
from statistics import median

from kit.gateway import OUTCOMES
from kit.usage_db import usage_records
from vendors import usage_of

MOST_RESIDENT = 1.1  # times what was resident before the load
MOST_GROWN = 1.03  # times what was resident after the second round, or in the earlier ones
MOST_REFUSED = 0.001  # of the calls that want an answer, while at least one upstream is up
ENDS = {"complete": {"complete"}, "broken": {"partial"}, "refused": {"failed"}}


class Judge:
    """Gathers findings: (what is held, whether it holds, what was seen)."""

    def __init__(self):
        self.findings = []

    def hold(self, what, ok, *seen):
        self.findings.append((what, bool(ok), " ".join(map(str, seen))))

    def print(self):
        for what, ok, seen in self.findings:
            print(f"{'ok  ' if ok else 'FAIL'} {what}{': ' + seen if seen else ''}")
        failed = sum(not ok for _, ok, _ in self.findings)
        print(f"{len(self.findings) - failed} passed, {failed} failed")
        return failed


def share(part, whole):
    return f"{part} of {whole} ({100 * part / max(1, whole):.4f} %)"


def judge_answers(judge, seen):
    """Every client that stayed has an answer; where one upstream was up, hardly anyone an error."""
    wrong = [s for s in seen if s.how == "wrong"]
    shown = "; ".join(f"{s.id} {s.phases} {s.ask} {s.status} {s.why}" for s in wrong[:5])
    judge.hold("no request without an answer", not wrong, len(wrong), "of", len(seen), shown)
    waiting = [s for s in seen if s.how in ("complete", "broken", "refused")]
    for name in ("one down", "both well", "both shaky"):
        here = [s for s in waiting if s.phase.startswith(name)]
        refused = [s for s in here if s.how == "refused"]
        broken = sum(s.how == "broken" for s in here)
        why = Counter(s.why for s in refused).most_common(3)
        judge.hold(
            f"{name}: errors before the commit point under 0.1 %",
            len(refused) <= max(1, MOST_REFUSED * len(here)),  # of less than a thousand calls one may fail
            share(len(refused), len(here)),
            f"- after it {share(broken, len(here))}, each with its terminal event",
            why or "",
        )
    down = [s for s in waiting if s.phase == "both down"]
    judge.hold("both down: each call got a clean answer all the same", down, Counter(s.how for s in down))


def log_lines(gateway):
    """The access log's lines of calls, by request id; a list where there is more than one."""
    found = {}
    with open(gateway.directory / "stdout", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith('{"time"'):
                entry = json.loads(line)
                if entry["request_id"].startswith("chaos-"):
                    found.setdefault(entry["request_id"], []).append(entry)
    return found


def judge_log(judge, seen, lines):
    """The log tells of each call what its client saw, with the upstream's own figures."""
    problems = []
    for s in seen:
        told = lines.get(s.id, [])
        if len(told) > 1 or (not told and s.how not in ("left", "wrong")):
            problems.append(f"{s.id} {s.how}: {len(told)} lines")
            continue
        if s.how not in ENDS:
            continue
        line = told[0]
        usage = usage_of(s.ask.number)
        figures = (line.get("input_tokens"), line.get("output_tokens"))
        wanted = (usage.all_input, usage.all_output)
        if line["outcome"] not in ENDS[s.how] or line["status"] != s.status:
            problems.append(f"{s.id}: {s.how} with {s.status}, logged {line}")
        elif s.how == "complete" and "embeddings" not in s.ask.talk and figures != wanted:
            problems.append(f"{s.id}: used {wanted}, logged {figures}")
        elif s.how != "refused" and line["provider"] != s.provider:
            problems.append(f"{s.id}: answered by {s.provider}, logged {line['provider']}")
    judge.hold("one line of the log a call, which says what its client saw", not problems, *problems[:5])


def judge_records(judge, gateway, lines):
    """Each admitted call has one record, the same as its line."""
    records = usage_records(f"{gateway.data}/usage.db")
    admitted = [line for told in lines.values() for line in told if line.get("model")]

    def key(model, provider, outcome, used, attempts):
        return model, provider, outcome, used, attempts

    wanted = Counter()
    for line in admitted:
        outcome = "failed" if line["outcome"] == "client_left" else line["outcome"]
        used = (line.get("input_tokens", 0), line.get("output_tokens", 0))
        wanted[key(line["model"], line.get("provider", ""), outcome, used, line.get("attempts", 0))] += 1
    got = Counter()
    for r in records:
        used_input = sum(r[n] or 0 for n in ("input", "cache_read", "cache_write", "input_audio", "input_image"))
        used_output = sum(r[n] or 0 for n in ("output", "reasoning", "output_audio"))
        used = (used_input, used_output)
        got[key(r["model"], r["provider"], OUTCOMES[r["outcome"]], used, r["attempts"])] += 1
    missing, surplus = wanted - got, got - wanted
    for entry in list(missing.elements()):  # a client may leave before the last bytes of an answer that is complete
        complete = (*entry[:2], "complete", *entry[3:])
        if entry[2] == "cancelled" and surplus[complete]:
            missing, surplus = missing - Counter([entry]), surplus - Counter([complete])
    judge.hold(
        "each admitted call has one usage record, with the same figures",
        not missing and not surplus,
        len(records),
        "records,",
        sum(missing.values()),
        "missing",
        dict(missing.most_common(3)),
        sum(surplus.values()),
        "surplus",
        dict(surplus.most_common(3)),
    )
    return len(records)


def judge_metrics(judge, metrics, lines, records, breakers):
    told = [line for lines_of_call in lines.values() for line in lines_of_call]
    attempts = metrics.sum("gateway_upstream_attempts_total")
    logged = sum(line.get("attempts", 0) for line in told)
    judge.hold("attempts in the metrics are those in the log", attempts == logged, int(attempts), "and", logged)
    counted = metrics.sum("gateway_usage_records_total")
    judge.hold("records in the metrics are those stored", counted == records, int(counted), "and", records)
    judge.hold("no record was lost", metrics.sum("gateway_usage_lost_total") == 0)
    opened = metrics.sum("gateway_breaker_opened_total")
    page = sum(b["opened_total"] for b in breakers)
    judge.hold("the breakers' page and metrics agree", opened == page, int(opened), "and", page)
    judge.hold("breakers did open", opened >= 2)


def judge_memory(judge, samples):
    """`samples`: what is resident at rest, in all and but for files: after the warm-up, then after each round of load."""
    totals = [total for total, _ in samples]
    shown = " ".join(f"{total / 1024:.1f} ({anonymous / 1024:.1f})" for total, anonymous in samples)
    within = max(totals[1:]) <= MOST_RESIDENT * totals[0]
    judge.hold("idle, load, idle: resident memory within 10 %", within, "MiB, and not of files:", shown)
    judge.hold("no growth after the second round", totals[-1] <= MOST_GROWN * totals[min(2, len(totals) - 1)])
    third = (len(totals) - 1) // 3
    if third < 2:  # what two samples differ by is no growth
        return
    earlier, later = median(totals[1 : 1 + third]), median(totals[-third:])
    grown = f"from {earlier / 1024:.1f} to {later / 1024:.1f} MiB, medians of {third}"
    judge.hold("no growth from the first third of the rounds to the last", later <= MOST_GROWN * earlier, grown)
