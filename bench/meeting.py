"""Real meetings before readers of every kind, as one table.

    python -m bench.meeting FILE [--meetings N] [--minutes M] [--seed S] [--data DIR] [--json]

FILE is a QMSum jsonl, a script, an export or an IRC log. Each meeting is held at its own speed in virtual time, then 20
and 100 times as fast before a real server; then the raw path is measured without and with 200 mediated readers.
DIR holds the tokenizer of the extra `vectors`, if repeats are to be counted by meaning too. Exit code 1 if a floor is
missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bench.audience import RAW, Sitting, before_a_server, in_virtual_time
from bench.figures import rank
from bench.rawpath import CROWD, IN_ONE_PROCESS, RATES_PER_S, RawPath, measure
from bench.tally import Closeness, Tally, tally
from cadence.models.encoder import MiniLmEncoder, missing
from cadence.personas.plan import Plan
from cadence.personas.replay import ReplayError, read_plan
from cadence.settings import data_home

SPEEDS = (1, 20, 100)
TABLE_WIDTH_MIN = 200
FLOORS = ("overruns", "attribution", "verbatim", "uncovered", "alone")
COLUMNS = (
    "reader",
    "words in",
    "words out",
    "out/in",
    "over law 2",
    "attributed",
    "verbatim",
    "uncovered",
    "repeats",
    "cos > .8",
    "both sides",
    "late p50/p99 ms",
    "first p50/p95 s",
    "appear",
    "CPU ms/turn",
)


@dataclass
class Result:
    """Tallies by speed and reader, CPU of the servers by speed (ms a turn), and the raw path by messages a second."""

    tallies: dict[tuple[int, str], Tally] = field(default_factory=dict)
    server_ms: dict[int, float] = field(default_factory=dict)
    raw_paths: dict[int, RawPath] = field(default_factory=dict)
    shared_paths: dict[int, RawPath] = field(default_factory=dict)  # as it would be without a process for Alex
    seconds: float = 0.0

    @property
    def met(self) -> bool:
        paths = all(path.met for path in self.raw_paths.values())
        return paths and not any(one.counts[name] for one in self.tallies.values() for name in FLOORS)


def run(plans: Sequence[Plan], seed: int, closeness: Closeness | None) -> Result:
    """All meetings at all speeds, one after the other, so that none disturbs another."""
    began = time.monotonic()
    result = Result()
    for speed in SPEEDS:
        cpu_s, turns = 0.0, 0
        for number, plan in enumerate(plans, 1):
            print(f"meeting {number} of {len(plans)}, {speed} times as fast", file=sys.stderr)
            if speed == 1:
                sitting = in_virtual_time(plan, seed)
            else:
                sitting = asyncio.run(before_a_server(plan, speed, seed))
            cpu_s += sitting.cpu_s[""]
            turns += _count(result, speed, sitting, closeness)
        result.server_ms[speed] = cpu_s * 1000 / max(1, turns)
    for rate in RATES_PER_S:
        print(f"the raw path, {rate} messages a second, without and with {CROWD} mediated readers", file=sys.stderr)
        lines = [line.text for plan in plans for line in plan.lines]
        result.raw_paths[rate] = asyncio.run(measure(lines, rate))
        result.shared_paths[rate] = asyncio.run(measure(lines, rate, *IN_ONE_PROCESS))
    result.seconds = time.monotonic() - began
    return result


def _count(result: Result, speed: int, sitting: Sitting, closeness: Closeness | None) -> int:
    """Add one sitting up; answers how many turns were made in it."""
    turns, log = 0, sitting.log
    for name, one in sitting.readers.items():
        found = tally(name, one, log, (sitting.began, sitting.ended), sitting.cpu_s[one.id])
        if closeness is not None:
            found.counts["close"] = closeness.repeats(name, one, log)
        turns += found.figures.turns
        result.tallies.setdefault((speed, name), Tally()).add(found)
    return turns


def table(result: Result, *, close: bool) -> Table:
    """The table, in Markdown, so that it can be kept beside the command."""
    shown = Table(*COLUMNS, box=box.MARKDOWN)
    for (speed, name), one in result.tallies.items():
        if name == RAW:
            continue
        counts, seen = one.counts, one.figures
        segments = max(1, counts["segments"])
        shown.add_row(
            f"{speed}x, {name}",
            f"{seen.heard}",
            f"{seen.shown}",
            f"{seen.compression:.1%}",
            f"{counts['overruns']}",
            f"{1 - counts['attribution'] / segments:.1%}",
            f"{1 - counts['verbatim'] / segments:.1%}",
            f"{counts['uncovered']}",
            f"{counts['repeats']} of {counts['pieces']}",
            f"{counts['close']}" if close else "-",
            f"{counts['both sides']} of {counts['objected']}; alone {counts['alone']}",
            f"{rank(seen.late, 0.5) * 1000:.0f} / {rank(seen.late, 0.99) * 1000:.0f}",
            f"{rank(seen.firsts, 0.5):.1f} / {rank(seen.firsts, 0.95):.1f}",
            f"{len(seen.firsts) / max(1, seen.messages):.0%}",
            f"{one.cpu_s * 1000 / max(1, seen.turns):.2f}" if speed == 1 else "",
        )
    return shown


def remarks(result: Result) -> list[str]:
    """What is said once: the servers' CPU, the raw path, what no column holds, the machine."""
    lines = [f"CPU of the whole server at {s}x: {result.server_ms[s]:.1f} ms a turn" for s in SPEEDS if s != 1]
    for rate, path in result.raw_paths.items():
        lines.append(f"raw path at {rate} messages a second, {_told(path)}, {'met' if path.met else 'NOT MET'}")
        lines.append(f"the same with Alex in the server's process, {_told(result.shared_paths[rate])}")
    other = [what for one in result.tallies.values() for what in one.other]
    raw = [one.counts["uncovered"] for (_, name), one in result.tallies.items() if name == RAW]
    lines.append(f"the raw readers lack {sum(raw)} messages; other violations: {len(other)}")
    lines += [f"  {what[:300]}" for what in other[:5]]
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return [*lines, f"{machine}; {result.seconds:.0f} s in all"]


def _told(path: RawPath) -> str:
    """One raw path in words."""

    def ms(share: float) -> str:
        alone, crowded = (rank(times, share) * 1000 for times in (path.alone, path.crowded))
        return f"{alone:.1f} and {crowded:.1f} ms"

    alone, crowded = path.p99
    return (
        f"without and with {CROWD} readers: p50 {ms(0.5)}, p90 {ms(0.9)}, p95 {ms(0.95)}, p99 {ms(0.99)} "
        f"(ratio {crowded / max(alone, 1e-9):.2f}), {path.cpu_alone:.0%} and {path.cpu_crowded:.0%} of a core"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.meeting", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--meetings", type=int, default=3, help="how many of the file, from the first on")
    parser.add_argument("--minutes", type=float, default=10.0, help="of each meeting's own time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=data_home(), help="folder with the tokenizer of `vectors`")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    try:
        numbers = range(1, given.meetings + 1)
        plans = [read_plan(given.file, meeting=number, minutes=given.minutes) for number in numbers]
    except ReplayError as error:
        print(f"meeting: {error}", file=sys.stderr)
        return 1
    closeness = Closeness(MiniLmEncoder(given.data)) if missing(given.data) is None else None
    result = run(plans, given.seed, closeness)
    shown = table(result, close=closeness is not None)
    if given.json:
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in _rows(shown)]
        print(json.dumps({"readers": rows, "remarks": remarks(result), "met": result.met}, ensure_ascii=False))
    else:
        Console(width=max(Console().width, TABLE_WIDTH_MIN)).print(shown)
        print("\n".join(f"- {line}" for line in remarks(result)))
    return 0 if result.met else 1


def _rows(shown: Table) -> list[list[str]]:
    """The cells of a table, row by row."""
    columns = [list(map(str, column.cells)) for column in shown.columns]
    return [list(row) for row in zip(*columns, strict=True)]


if __name__ == "__main__":
    raise SystemExit(main())
