"""What one reader hears of other rooms and other pods: whose turn it is, and how much of it (LOD.md section 4).

At each look every scope in hearing earns its water-filled share of what the reader can take in; a share too small to
read is credit, and when a scope's credit is worth a line, the best line of it is told. A quiet room stays quiet: its
silence takes part in the division as if it were as busy as the busiest room in hearing, so that next door does not
fill it.

Other rooms are heard beside the reader's own. Pods are scopes inside it: whoever is at one (or somewhere on the floor)
is given the rest of the room line by line, and what is said in no pod is said to all.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET

from cadence.alex.ambience import Ambience, Overheard, ranked
from cadence.alex.memory import ReaderMemory
from cadence.alex.transcript import Entry
from cadence.alex.waiting import OpenMessage, Waiting
from cadence.alex.whispers import Whispers
from cadence.lod.allocation import ScopeCredit, allocate, scope_attention
from cadence.lod.focus import Focus
from cadence.lod.scopes import SPEAKER_STEPS, Floor
from cadence.rooms.wire import Segment, View

PATIENCE_SECONDS = 60.0  # that a line too long for the bucket waits; then it comes alone, and overdraws
INCOME_LOOKS_MAX = 2.0  # what one look divides is at most the income of so many, however long the reader slept
POD = "#"  # marks the names of pods among those of rooms, which never begin with it
OWN = POD  # the reader's own pod, or all of their room


@dataclass(frozen=True, slots=True)
class Place:
    """A room in hearing, and how many steps away it is."""

    ambience: Ambience
    steps: float


class Listening:
    """One reader's ear for what is not their own scope. `waiting` is what waits of their own room."""

    def __init__(self, memory: ReaderMemory, waiting: Waiting, view: View, now: float) -> None:
        self.whispers = Whispers(memory, now)
        self._memory, self._waiting, self._view = memory, waiting, view
        self._places: Mapping[str, Place] = {}
        self._floor = Floor()
        self._pods: frozenset[str] = frozenset()  # those the reader is not at
        self._focus = Focus()
        self._credit = ScopeCredit()
        self._known: dict[str, int] = {}  # words of each room up to the last look
        self._felt: dict[str, float] = {}  # attention at the last look
        self._seen = 0  # of the reader's own room, the last seq at a look
        self._at = float("-inf")
        self._uncovered: float | None = None  # since when something is due and the bucket does not cover it
        self._stirring = False

    @property
    def hears(self) -> bool:
        """Whether there is anything but the reader's own scope, and the reader leaves the choice to Alex."""
        return self._view.mode == "paraphrase" and bool(self._places or self._pods)

    @property
    def owed(self) -> dict[str, float]:
        """The words that each scope is owed."""
        return self._credit.all()

    def owe(self, owed: Mapping[str, float]) -> None:
        """Go on from what another mediator of this reader owed."""
        self._credit.earn(owed)

    def place(self, places: Mapping[str, Place], floor: Floor, now: float) -> None:
        """From `now` on these rooms are in hearing, and the reader's own has this floor."""
        heard, known = self.hears, self._known
        self._known = {room: known.get(room, place.ambience.words) for room, place in places.items()}  # news only
        self._places, self._floor = places, floor
        self._turn_to(self._view, heard, now)

    def attend(self, view: View, now: float) -> None:
        """This view is in force from `now` on."""
        self._turn_to(view, self.hears, now)

    def _turn_to(self, view: View, heard: bool, now: float) -> None:
        self._view, focus = view, view.focus
        both = isinstance(focus.x, float | int) and isinstance(focus.y, float | int)
        point = (float(focus.x), float(focus.y)) if both else None  # type: ignore[arg-type]
        pods = self._floor.steps(focus.pod or None, point)
        own = min(pods, key=lambda pod: (pods[pod], pod != focus.pod), default=None)
        self._pods = frozenset(pods.keys() - {own})
        steps = {POD + pod: distance for pod, distance in pods.items() if pod != own}
        rooms = {room: place.steps for room, place in self._places.items()}
        self._focus.move({OWN: pods[own] if own else SPEAKER_STEPS, **steps, **rooms}, now)
        self._credit.keep({**steps, **rooms})
        if not heard:  # what one did not listen to is no income
            self._at = max(self._at, now)
            self._known = {room: place.ambience.words for room, place in self._places.items()}

    def own(self, waiting: Sequence[OpenMessage]) -> list[OpenMessage]:
        """Those that are for the reader where they are: of their pod, said to all, or of concern to them.

        So is an objection to any of these, or to what they were shown, wherever it is made (law 9).
        """
        if not self._pods:
            return list(waiting)
        mine = {message.entry.seq for message in waiting if message.urgent or not self._pod_of(message.entry)}

        def objects(entry: Entry) -> bool:
            about = entry.objects_to
            return about is not None and (about in mine or self._memory.has_seen(about))

        return [message for message in waiting if message.entry.seq in mine or objects(message.entry)]

    def look(self, rate: float, now: float) -> None:
        """Divide what the reader can take in since the last look; `rate` in words per second."""
        if not self.hears:
            return
        since, self._at = self._at, max(self._at, now)
        budget = rate * min(self._at - since, INCOME_LOOKS_MAX * self._view.cadence_s)
        said = {OWN: 0, **{POD + pod: 0 for pod in sorted(self._pods)}}
        for message in self._waiting:
            if message.entry.seq > self._seen:
                self._seen = message.entry.seq
                said[OWN if message.urgent else POD + self._pod_of(message.entry)] += message.entry.words
        own_words = sum(said.values())
        rooms = {room: place.ambience.words - self._known[room] for room, place in self._places.items()}
        self._known = {room: self._known[room] + words for room, words in rooms.items()}
        self._stirring = any(rooms.values())
        self.whispers.listen((place.ambience for place in self._places.values()), self._view, now)
        silence = max(0.0, max(budget, *rooms.values()) - own_words) if rooms else max(0.0, budget - own_words)
        said |= rooms
        felt = self._focus.felt(now)
        (weights,) = scope_attention([[felt[scope] for scope in said]], self._view.sigma)
        # The silence is as near as the nearest part of the reader's own room.
        nearest = max(weight for scope, weight in zip(said, weights, strict=True) if scope.startswith(POD))
        (shares,) = allocate([[*said.values(), silence]], [[*weights, nearest]], [budget])
        self._felt = dict(zip(said, weights.tolist(), strict=True))
        self._credit.earn({scope: float(share) for scope, share in zip(said, shares, strict=False) if scope != OWN})

    def overhear(self, budget: float, now: float, *, once: bool = False, alone: bool = False) -> list[Segment]:
        """A whisper, else what is due and fits into `budget` words as `ambient`, the most owed scope first.

        `once`: at most one line. `alone`: nothing else is in the turn, so a line that the budget has not covered for
        `PATIENCE_SECONDS` may overdraw it. What is told of the reader's own room waits no longer.
        """
        titles = {room: place.ambience.title for room, place in self._places.items()}
        if (whisper := self.whispers.told(titles, self._view, budget, now)) is not None:
            return [whisper]
        segments: list[Segment] = []
        missed = False
        patient = self._uncovered is None or now - self._uncovered < PATIENCE_SECONDS
        for scope in self._credit.due() if self.hears else ():
            fresh = self._fresh(scope, now)
            item = next((item for item in fresh if item.words <= budget), None)
            if item is None and fresh and alone and not segments and not patient and budget > 0:
                item = fresh[0]
            if item is None:
                missed = missed or bool(fresh)
                continue
            segments += self._tell(scope, item, now)
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
        return self.hears and (self._stirring or any(self._fresh(scope, now) for scope in self._credit.due()))

    def _pod_of(self, entry: Entry) -> str:
        """The pod of a message if the reader is not at it, else ""."""
        pod = entry.message.pod
        return pod if pod is not UNSET and pod in self._pods else ""

    def _fresh(self, scope: str, now: float) -> list[Overheard]:
        """What is new of a scope, the best first: not told before, nor said to the reader in other words."""
        if scope in self._places:
            return self._unknown(scope, self._places[scope].ambience.items(now))
        waiting = list(self._waiting)
        theirs = [m.entry for m in waiting if not m.touched and POD + self._pod_of(m.entry) == scope]
        seqs = {entry.seq for entry in theirs}
        # What is objected to elsewhere in the room is told there, together with the objection (law 9).
        disputed = {message.entry.objects_to for message in waiting if message.entry.seq not in seqs}
        return self._unknown(None, ranked([entry for entry in theirs if entry.seq not in disputed], now))

    def _unknown(self, room: str | None, items: Sequence[Overheard]) -> list[Overheard]:
        known = iter(self._memory.knows(room, [pick.unit for item in items for pick in item.picks]))
        return [item for item in items if not any([next(known) for _ in item.picks])]

    def _tell(self, scope: str, item: Overheard, now: float) -> list[Segment]:
        self._credit.pay(scope, item.words)
        room = scope if scope in self._places else None
        for pick in item.picks:
            if room is not None:
                self._memory.overheard(room, pick.unit)
            else:
                self._memory.show(pick.unit, pick.unit.n / max(1, item.words), None, now)
        if room is None:
            self._waiting.shown(pick.unit for pick in item.picks)
        return item.segments(room, self._felt.get(scope, 0.0))
