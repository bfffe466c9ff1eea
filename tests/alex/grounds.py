"""Sources and claims for the tests of the grounding check."""

from __future__ import annotations

from typing import Any

from cadence.alex.evidence import Evidence
from cadence.alex.grounding import Claim, Ground, Source, Verdict, check
from cadence.alex.wording import Reading, read

NAMES = {"vera": "Vera", "pell": "Pell", "odile": "Odile"}
CACHE = "The cache loses about forty writes whenever the second node restarts under load."


def source(text: str = CACHE, speaker: str = "vera", key: int = 1, **more: Any) -> Source:
    return Source(key, more.pop("seq", key), speaker, NAMES[speaker], text, question=text.endswith("?"), **more)


def ground(*sources: Source, words_max: int = 60, **more: Any) -> Ground:
    return Ground({one.key: one for one in sources or (source(),)}, words_max, dict(NAMES), **more)


def judge(text: str, *sources: Source, speakers: tuple[str, ...] = ("vera",), **more: Any) -> Verdict:
    """One claim by `speakers` that cites all of `sources`."""
    given = ground(*sources, **more)
    return check([Claim(speakers, tuple(given.sources), text)], given)


def rules(verdict: Verdict) -> set[str]:
    return {fault.rule for fault in verdict.faults}


def pair(text: str, *said: str, **more: Any) -> tuple[Reading, Evidence]:
    """A claim and its evidence, as the single rules take them."""
    sources = [source(one, key=key, **more) for key, one in enumerate(said, 1)]
    return read(text, NAMES.values()), Evidence.of(sources, NAMES.values())
