"""Cases: functions that are tests, and the little that runs them."""

import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

registered = []


def case(sentence, alone=False):
    """Marks a function as a test. `alone`: it measures time or load, so nothing runs beside it."""

    def register(function):
        registered.append((sentence, function, alone))
        return function

    return register


class Skip(Exception):
    """Says why a case cannot run here."""


def check(condition, *what):
    """An assertion that says what it saw."""
    if not condition:
        raise AssertionError(" ".join(str(w) for w in what) or "check failed")


def equal(got, wanted, what="value"):
    if got != wanted:
        raise AssertionError(f"{what}: got {shorten(got)}, wanted {shorten(wanted)}")


def shorten(value, most=600):
    text = repr(value)
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 2 :]}"


def eventually(probe, seconds=5.0, what="condition"):
    """Asks until the answer is true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {seconds} s; last: {shorten(value)}")
        time.sleep(0.02)


def run_all(pattern="", beside=4):
    """Runs what is registered; returns the exit code."""
    chosen = [c for c in registered if pattern.lower() in (c[1].__module__ + " " + c[0]).lower()]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    lock = threading.Lock()
    failures = []  # told again at the end: who reads the last lines of a log sees them

    def run(entry):
        sentence, function, _ = entry
        start = time.monotonic()
        outcome, text = "passed", ""
        try:
            function()
        except Skip as reason:
            outcome, text = "skipped", f": {reason}"
        except BaseException:  # a case that fails in any way is a failure, never the end of the run
            outcome, text = "failed", "\n" + traceback.format_exc()
        with lock:
            counts[outcome] += 1
            mark = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[outcome]
            line = f"{mark} {time.monotonic() - start:6.2f} s  {function.__module__}: {sentence}{text}"
            print(line, flush=True)
            if outcome == "failed":
                failures.append(line)

    with ThreadPoolExecutor(beside) as pool:
        list(pool.map(run, [c for c in chosen if not c[2]]))
    for entry in chosen:
        if entry[2]:
            run(entry)
    if failures:
        print("--- failed:", *failures, sep="\n")
    if counts["skipped"]:
        print(f"({counts['skipped']} skipped)")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    sys.stdout.flush()
    return 1 if counts["failed"] or not counts["passed"] else 0
