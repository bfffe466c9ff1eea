"""The real conversations: QMSum meetings, ArgKP arguments, IRC logs, as the units that a room would make of them.

Read from `../shared/data` (see NOTICE.md there for origins and licences); nothing of it is kept in the project.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cadence.lod.terms import Background
from cadence.lod.units import Source, Unit, parse
from cadence.lod.words import count_words
from cadence.personas.formats import irc

SPOKEN_WPM = 150.0  # a meeting without times is replayed as fast as people talk
TURN_SECONDS_MIN = 0.5


class Absent(Exception):
    """The data are not there; the text says what was looked for."""


@dataclass(frozen=True)
class Question:
    """Something asked about a meeting, and what a person answered; `spans` are turns, first and last."""

    text: str
    answer: str
    spans: tuple[tuple[int, int], ...] = ()

    @property
    def words(self) -> int:
        return count_words(self.answer)


@dataclass(frozen=True)
class Meeting:
    """A meeting in units; the seq of a unit is its turn + 1."""

    name: str
    domain: str
    units: tuple[Unit, ...]
    general: tuple[Question, ...]
    specific: tuple[Question, ...]
    topics: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def texts(self) -> list[str]:
        return [unit.text or "block" for unit in self.units]

    @cached_property
    def background(self) -> Background:
        """What the room itself would have counted: each unit once."""
        counted = Background()
        for unit in self.units:
            counted.add(unit.terms)
        return counted


def meetings(shared: Path, split: str, *, most: int | None = None) -> list[Meeting]:
    """The meetings of a split, `val` or `train`; the first `most` of them."""
    path = shared / "qmsum" / f"{split}.jsonl"
    return [
        _meeting(number, json.loads(line)) for number, line in enumerate(_lines(path), 1) if not most or number <= most
    ]


def _meeting(number: int, raw: dict[str, Any]) -> Meeting:
    units: list[Unit] = []
    at = 0.0
    for turn, said in enumerate(raw["meeting_transcripts"]):
        text = said["content"]
        units += parse(Source(turn + 1, said["speaker"], at, text, spoken=True)).units
        at += max(TURN_SECONDS_MIN, 60.0 * count_words(text) / SPOKEN_WPM)
    return Meeting(
        name=str(raw.get("meeting", number)),
        domain=str(raw.get("domain", "")),
        units=tuple(units),
        general=tuple(Question(one["query"], one["answer"]) for one in raw["general_query_list"]),
        specific=tuple(
            Question(one["query"], one["answer"], _spans(one["relevant_text_span"]))
            for one in raw["specific_query_list"]
        ),
        topics=tuple(_spans(topic["relevant_text_span"]) for topic in raw["topic_list"]),
    )


def _spans(raw: list[list[str]]) -> tuple[tuple[int, int], ...]:
    return tuple((int(first), int(last)) for first, last in raw)


@dataclass(frozen=True)
class Argument:
    """What somebody holds about a topic; `stance` is 1 or -1."""

    topic: str
    text: str
    stance: int


def arguments(shared: Path, parts: Sequence[str] = ("train", "dev")) -> dict[str, list[Argument]]:
    """All arguments by topic, of these parts."""
    found: dict[str, list[Argument]] = {}
    for part in parts:
        for row in csv.DictReader(_lines(shared / "argkp2021" / f"arguments_{part}.csv")):
            one = Argument(row["topic"], row["argument"], int(row["stance"]))
            found.setdefault(one.topic, []).append(one)
    return found


@dataclass(frozen=True)
class Said:
    """A line of chat."""

    seq: int
    speaker: str
    at: float
    text: str


def channels(shared: Path) -> list[list[Said]]:
    """The IRC logs that come with times: one list of lines for each file, in order."""
    folder = shared / "irc-disentanglement" / "dev"
    paths = sorted(folder.glob("*.raw.txt"))
    if not paths:
        raise Absent(f"expected IRC logs in {folder}, found none")
    return [list(_said(path)) for path in paths]


def _said(path: Path) -> Iterator[Said]:
    at = 0.0
    for seq, one in enumerate(irc.read(_lines(path)), 1):
        at += one.line.after_s or 0.0
        yield Said(seq, one.name, at, one.line.text)


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise Absent(f"expected {path}, which is not there")
    return path.read_text(encoding="utf-8").splitlines()
