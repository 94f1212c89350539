"""Medians, the table and the JSON of a bench run."""

import os
import platform
import statistics
import subprocess


def median(values):
    return statistics.median(values) if values else None


def ratios(rounds, above, below):
    """Ratio of two targets in each round; a round compares what ran within the same seconds."""
    return [r[above]["value"] / r[below]["value"] for r in rounds if above in r and below in r]


def values(rounds, target):
    return [r[target]["value"] for r in rounds if target in r]


def rounded(value, digits=3):
    return None if value is None else round(value, digits)


def cpu_row(row, rounds, has_against):
    against = ratios(rounds, "gateway", "nginx")
    result = {
        "name": row.name, "says": row.says, "cpu_vs_nginx": rounded(median(against)),
        "spread": [rounded(min(against)), rounded(max(against))],
        "best_vs_nginx": rounded(min(values(rounds, "gateway")) / min(values(rounds, "nginx"))),
        "gateway_us": rounded(median(values(rounds, "gateway"))),
        "nginx_us": rounded(median(values(rounds, "nginx"))),
        "direct_us": rounded(median(values(rounds, "direct"))),
        "gateway_busy": rounded(median([r["gateway"]["busy"] for r in rounds])),
    }
    if row.gateway_goal:
        result["goal"] = row.gateway_goal
    if has_against:
        result["against_us"] = rounded(median(values(rounds, "against")))
        result["cpu_vs_against"] = rounded(median(ratios(rounds, "gateway", "against")))
    return result


def latency_row(row, rounds, has_against):
    def added(target):
        return [r[target]["value"] - r["direct"]["value"] for r in rounds]

    gateway = added("gateway")
    key = "first_token_us" if row.unit == "first_token" else "latency_us"
    result = {
        "name": row.name, "says": row.says, "gateway_us": rounded(median(gateway)),
        "spread": [rounded(min(gateway)), rounded(max(gateway))], "nginx_us": rounded(median(added("nginx"))),
        "direct_us": rounded(median(values(rounds, "direct"))),
        "gateway_p99_us": rounded(median([r["gateway"][key]["p99"] for r in rounds])),
        "nginx_p99_us": rounded(median([r["nginx"][key]["p99"] for r in rounds])),
        "direct_p99_us": rounded(median([r["direct"][key]["p99"] for r in rounds])),
    }
    if has_against:
        result["against_us"] = rounded(median(added("against")))
    return result


def memory_row(memory):
    result = {"name": "idle-rss", "says": "MiB resident after start, before the first call"}
    for target, figures in memory.items():
        result[f"{target}_mib"] = rounded(figures["idle_rss"], 2)
        result[f"{target}_pss_mib"] = rounded(figures["idle_pss"], 2)
        result[f"{target}_after_load_mib"] = rounded(figures["loaded_rss"], 2)
    return result


IDLE_GOALS = {"idle-stream": 5.0, "idle-stream-tls": 24.0}  # KiB


def idle_row(name, figures):
    how = " with TLS to the upstream" if name == "idle-stream-tls" else ""
    return {"name": name, "says": f"KiB of memory for each open stream that says nothing{how}", "goal": IDLE_GOALS[name],
            **{f"{target}_kib": rounded(kib, 2) for target, kib in figures.items()}}


def summary(rows, rounds, memory, idle, has_against):
    result = []
    for row in rows:
        make = cpu_row if row.is_cpu() else latency_row
        result.append({**make(row, rounds[row.name], has_against), "rounds": rounds[row.name]})
    return result + [memory_row(memory)] + [idle_row(name, figures) for name, figures in idle.items()]


def doubts(rows, rounds, uncounted):
    """What a reader should know before trusting the figures of this run."""
    found, busy = [], {}
    for target, share in uncounted.items():
        if share > 0.03:
            found.append(f"{target} used {share:.0%} of its CPU time outside its slices, which lack it")
    for row in rows:
        if row.is_cpu():
            best = min(values(rounds[row.name], "gateway")) / min(values(rounds[row.name], "nginx"))
            usual = median(ratios(rounds[row.name], "gateway", "nginx"))
            if abs(best - usual) > 0.08:
                found.append(f"{row.name}: the best rounds alone give {best:.2f} instead of {usual:.2f}; "
                             "the machine was restless, repeat the run")
        for target in rounds[row.name][0]:
            slices = [r[target] for r in rounds[row.name] if target in r]
            if any(not s.get("at_rest", True) for s in slices):
                found.append(f"{row.name}: {target} still worked after its slice; not all of that is counted")
            if row.is_cpu() and row.saturates() and target != "direct":
                busy.setdefault(row.name, []).append(median([s["busy"] for s in slices]))
    idle = [f"{name} {min(shares):.0%}" for name, shares in busy.items() if min(shares) < 0.85]
    if idle:
        found.append("the CPU of the proxies was not used up: " + ", ".join(idle) + "; other work on the "
                     "machine, or wake-ups, weigh on these rows")
    return found


def number(value, digits=1):
    return "-" if value is None else f"{value:.{digits}f}"


def table(summary_rows, has_against):
    head = ["row", "gateway", "nginx", "direct", "ratio", "spread", "goal"]
    head += ["against", "vs against"] if has_against else []
    lines = [head]
    for row in summary_rows:
        if row["name"] == "idle-rss":
            line = [row["name"], number(row["gateway_mib"]), number(row["nginx_mib"]), "-", "-", "MiB", "-"]
            more = [number(row.get("against_mib")), "-"]
        elif "gateway_kib" in row:
            line = [row["name"], number(row["gateway_kib"]), number(row["nginx_kib"]), "-", "-", "KiB", f"<= {row['goal']}"]
            more = [number(row.get("against_kib")), "-"]
        else:
            is_cpu = "cpu_vs_nginx" in row
            digits = 2 if is_cpu else 0
            spread = "..".join(number(v, digits) for v in row["spread"])
            goal = f"<= {row['goal']}" if row.get("goal") else "-"
            line = [row["name"], number(row["gateway_us"], digits), number(row["nginx_us"], digits),
                    number(row["direct_us"], digits), number(row.get("cpu_vs_nginx"), 2), spread, goal]
            more = [number(row.get("against_us"), digits), number(row.get("cpu_vs_against"), 2)]
        lines.append(line + (more if has_against else []))
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    drawn = []
    for line, says in zip(lines, ["what"] + [row["says"] for row in summary_rows]):
        cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        drawn.append("  ".join(cells) + "  " + says)
    drawn.insert(1, "-" * len(max(drawn, key=len)))
    return "\n".join(drawn)


def first_line_of(path, start):
    try:
        with open(path, encoding="utf-8") as file:
            return next((line.split(":", 1)[-1].strip() for line in file if line.startswith(start)), "")
    except OSError:
        return ""


def machine(nginx_binary, cpus):
    try:
        # nginx says its version on the error stream.
        asked = subprocess.run([nginx_binary, "-v"], capture_output=True, text=True, timeout=5, check=False)
        version = asked.stderr.strip()
    except OSError:
        version = ""
    return {
        "cpu": first_line_of("/proc/cpuinfo", "model name"), "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "system": first_line_of("/etc/os-release", "PRETTY_NAME").split("=")[-1].strip('"'),
        "congestion_control": first_line_of("/proc/sys/net/ipv4/tcp_congestion_control", ""),
        "nginx": version, "cpu_of_mock_and_load": cpus[0], "cpu_of_proxies": cpus[1],
        "load_average_before": os.getloadavg()[0],
    }
