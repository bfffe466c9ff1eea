"""The first room's acceptance on a real meeting, as one table.

    python -m bench.first_room FILE [--meeting N] [--minutes M] [--speed X] [--json]

FILE is a QMSum jsonl or a script. Two runs against a real server over real sockets: one with mediated readers,
a host who narrows one of them and a server killed with SIGKILL under load; one, shorter, with everybody raw.
Exit code 1 if a criterion is not met.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.meeting import READERS, Meeting, agent_frames, hold, seen_by_agents
from bench.serving import ROOM, Serving
from cadence.personas.plan import Plan, PlanError
from cadence.personas.replay import read_plan
from tests import checks
from tests.checks import words
from tests.checks.record import Reading
from tests.stranger import Stranger

RAW_SHARE = 0.3  # of the meeting is replayed a second time with everybody raw
FOLLOW_RATIO_MIN = 1.3


@dataclass(frozen=True)
class Row:
    criterion: str
    floor: str
    measured: str
    met: bool


def rows(meeting: Meeting, raw: Meeting, raw_lines: int) -> list[Row]:
    """Every criterion with its floor and what was measured."""
    log = meeting.log
    calm = [(0.0, math.inf)]
    agents = {name: checks.agent(name, one.diary, log, one.id, calm=[]) for name, one in meeting.agents.items()}
    mediated = {name: one for name, one in meeting.readers.items() if name != "reader raw"}
    readers = {name: checks.reader(name, one.diary, log, one.id, calm=[]) for name, one in mediated.items()}
    plain = meeting.readers["reader raw"]
    readers["reader raw"] = checks.reader("reader raw", plain.diary, log, plain.id, calm=[])
    found = [violation for verdict in [*agents.values(), *readers.values()] for violation in verdict.violations]
    missing = set(range(1, log.head + 1)) - {frame["seq"] for frame in plain.received("message")}
    return [
        _none("raw receivers have every message, in order", _about(found, "raw", "order", "gap") + sorted(missing)),
        _none("covers are whole and counted right (law 1)", _about(found, "law 1:")),
        _none("words shown obey law 2", _about(found, "law 2:")),
        _none("what fits is shown whole (law 3)", _about(found, "law 3:")),
        _none("segments cite their authors (law 7)", _about(found, "law 7:")),
        _none("quotes and code are the log's own (law 8)", _about(found, "law 8:")),
        _none("no unit twice (law 10)", _about(found, "law 10:")),
        _none("nothing else a stranger objects to", _rest(found)),
        *_follow(meeting),
        _narrowed(meeting),
        _invisible(meeting, raw, raw_lines),
        _kept(meeting),
        *_figures(meeting, calm),
    ]


def _none(criterion: str, found: list[object]) -> Row:
    return Row(criterion, "0", str(len(found)) if not found else f"{len(found)}: {found[0]}"[:160], not found)


LAWS = ("law 1:", "law 2:", "law 3:", "law 7:", "law 8:", "law 10:", "raw", "order", "gap")


def _about(found: Iterable[str], *topics: str) -> list[object]:
    return [violation for violation in found if any(topic in violation for topic in topics)]


def _rest(found: Iterable[str]) -> list[object]:
    return [violation for violation in found if not any(topic in violation for topic in LAWS)]


def _shown(one: Stranger, speaker: str | None = None) -> int:
    """Words shown to a reader in turns, of everybody or of one speaker."""
    segments = [segment for turn in one.received("turn") for segment in turn["segments"]]
    return sum(_cost(segment) for segment in segments if speaker is None or segment["speakers"] == [speaker])


def _cost(segment: dict[str, object]) -> int:
    part = segment.get("part")
    return 15 if isinstance(part, dict) and part["folded"] else words.count(str(segment["text"]))


def _follow(meeting: Meeting) -> list[Row]:
    def share(name: str) -> float:
        one = meeting.readers[name]
        return _shown(one, meeting.followed_id) / max(1, _shown(one))

    sharp, soft, nobody = (share(f"follower{rest}") for rest in (", sigma 0.5", ", sigma 2", " of nobody"))
    measured = f"{sharp:.2f} / {soft:.2f} = {sharp / max(soft, 1e-9):.2f}"
    return [
        Row(
            f"share of {meeting.followed}, sigma 0.5 over sigma 2",
            f">= {FOLLOW_RATIO_MIN}",
            measured,
            sharp >= FOLLOW_RATIO_MIN * soft,
        ),
        Row(
            f"share of {meeting.followed}, followed over not",
            f"> {nobody:.2f}",
            f"{sharp:.2f} and {soft:.2f}",
            min(sharp, soft) > nobody,
        ),
    ]


def _narrowed(meeting: Meeting) -> Row:
    """The narrowed reader is told by whom and has the new view; nobody else was told anything."""
    target = meeting.readers["narrowed by the host"]
    told = [frame for frame in target.received("view") if frame["set_by"] == "host"]
    others = [
        name
        for name, one in meeting.readers.items()
        if one is not target and any(frame["set_by"] == "host" for frame in one.received("view"))
    ]
    view = told[0]["view"] if told else {}
    met = len(told) == 1 and view.get("cadence_s") == 20 and not others
    return Row("a host narrows one reader, only that one changes", "1 of 1", f"{len(told)}, others {len(others)}", met)


def _invisible(meeting: Meeting, raw: Meeting, lines: int) -> Row:
    here, there = agent_frames(meeting, lines), agent_frames(raw, lines)
    frames = min(len(frames) for frames in there)
    equal = here == there and frames > 0 and seen_by_agents(meeting) == seen_by_agents(raw)
    return Row("agents receive the same, mediated or raw", "frame for frame", f"{frames} frames each", equal)


def _kept(meeting: Meeting) -> Row:
    log = meeting.log
    said = [frame for one in meeting.agents.values() for frame in one.received("said")]
    lost = [frame for frame in said if log.messages.get(frame["seq"], {}).get("id") != frame["id"]]
    doubled = len(log.messages) - len({(m["from"]["id"], m["id"]) for m in log.messages.values()})
    epochs = {frame["epoch"] for one in meeting.everyone for frame in one.received("joined")}
    measured = f"{len(said)} acknowledged, {len(lost)} lost, {doubled} twice, {len(epochs)} epoch"
    return Row("kill -9 and restart lose nothing", "0 lost", measured, not lost and not doubled and len(epochs) == 1)


def _figures(meeting: Meeting, calm: list[tuple[float, float]]) -> list[Row]:
    log = meeting.log
    heard = sum(words.of_message(message) for message in log.messages.values())
    found: list[Row] = []
    for name in READERS:
        one = meeting.readers[name]
        if name == "reader raw":
            continue
        turns = Reading(name, one.diary, ROOM).cadence_turns()
        measured = f"{heard} -> {_shown(one)} in {len(turns)} turns"
        found.append(Row(f"words in and out, {name}", "reported", measured, bool(turns)))
    return found


async def run(plan: Plan, speed: float, progress: Progress) -> list[Row]:
    """Both runs, one after the other."""
    raw_lines = max(1, int(len(plan.lines) * RAW_SHARE))
    short = Plan(plan.cast, plan.lines[:raw_lines], sum(line.after_s or 0.0 for line in plan.lines[:raw_lines]))
    held: list[Meeting] = []
    for name, part, mediated in (("mediated", plan, True), ("everybody raw", short, False)):
        bar = progress.add_task(name, total=part.seconds)
        with tempfile.TemporaryDirectory() as folder:
            serving = Serving(Path(folder))
            try:
                meeting = await hold(
                    serving,
                    part,
                    speed=speed,
                    mediated=mediated,
                    crash=mediated,
                    said=lambda at, bar=bar: progress.update(bar, completed=at),  # type: ignore[misc]
                )
                for one in meeting.everyone:
                    await one.cut()
                held.append(meeting)
            finally:
                await serving.end()
    return rows(held[0], held[1], raw_lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.first_room", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--meeting", type=int, default=1, help="which meeting of the file; the first is 1")
    parser.add_argument("--minutes", type=float, default=40.0, help="of the meeting's own time")
    parser.add_argument("--speed", type=float, default=20.0)
    parser.add_argument("--json", action="store_true", help="print one JSON list of rows")
    given = parser.parse_args()
    try:
        plan = read_plan(given.file, meeting=given.meeting, minutes=given.minutes)
    except PlanError as error:
        print(f"first_room: {error}", file=sys.stderr)
        return 1
    with Progress(console=Console(stderr=True), disable=given.json) as progress:
        found = asyncio.run(run(plan, given.speed, progress))
    if given.json:
        print(json.dumps([asdict(row) for row in found]))
    else:
        table = Table("criterion", "floor", "measured", "met", title=f"{given.file.name}, meeting {given.meeting}")
        for row in found:
            table.add_row(row.criterion, row.floor, row.measured, "yes" if row.met else "NO")
        Console().print(table)
    return 0 if all(row.met for row in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
