"""What a stranger counts in the diary of one reader: the laws that have a floor, and the figures beside them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.figures import Figures, figures
from cadence.models.encoder import Encoder, Vectors
from tests import checks
from tests.checks import Log, order, text
from tests.checks.disputes import both_sides
from tests.checks.record import Reading
from tests.checks.repeats import shown_again, told
from tests.stranger import Stranger

PROMPT_S = 2.0  # "at once" on a busy machine
COSINE_MAX = 0.8
REMEMBERED = 96
ENCODED_AT_ONCE = 32
FLOORS = ("law 1:", "law 2:", "law 7:", "law 8:")


@dataclass(slots=True)
class Tally:
    """Counts of one reader, or of several added up."""

    figures: Figures = field(default_factory=Figures)
    cpu_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    other: list[str] = field(default_factory=list)  # violations without a column of their own

    def add(self, more: Tally) -> None:
        """Count another run of such a reader in."""
        self.figures.add(more.figures)
        self.cpu_s += more.cpu_s
        self.counts.update(more.counts)
        self.other += more.other


def tally(name: str, one: Stranger, log: Log, span: tuple[float, float], cpu_s: float) -> Tally:
    """All that can be counted in one reader's diary. `span`: when the meeting took place."""
    reading = Reading(name, one.diary, log.room)
    found = checks.reader(name, one.diary, log, one.id, calm=[span], prompt_s=PROMPT_S).violations
    counts: Counter[str] = Counter()
    for turn in (seen.frame for seen in reading.turns.values()):
        for segment in turn["segments"]:
            wrong = text.segment_text(segment, turn, log)
            counts["segments"] += 1
            counts["attribution"] += any(what.startswith("law 7") for what in wrong)
            counts["verbatim"] += any(what.startswith("law 8") for what in wrong)
    counts["overruns"] = sum(what.startswith("law 2:") for what in found)
    counts["uncovered"] = sum(what.startswith("law 1:") for what in found)
    counts["uncovered"] += log.head - order.covered_to(reading, log)
    counts["repeats"], counts["pieces"] = shown_again(reading)
    sides = both_sides(reading, log)
    counts["objections"], counts["objected"] = sides.objections, sides.shown
    counts["both sides"], counts["alone"] = sides.with_target, len(sides.alone)
    other = [what for what in found if not what.startswith(FLOORS)]
    return Tally(figures(reading, log), cpu_s, counts, other)


class Closeness:
    """Repeats by meaning: quoted pieces with a cosine above 0.8 to one of the 96 pieces shown before."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Vectors] = {}

    def repeats(self, name: str, one: Stranger, log: Log) -> int:
        """How many of the pieces one reader was shown in quotes."""
        turns = list(told(Reading(name, one.diary, log.room)))
        self._learn([piece for pieces in turns for piece in pieces])
        shown: deque[Vectors] = deque(maxlen=REMEMBERED)
        repeats = 0
        for pieces in turns:
            vectors = [self._known[piece] for piece in pieces]
            if shown and vectors:
                repeats += int(((np.stack(vectors) @ np.stack(shown).T).max(axis=1) > COSINE_MAX).sum())
            shown.extend(vectors)
        return repeats

    def _learn(self, pieces: Sequence[str]) -> None:
        new = [piece for piece in dict.fromkeys(pieces) if piece not in self._known]
        for first in range(0, len(new), ENCODED_AT_ONCE):
            batch = new[first : first + ENCODED_AT_ONCE]
            self._known.update(zip(batch, self._encoder.encode(batch), strict=True))
