"""What one reader has been shown: by speaker and side, by content, by message.

Rebuilt from stored turns after a restart, so that nothing is said again and no objection loses its target.

Pure: no clock, no files.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from cadence.lod.digest import SpeakerMemory
from cadence.lod.languages import guess_language
from cadence.lod.repeats import ShownMemory
from cadence.lod.terms import terms
from cadence.lod.units import Unit
from cadence.lod.vectors import Vector
from cadence.rooms.wire import Turn, from_iso

SEQS_MAX = 20_000  # messages of other rooms
RUNS_MAX = 20_000  # of neighbouring messages of the reader's own room


class Runs:
    """Numbers, kept as runs of neighbours: what was read raw is one run, however long.

    At most `RUNS_MAX` runs; those of the smallest numbers go first.
    """

    def __init__(self) -> None:
        self._firsts: list[int] = []  # rising, and so are the lasts
        self._lasts: list[int] = []

    def add(self, number: int) -> None:
        """Keep one more."""
        firsts, lasts = self._firsts, self._lasts
        at = bisect_right(firsts, number)
        if at and number <= lasts[at - 1]:
            return
        if at and lasts[at - 1] == number - 1:
            lasts[at - 1] = number
            if at < len(firsts) and firsts[at] == number + 1:
                lasts[at - 1] = lasts[at]
                del firsts[at], lasts[at]
        elif at < len(firsts) and firsts[at] == number + 1:
            firsts[at] = number
        else:
            firsts.insert(at, number)
            lasts.insert(at, number)
        if len(firsts) > RUNS_MAX:
            del firsts[0], lasts[0]

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number)
        return at > 0 and number <= self._lasts[at - 1]

    def __len__(self) -> int:
        """How many runs there are."""
        return len(self._firsts)


class ReaderMemory:
    """`speakers` rewards who was shown little, `units` knows what would be a repeat.

    What was overheard of other rooms is kept apart: it is no reason to leave out what the reader's own room says.
    """

    def __init__(self) -> None:
        self.speakers = SpeakerMemory()
        self.units = ShownMemory()
        self._seqs = Runs()
        self.whispered_at = self.checked_in_at = float("-inf")  # when Alex last spoke of elsewhere, of here
        self._elsewhere = ShownMemory()
        self._overheard: OrderedDict[tuple[str, int], None] = OrderedDict()

    def saw(self, seq: int) -> None:
        """Something of this message was shown, or all of it was sent."""
        self._seqs.add(seq)

    def has_seen(self, seq: int) -> bool:
        """Whether something of this message was shown."""
        return seq in self._seqs

    def show(self, unit: Unit, share: float, side: str | None, now: float, vector: Vector | None = None) -> None:
        """A unit is shown; `share` is what it adds to the reward of its speaker and side."""
        self.saw(unit.seq)
        self.units.add((unit.seq,), unit.terms, vector, unit)
        self.speakers.add(unit.speaker, share, now)
        if side is not None:
            self.speakers.add(side, share, now)

    def overheard(self, room: str, unit: Unit) -> None:
        """A unit of another room is shown; its message is not told of again."""
        self._note(room, unit.seq)
        self._elsewhere.add([(room, unit.seq)], unit.terms)

    def knows(self, room: str | None, units: Sequence[Unit]) -> list[bool]:
        """For each unit whether something of its message was shown, or what it says, from wherever.

        `room` is None for the reader's own.
        """
        again = self.units.repeats(units) | self._elsewhere.repeats(units)
        told = (unit.seq in self._seqs if room is None else (room, unit.seq) in self._overheard for unit in units)
        return [here or bool(said) for here, said in zip(told, again, strict=True)]

    def whispered(self, room: str, seqs: Iterable[int], now: float) -> None:
        """Alex spoke of these messages of another room."""
        self.whispered_at = now
        for seq in seqs:
            self._note(room, seq)

    def was_told(self, room: str, seq: int) -> bool:
        """Whether something was shown or told of this message of another room."""
        return (room, seq) in self._overheard

    def forget(self, room: str, seq: int) -> None:
        """A message of another room is gone: what it said is not remembered (law 17)."""
        self._elsewhere.remove((room, seq))

    def _note(self, room: str, seq: int) -> None:
        self._overheard[room, seq] = None
        while len(self._overheard) > SEQS_MAX:
            self._overheard.popitem(last=False)

    def clear(self) -> None:
        """A played conversation begins again: all may be said anew."""
        self.speakers.clear()
        self.units.clear()
        self._elsewhere.clear()

    def recall(self, turns: Iterable[Turn]) -> None:
        """Take over what these stored turns showed, oldest first."""
        for turn in turns:
            for segment in turn.segments:
                elsewhere = segment.room if isinstance(segment.room, str) and segment.room != turn.room else None
                for seq in segment.sources:
                    if elsewhere is None:
                        self.saw(seq)
                    else:
                        self._note(elsewhere, seq)
                if segment.kind == "whisper":  # Alex's own words
                    if elsewhere is None:
                        self.checked_in_at = from_iso(turn.at)
                    else:
                        self.whispered_at = from_iso(turn.at)
                    continue
                for piece in _pieces(segment.text):
                    said = terms(piece, guess_language(piece))
                    if elsewhere is None:
                        self.units.add(segment.sources, said)
                    else:
                        self._elsewhere.add([(elsewhere, seq) for seq in segment.sources], said)


def _pieces(text: str) -> Sequence[str]:
    """The pieces of a quote, as it was joined."""
    return [piece for piece in text.split(" … ") if piece]
