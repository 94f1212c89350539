"""A strict reader of the Prometheus text format 0.0.4."""

import re

from .cases import check

SAMPLE = re.compile(
    r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]?Inf|[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)$"
)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}


class Metrics(dict):
    """{(name, ((label, value), ...)): number}"""

    def sum(self, name, **labels):
        wanted = set(labels.items())
        return sum(v for (n, ls), v in self.items() if n == name and wanted <= set(ls))


def parse(text):
    check(text.endswith("\n"), "the last line has no end")
    metrics, types, helps, closed, current = Metrics(), {}, set(), set(), None
    for line in text[:-1].split("\n"):
        if line.startswith("# "):
            kind, name, rest = line[2:].split(" ", 2)
            check(kind in ("HELP", "TYPE"), "odd comment:", line)
            check(name not in closed, "lines of one metric lie apart:", line)
            if name != current and current is not None:
                closed.add(current)
            current = name
            if kind == "TYPE":
                check(rest in TYPES and name not in types, "bad TYPE:", line)
                types[name] = rest
            else:
                check(name not in helps, "two HELP lines:", line)
                helps.add(name)
            continue
        match = SAMPLE.match(line)
        check(match, "not a sample:", line)
        name, labels, value = match.groups()
        base = re.sub(r"_(bucket|sum|count)$", "", name) if types.get(current) == "histogram" else name
        check(base == current, "a sample without its TYPE line before it:", line)
        found, at = [], 0
        while labels and at < len(labels):
            one = LABEL.match(labels, at)
            check(one, "bad labels:", line)
            found.append((one[1], one[2]))
            at = one.end()
        check(len({n for n, _ in found}) == len(found), "a label stands twice:", line)
        series = (name, tuple(sorted(found)))
        check(series not in metrics, "a series stands twice:", line)
        metrics[series] = float(value)
    check_histograms(metrics, types)
    for name, kind in types.items():
        check(kind != "counter" or name.endswith("_total"), "a counter that does not end in _total:", name)
    return metrics


def check_histograms(metrics, types):
    for name in (n for n, t in types.items() if t == "histogram"):
        series = {}
        for (sample, labels), value in metrics.items():
            if sample == name + "_bucket":
                rest = tuple(l for l in labels if l[0] != "le")
                bound = float(dict(labels)["le"].replace("+Inf", "inf"))
                series.setdefault(rest, []).append((bound, value))
        for rest, buckets in series.items():
            buckets.sort()
            values = [v for _, v in buckets]
            check(values == sorted(values), "buckets fall:", name, rest)
            check(buckets[-1][0] == float("inf"), "no +Inf bucket:", name, rest)
            check(
                metrics.get((name + "_count", rest)) == values[-1],
                "count is not the last bucket:",
                name,
                rest,
            )
            check((name + "_sum", rest) in metrics, "no sum:", name, rest)
