"""What one reader hears of other rooms and other pods: whose turn it is, and how much of it (LOD.md section 4).

At each look every scope in hearing earns its water-filled share of what the reader can take in; a share too small to
read is credit, and when a scope's credit is worth a line, the best line of it is told. A quiet room stays quiet: what
the reader's own room leaves unsaid takes part in the division like a scope of its own, so that next door does not
fill the silence.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cadence.alex.ambience import Ambience, Overheard
from cadence.alex.memory import ReaderMemory
from cadence.lod.allocation import ScopeCredit, allocate, scope_attention
from cadence.lod.focus import Focus
from cadence.lod.scopes import SPEAKER_STEPS
from cadence.rooms.wire import Segment

PATIENCE_SECONDS = 60.0  # that a line too long for the bucket waits; then it comes alone, and overdraws
INCOME_SECONDS_MAX = 60.0  # of a reader's pace that one look divides


@dataclass(frozen=True, slots=True)
class Place:
    """A room in hearing, and how many steps away it is."""

    ambience: Ambience
    steps: float


class Source(Protocol):
    """What can be overheard of one scope: words ever said, and what to tell of it, the best first."""

    @property
    def words(self) -> int: ...

    def items(self, now: float) -> Sequence[Overheard]: ...


class Listening:
    """One reader's ear for what is not their own scope. Rooms are keyed by their id, pods by `#` and theirs."""

    def __init__(self, memory: ReaderMemory) -> None:
        self._memory = memory
        self._places: dict[str, Place] = {}
        self._focus = Focus()
        self._credit = ScopeCredit()
        self._known: dict[str, int] = {}  # words of each scope up to the last look
        self._felt: dict[str, float] = {}  # attention at the last look
        self._at = float("-inf")
        self._uncovered: float | None = None  # since when something is due and the bucket does not cover it
        self._stirring = False

    @property
    def hears(self) -> bool:
        """Whether there is anything but the reader's own scope."""
        return bool(self._places)

    def place(self, places: Mapping[str, Place], now: float) -> None:
        """From `now` on these rooms are in hearing."""
        self._at = max(self._at, now) if not self._places else self._at
        for room in places.keys() - self._places.keys():
            self._known[room] = places[room].ambience.words  # what was said before is not news
        self._places = dict(places)
        self._known = {room: words for room, words in self._known.items() if room in places}
        self._credit.keep(self._places)
        self._focus.move({room: place.steps for room, place in places.items()}, now)

    def earn(self, rate: float, own_words: int, sigma: float, now: float) -> None:
        """A look: divide what the reader can take in since the last one.

        `rate` in words per second; `own_words` is what was newly said in the reader's own scope.
        """
        seconds, self._at = min(max(0.0, now - self._at), INCOME_SECONDS_MAX), now
        if not self._places:
            return
        said = {room: place.ambience.words - self._known[room] for room, place in self._places.items()}
        self._known = {room: place.ambience.words for room, place in self._places.items()}
        self._stirring = any(said.values())
        steps, budget = self._focus.felt(now), rate * seconds
        silence = max(0.0, budget - own_words)
        names = list(said)
        words = [own_words + silence, *(said[name] for name in names)]
        (weights,) = scope_attention([[SPEAKER_STEPS, *(steps[name] for name in names)]], sigma)
        (shares,) = allocate([words], [weights], [budget])
        self._felt = dict(zip(names, weights[1:].tolist(), strict=True))
        self._credit.earn(dict(zip(names, shares[1:].tolist(), strict=True)))

    def overhear(self, budget: float, now: float, *, once: bool = False, alone: bool = False) -> list[Segment]:
        """What is due and fits into `budget` words, as segments of kind `ambient`; the most owed scope first.

        `once`: at most one line. `alone`: nothing else is in the turn, so a line that the budget has not covered for
        `PATIENCE_SECONDS` may overdraw it.
        """
        segments: list[Segment] = []
        missed = False
        patient = self._uncovered is None or now - self._uncovered < PATIENCE_SECONDS
        for room in self._credit.due():
            fresh = [item for item in self._places[room].ambience.items(now) if self._is_new(room, item)]
            item = next((item for item in fresh if item.words <= budget), None)
            if item is None and fresh and alone and not segments and not patient and budget > 0:
                item = fresh[0]
            if item is None:
                missed = missed or bool(fresh)
                continue
            segments += self._tell(room, item)
            budget -= item.words
            if once:
                break
        if segments or not missed:
            self._uncovered = None
        elif self._uncovered is None:
            self._uncovered = now
        return segments

    def awake(self, now: float) -> bool:
        """Whether another look may find something, though nothing is said in the reader's own room."""
        if self._stirring:
            return True
        due = (room for room in self._credit.due() if room in self._places)
        return any(self._is_new(room, item) for room in due for item in self._places[room].ambience.items(now))

    def _is_new(self, room: str, item: Overheard) -> bool:
        """Whether nothing of it was told before, nor said to the reader in other words."""
        return not self._memory.knows(room, [pick.unit for pick in item.picks])

    def _tell(self, room: str, item: Overheard) -> list[Segment]:
        self._credit.pay(room, item.words)
        for pick in item.picks:
            self._memory.overheard(room, pick.unit)
        return item.segments(room, self._felt.get(room, 0.0))
