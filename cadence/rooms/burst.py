"""What a room has told and not handed over yet: all frames of one turn of the loop, for everybody at once.

Pure. Most receivers get the same frames in the same order, so these are joined once and each receiver costs one
write, however many frames there are. Two things make a receiver different, and neither changes its order:

    withheld   frames carry the set of users who must not get them; receivers in the same sets share one bundle
    settled    a frame for one receiver alone is about to follow: it has been handed what was pending so far
    answered   frames for one receiver alone stand between the others, where they were told
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

from cadence.rooms.outbox import Bundle, Encoded, bundle

BURST_BYTES_MAX = 64 * 1024  # handed over at once beyond: it must fit into what a transport buffers
AUDIENCES_MAX = 8  # different sets of withheld users; each doubles the bundles there may be

C = TypeVar("C")
_NOBODY: frozenset[str] = frozenset()


class Burst(Generic[C]):
    """Frames in the order they were told, and how far each settled receiver `C` has got."""

    def __init__(self) -> None:
        self.size = 0  # bytes
        self._frames: list[tuple[Encoded, int]] = []  # with the index of those it is withheld from
        self._withheld: list[AbstractSet[str]] = []
        self._settled: dict[C, int] = {}
        self._answers: dict[C, list[tuple[int, Encoded]]] = {}  # and how many of the frames come before each
        self._bundles: dict[tuple[int, int], Bundle | None] = {}

    def __len__(self) -> int:
        return len(self._frames) + len(self._answers)

    @property
    def full(self) -> bool:
        """Whether it must be handed over before anything is added."""
        return self.size >= BURST_BYTES_MAX or len(self._withheld) >= AUDIENCES_MAX

    @property
    def withheld(self) -> AbstractSet[str]:
        """The users who get nothing of this burst but answers, if all of it is withheld from the same; else nobody."""
        return self._withheld[0] if len(self._withheld) == 1 else _NOBODY

    def add(self, frame: Encoded, withheld: AbstractSet[str] = _NOBODY) -> None:
        """Tell everybody `frame` but the users `withheld`, a set that does not change any more."""
        self._frames.append((frame, self._audience(withheld)))
        self._bundles.clear()
        self.size += frame.size

    def answer(self, receiver: C, frame: Encoded) -> None:
        """Tell `receiver` alone `frame`, behind all that was told so far, whoever it may be withheld from."""
        self._answers.setdefault(receiver, []).append((len(self._frames), frame))
        self.size += frame.size

    @property
    def answered(self) -> Iterable[C]:
        """Who is told something alone."""
        return tuple(self._answers)

    def skip(self, receiver: C) -> None:
        """Nothing told so far is for `receiver` any more."""
        self._settled[receiver] = len(self._frames)

    def take(self, receiver: C, user: str) -> Bundle | None:
        """What is pending for `receiver` of `user`, who has it now; None if nothing is."""
        found = self.pending(receiver, user)
        self._settled[receiver] = len(self._frames)
        self._answers.pop(receiver, None)
        return found

    def shared(self) -> tuple[Bundle | None, AbstractSet[C]]:
        """What is pending for all but the users `withheld`, and who is apart: settled or answered, so ask `pending`.

        None, and `pending` is to be asked for all, where more than one set of users is withheld something.
        """
        alike = len(self._withheld) == 1
        one = bundle(frame for frame, _ in self._frames) if alike else None
        return one, self._settled.keys() | self._answers.keys()

    def pending(self, receiver: C, user: str) -> Bundle | None:
        """What is pending for `receiver` of `user`; None if nothing is."""
        start = self._settled.get(receiver, 0) if self._settled else 0
        outside = 0
        for bit, withheld in enumerate(self._withheld):
            if user in withheld:
                outside |= 1 << bit
        if self._answers and (answers := self._answers.get(receiver)) is not None:
            return bundle(self._between(answers, start, outside))
        key = (start, outside)
        if key not in self._bundles:
            mine = [frame for frame, audience in self._frames[start:] if not outside >> audience & 1]
            self._bundles[key] = bundle(mine) if mine else None
        return self._bundles[key]

    def _between(self, answers: list[tuple[int, Encoded]], start: int, outside: int) -> Iterator[Encoded]:
        for place, answer in (*answers, (len(self._frames), None)):
            for frame, audience in self._frames[start:place]:
                if not outside >> audience & 1:
                    yield frame
            start = max(start, place)
            if answer is not None:
                yield answer

    def _audience(self, withheld: AbstractSet[str]) -> int:
        withheld = withheld or _NOBODY
        for index, known in enumerate(self._withheld):
            if known is withheld or known == withheld:
                return index
        self._withheld.append(withheld)
        return len(self._withheld) - 1
