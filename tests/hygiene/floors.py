#!/usr/bin/env python3
"""Holds the floor plan: who includes whom, which third-party headers live where, no circles, src.hpp complete."""

import re
import sys

from tree import headers, floor_of, includes, result

FLOORS = {"core": 1, "model": 2, "dialect": 3, "net": 3, "provider": 4, "policy": 5, "meter": 5, "store": 5,
          "testing": 6, "gateway": 7}

# Third-party headers and the only files they may appear in. Asio's light headers (awaitable, any_io_executor, error)
# may be anywhere.
LIGHT_ASIO = "awaitable|any_io_executor|this_coro|use_awaitable|error|associated_executor"
ROOMS = [
    (r"openssl/", r"lowart/net/"),
    (r"boost/beast/", r"lowart/net/"),
    (r"sqlite3\.h", r"lowart/store/sqlite"),
    (r"zlib\.h", r"lowart/store/gzip_file"),
    (r"boost/json", r"lowart/dialect/|lowart/net/json_web_token\.ipp"),
    (r"boost/url", r"$^"),
    (rf"boost/asio(?!/({LIGHT_ASIO})\.hpp)",
     r"lowart/(net|gateway)/|lowart/core/((loop_clock|frame_pool|wake|run_beside)\.hpp|wakeup\.ipp)|lowart/testing/|"
     r"lowart/lowart\.hpp"),
    (r"(yaml-cpp|CLI|gtest)/|argon2\.h", r"$^"),
]


def floor_problems(header):
    here = floor_of(header)
    if not here:
        return
    if here not in FLOORS:
        yield f"{header}: {here}/ is no floor of the plan"
        return
    for other in includes(header):
        if other in ("lowart/lowart.hpp", "lowart/src.hpp"):
            yield f"{header} includes {other}, which is for programs"
        there = floor_of(other) if other.startswith("lowart/") else ""
        if not there or there == here:
            continue
        if FLOORS.get(there, 9) > FLOORS[here]:
            yield f"{header} (floor {FLOORS[here]}) includes {other} (floor {FLOORS.get(there, '?')})"
        elif here == "dialect" and there == "net" and other != "lowart/net/sse.hpp":
            yield f"{header} includes {other}, but a dialect knows no sockets"
        elif there == "testing":
            yield f"{header} includes {other}, which is for tests"


def room_problems(header):
    for other in includes(header):
        for theirs, rooms in ROOMS:
            if re.match(theirs, other) and not re.match(rooms, header):
                yield f"{header} includes {other}, which does not belong there"


def circles(all_headers):
    """Every circle of includes, once. A header and its .ipp include each other on purpose."""
    done, path, found = set(), [], []

    def walk(header):
        if header in path:
            found.append(" -> ".join(path[path.index(header):] + [header]))
            return
        if header in done:
            return
        done.add(header)
        path.append(header)
        for other in includes(header):
            if other.startswith("lowart/") and not other.endswith(".ipp"):
                walk(other)
        path.pop()

    for header in all_headers:
        walk(header)
    return found


def bodies_left_out():
    named = includes("lowart/src.hpp")
    for body in headers(".ipp"):
        if body not in named:
            yield f"lowart/src.hpp does not include {body}"


def main():
    all_headers = headers(".hpp", ".ipp")
    problems = [p for h in all_headers for check in (floor_problems, room_problems) for p in check(h)]
    problems += [f"a circle: {c}" for c in circles(all_headers)]
    problems += bodies_left_out()
    return result(len(all_headers), problems)


if __name__ == "__main__":
    sys.exit(main())
