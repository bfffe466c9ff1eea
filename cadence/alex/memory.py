"""What one reader has been shown: by speaker and side, by content, by message.

Rebuilt from stored turns after a restart, so that nothing is said again and no objection loses its target.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from cadence.lod.digest import SpeakerMemory
from cadence.lod.languages import guess_language
from cadence.lod.repeats import ShownMemory
from cadence.lod.terms import terms
from cadence.lod.units import Unit
from cadence.lod.vectors import Vector
from cadence.rooms.wire import Turn

SEQS_MAX = 20_000


class ReaderMemory:
    """`speakers` rewards who was shown little, `units` knows what would be a repeat."""

    def __init__(self) -> None:
        self.speakers = SpeakerMemory()
        self.units = ShownMemory()
        self._seqs: OrderedDict[int, None] = OrderedDict()

    def saw(self, seq: int) -> None:
        """Something of this message was shown, or all of it was sent."""
        self._seqs[seq] = None
        while len(self._seqs) > SEQS_MAX:
            self._seqs.popitem(last=False)

    def has_seen(self, seq: int) -> bool:
        """Whether something of this message was shown."""
        return seq in self._seqs

    def show(self, unit: Unit, share: float, side: str | None, now: float, vector: Vector | None = None) -> None:
        """A unit is shown; `share` is what it adds to the reward of its speaker and side."""
        self.saw(unit.seq)
        self.units.add((unit.seq,), unit.terms, vector)
        self.speakers.add(unit.speaker, share, now)
        if side is not None:
            self.speakers.add(side, share, now)

    def clear(self) -> None:
        """A played conversation begins again: all may be said anew."""
        self.speakers.clear()
        self.units.clear()

    def recall(self, turns: Iterable[Turn]) -> None:
        """Take over what these stored turns showed, oldest first."""
        for turn in turns:
            for segment in turn.segments:
                for seq in segment.sources:
                    self.saw(seq)
                for piece in _pieces(segment.text):
                    self.units.add(segment.sources, terms(piece, guess_language(piece)))


def _pieces(text: str) -> Sequence[str]:
    """The pieces of a quote, as it was joined."""
    return [piece for piece in text.split(" … ") if piece]
