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
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.figures import figures, rank, words_per_minute
from bench.gathering import KINDS, Meeting, agent_frames, hold, seen_by_agents
from bench.serving import ROOM, Serving
from cadence.personas.plan import Plan, PlanError
from cadence.personas.replay import read_plan
from tests import checks
from tests.checks import words
from tests.checks.record import Reading
from tests.stranger import Stranger

RAW_SHARE = 0.3  # of the meeting is replayed a second time with everybody raw
FOLLOW_RATIO_MIN = 1.3
NARROWED_MAX = 0.7  # of the words a minute of a reader who had the same view and keeps it
ALIKE_MIN = 0.7  # before, the two read as much as each other
LATE_S_MAX = 0.25
TABLE_WIDTH_MIN = 140
PROMPT_S = 2.0  # "at once" on a busy machine
RAW = "reader raw"
LAWS = ("law 1:", "law 2:", "law 3:", "law 7:", "law 8:", "law 10:", "order:", "same:", "turns:", "words:", "said:")


@dataclass(frozen=True)
class Row:
    criterion: str
    floor: str
    measured: str
    met: bool


def rows(meeting: Meeting, raw: Meeting, raw_lines: int) -> list[Row]:
    """Every criterion with its floor and what was measured."""
    log, calm = meeting.log, meeting.calm
    found: list[str] = []
    for name, one in meeting.agents.items():
        found += checks.agent(name, one.diary, log, one.id, calm=calm).violations
    for name, one in meeting.readers.items():
        found += checks.reader(name, one.diary, log, one.id, calm=calm, prompt_s=PROMPT_S).violations
    plain = meeting.readers[RAW]
    missing = set(range(1, log.head + 1)) - {frame["seq"] for frame in plain.received("message")}
    return [
        _none("raw receivers have every message, in order", _about(found, "order:", "same:") + sorted(missing)),
        _none("every reader's covers are whole and true (law 1)", _about(found, "law 1:", "turns:")),
        _none("words shown obey the bucket in every window (law 2)", _about(found, "law 2:", "words:")),
        _none("what fits is shown whole (law 3)", _about(found, "law 3:")),
        _none("segments cite their authors, quotes their sources (law 7)", _about(found, "law 7:")),
        _none("no unit is shown twice (law 10)", _about(found, "law 10:")),
        _code(meeting, _about(found, "law 8:", "said:")),
        _none("nothing else a stranger objects to", [one for one in found if not one.startswith(LAWS)]),
        *_follow(meeting),
        _narrowed(meeting),
        _invisible(meeting, raw, raw_lines),
        _kept(meeting),
        *_figures(meeting),
    ]


def _none(criterion: str, found: list[object]) -> Row:
    return Row(criterion, "0", str(len(found)) if not found else f"{len(found)}: {found[0]}"[:160], not found)


def _about(found: Iterable[str], *topics: str) -> list[object]:
    return [violation for violation in found if violation.startswith(topics)]


def _code(meeting: Meeting, found: list[object]) -> Row:
    """What was sent is what stands in the log (`said:`), and what turns show of it is that, or folded (law 8)."""
    coder = meeting.agents["Coder"].id
    said = [message for message in meeting.log.messages.values() if message["from"]["id"] == coder]
    turns = [turn for one in meeting.readers.values() for turn in one.received("turn")]
    blocks = [segment["part"] for turn in turns for segment in turn["segments"] if "part" in segment]
    measured = f"{len(said)} messages, {len(blocks)} blocks shown, {sum(part['folded'] for part in blocks)} folded"
    return Row("code arrives byte-identical or folded (law 8)", "0 altered", measured, bool(said) and not found)


def _shown(one: Stranger, speaker: str | None = None) -> int:
    """Words shown to a reader in turns, of everybody or of one speaker."""
    segments = [segment for turn in one.received("turn") for segment in turn["segments"]]
    return sum(_cost(segment) for segment in segments if speaker is None or segment["speakers"] == [speaker])


def _cost(segment: dict[str, object]) -> int:
    part = segment.get("part")
    return 15 if isinstance(part, dict) and part["folded"] else words.count(str(segment["text"]))


def _follow(meeting: Meeting) -> list[Row]:
    """Whose words fill the turns of those who follow a speaker, closely or loosely, and of those who do not."""

    def share(kind: str) -> float:
        each = [one for name, one in meeting.readers.items() if name.startswith(f"{kind} (")]
        return sum(_shown(one, meeting.followed_id) for one in each) / max(1, sum(_shown(one) for one in each))

    sharp, soft, nobody = (share(kind) for kind in KINDS)
    who = meeting.agents[meeting.followed].name
    measured = f"{sharp:.3f} / {soft:.3f} = {sharp / max(soft, 1e-9):.2f}"
    both = f"{sharp:.3f} and {soft:.3f}"
    return [
        Row(f"share of {who}, sigma 0.5 over 2", f">= {FOLLOW_RATIO_MIN}", measured, sharp >= FOLLOW_RATIO_MIN * soft),
        Row(f"share of {who}, followed over not", f"> {nobody:.3f}", both, min(sharp, soft) > nobody),
    ]


def _narrowed(meeting: Meeting) -> Row:
    """The narrowed reader is told by whom, and reads less than one who had the same view and is told nothing."""
    target, twin = meeting.readers["narrowed by the host"], meeting.readers["reader at 5 s"]
    told = [frame for frame in target.received("view") if frame["set_by"] == "host"]
    others = [
        name
        for name, one in meeting.readers.items()
        if one is not target and any(frame["set_by"] == "host" for frame in one.received("view"))
    ]
    until = meeting.crashed[0] or meeting.ended
    spans = (meeting.began, meeting.narrowed_at), (meeting.narrowed_at, until)
    (before, after), (same, still) = (
        [words_per_minute(Reading("", one.diary, ROOM), *span) for span in spans] for one in (target, twin)
    )
    met = len(told) == 1 and not others and told[0]["view"]["cadence_s"] == 20
    met = met and after < NARROWED_MAX * still and ALIKE_MIN <= before / max(same, 1e-9) <= 1 / ALIKE_MIN
    measured = f"{before:.0f} -> {after:.0f} words/min; with the same view before: {same:.0f} -> {still:.0f}"
    return Row("a host narrows one reader, only that one changes", "1 told, 1 slower", measured, met)


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


def _figures(meeting: Meeting) -> list[Row]:
    """How much and how late, for each mediated reader; late looks are a criterion, the rest is reported."""
    found: list[Row] = []
    late = 0.0
    for name, one in meeting.readers.items():
        if name == RAW:
            continue
        got = figures(Reading(name, one.diary, ROOM), meeting.log)
        late_p99 = rank(got.late, 0.99)
        late = max(late, late_p99)
        if name.endswith(")") and not name.endswith("(1)"):
            continue
        shown = f"{got.heard} -> {got.shown} words ({got.compression:.0%}) in {got.turns} turns"
        waits = (
            f"wait p50 {rank(got.waits, 0.5):.1f}, p95 {rank(got.waits, 0.95):.1f} s; late p99 {late_p99 * 1000:.0f} ms"
        )
        found.append(Row(name, "reported", f"{shown}, the rate earns {got.may_show:.0f}; {waits}", got.turns > 0))
    return [*found, Row("looks are on time", f"p99 < {LATE_S_MAX} s", f"{late * 1000:.0f} ms", late < LATE_S_MAX)]


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
    parser.add_argument("--minutes", type=float, default=50.0, help="of the meeting's own time")
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
        Console(width=max(Console().width, TABLE_WIDTH_MIN)).print(table)
    return 0 if all(row.met for row in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
