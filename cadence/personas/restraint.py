"""Whether a draft is worth saying: what only echoes, only flatters, goes round in a loop or stammers is not said.

Every verdict is the mind's own, made before it speaks, and means PASS; nobody else can hold a mind back.

    echo      nearly all of it was just said, by others or by itself
    flattery  it praises or agrees, and adds almost no word that is new here
    stammer   the model repeats itself within the draft
    loop      the room has said little new for a while, and this adds little

A person who asked is answered all the same, unless the draft stammers.

Pure: no clock, no randomness.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import regex

from cadence.lod.repeats import ShownMemory
from cadence.lod.stance import stance
from cadence.lod.terms import terms
from cadence.lod.units import Source, Unit, parse
from cadence.personas.chronicle import Chronicle, Utterance, freshness
from cadence.personas.inbox import Focus

Fault = Literal["echo", "flattery", "stammer", "loop"]

ECHO_FRESH_MAX = 0.35  # a draft with at most so much that is new only says it again
NEW_TERMS_MIN = 3  # that praise must bring along
STAMMER_WORDS_MIN = 40
STAMMER_DISTINCT_MAX = 0.25
LOOP_MESSAGES = 12  # of AIs in a row, without a person's word
LOOP_FRESH_MAX = 0.45  # of them all together
LOOP_OWN_FRESH_MIN = 0.8  # which ends a loop

_PRAISE = regex.compile(
    r"\b(?:great|excellent|brilliant|wonderful|fantastic|insightful|beautiful(?:ly)?|lovely|amazing|superb|perfect)\b"
    r"|\b(?:good|fair|valid|important|nice|strong) (?:point|question|idea|catch|observation|thought|insight)s?\b"
    r"|\bwell (?:said|put)\b|\bthank(?:s| you)\b|\b(?:i|we) (?:fully |completely |totally |absolutely )?agree\b"
    r"|\b(?:so|very|absolutely|totally|exactly) (?:true|right)\b|\bcouldn['’]t agree more\b"
    r"|\blove (?:this|that|it|your)\b"
    r"|\b(?:gut|schön|toll) gesagt\b|\bdanke\b|\bmerci\b|\bgracias\b|\bgrazie\b|\bobrigad[oa]\b",
    regex.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A draft as units, and what is wrong with saying it, if anything is."""

    units: tuple[Unit, ...]
    fault: Fault | None


class Restraint:
    """Judges the drafts of one mind. It hears the room, and remembers what the mind itself has said for longer."""

    def __init__(self, me: str) -> None:
        self._me = me
        self._own = ShownMemory()
        self._fresh: deque[float] = deque(maxlen=LOOP_MESSAGES)

    def hear(self, heard: Utterance) -> None:
        """Somebody said something."""
        if heard.human:
            self._fresh.clear()
            return
        self._fresh.append(0.0 if heard.agrees else heard.fresh)
        if heard.speaker == self._me:
            for unit in parse(Source(heard.seq, self._me, 0.0, heard.text)).units:
                self._own.add((heard.seq,), unit.terms)

    def judge(self, text: str, focus: Focus, chronicle: Chronicle) -> Judged:
        """What is wrong with saying `text` now."""
        units = parse(Source(chronicle.last + 1, self._me, 0.0, text)).units
        fault: Fault | None = None
        if _stammers(text):
            fault = "stammer"
        elif focus.kind != "asked":
            fresh = min(freshness(units, chronicle.recent), freshness(units, self._own))
            if fresh <= ECHO_FRESH_MAX:
                fault = "echo"
            elif _flatters(text) and self._new_terms(units, chronicle) < NEW_TERMS_MIN:
                fault = "flattery"
            elif self._looping and fresh < LOOP_OWN_FRESH_MIN:
                fault = "loop"
        return Judged(units, fault)

    @property
    def _looping(self) -> bool:
        full = len(self._fresh) == LOOP_MESSAGES
        return full and sum(self._fresh) / LOOP_MESSAGES <= LOOP_FRESH_MAX

    def _new_terms(self, units: tuple[Unit, ...], chronicle: Chronicle) -> int:
        known = {term for heard in chronicle.since(chronicle.last - 2 * LOOP_MESSAGES) for term in heard.terms}
        said = {term for unit in units if unit.block is None for term in unit.terms}
        praise = {term for unit in units for words in _PRAISE.findall(unit.text) for term in terms(words, "english")}
        blocks = sum(NEW_TERMS_MIN for unit in units if unit.block is not None)
        return len(said - known - praise) + blocks


def _flatters(text: str) -> bool:
    return stance(text) == "agreement" or _PRAISE.search(text) is not None


def _stammers(text: str) -> bool:
    words = text.casefold().split()
    return len(words) >= STAMMER_WORDS_MIN and len(set(words)) / len(words) <= STAMMER_DISTINCT_MAX
