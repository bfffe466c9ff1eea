"""What a claim is held against: the units it cites, read one by one and together.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from cadence.alex.lexicon import ACTS, REPORTING, SOFTENERS
from cadence.alex.wording import Mark, Reading, read, stem

REPORTED = frozenset(stem(word) for word in REPORTING)
ACT_STEMS = {stem(act): act for act in ACTS}
SOFT = SOFTENERS | frozenset(stem(word) for word in SOFTENERS)


class Heard(Protocol):
    """What a rule needs to know of a source."""

    @property
    def text(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def question(self) -> bool: ...
    @property
    def addressee(self) -> str: ...
    @property
    def objects(self) -> bool: ...
    @property
    def agrees(self) -> bool: ...
    @property
    def before(self) -> str: ...


@dataclass(frozen=True)
class Evidence:
    """The cited units, read one by one and together."""

    sources: tuple[Heard, ...]
    readings: tuple[Reading, ...]
    context: Reading

    @classmethod
    def of(cls, sources: Sequence[Heard], names: Collection[str]) -> Evidence:
        """Read these units; `names` are those of the room."""
        before = " . ".join(source.before for source in sources if source.before)
        return cls(tuple(sources), tuple(read(source.text, names) for source in sources), read(before, names))

    @cached_property
    def text(self) -> str:
        return " \n ".join(source.text for source in self.sources)

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(stem for reading in self.readings for stem in reading.stems)

    @cached_property
    def texts(self) -> frozenset[str]:
        return frozenset(text for reading in self.readings for text in reading.texts)

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of the room that the units say, in lower case."""
        return frozenset(name.casefold() for reading in self.readings for name, _ in reading.names)

    def marks(self, kind: str) -> list[Mark]:
        return [mark for reading in self.readings for mark in getattr(reading, kind)]

    @property
    def objects(self) -> bool:
        """Whether one of them explicitly objects to what it answers."""
        return any(source.objects for source in self.sources)
