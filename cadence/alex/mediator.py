"""The mediator of one reader in one room: messages and time in, turns out.

It looks at what waits once per cadence (LOD.md section 3) and decides between three outcomes:

    everything fits the credit            -> the messages themselves, whole (law 3: Alex is the identity)
    credit for a readable turn            -> a digest: what is urgent, then the best-ranked units
    too little credit                     -> nothing yet; credit grows with time

What is waiting is a list of open messages, each with the units not yet shown. A turn closes the range of the
log up to the head it saw, also when some text of the range stays open ("postponed"); text that has waited
too long is condensed away and stays reachable through the turn's `covers`.

Pure: `handle(event, now)` is the only method that changes state and returns what must follow; `deadline()`
says when to send the next `Tick`. `now` is in seconds since the epoch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cadence.alex.selection import Candidate, attend, choose
from cadence.alex.transcript import Entry
from cadence.alex.turns import Pick, quoted, segment_words, whole_message
from cadence.lod.attention import age_units
from cadence.lod.budget import Bucket, SpeechWindow, speech_words_max, turn_words_min
from cadence.lod.digest import SpeakerMemory
from cadence.lod.terms import Background
from cadence.lod.units import Unit
from cadence.rooms.wire import AlexState, Behind, Covers, Segment, Turn, TurnMode, View, to_iso

WAITING_SECONDS_MAX = 60.0
WAITING_LOOKS_MAX = 12
WAITING_UNITS_MAX = 2_000
WAITING_MESSAGES_MAX = 10_000  # between two looks; beyond it the least attended are dropped at once
CLOSING_SECONDS = 30.0  # AI messages of which nothing may be shown are closed after this long
NEAR_SECONDS = 600.0  # how long someone stays near after being addressed or opened
NEAR_SPEAKERS_MAX = 256
CATCH_UP_WORDS = 120
REPORT_SECONDS = 1.0  # at most one `alex` frame per this long while the state stays
BY = "embedded"


@dataclass(frozen=True, slots=True)
class Posted:
    """A message; `direct` if the reader gets it as `message` now (see `Mediator.passes`)."""

    entry: Entry
    direct: bool


@dataclass(frozen=True, slots=True)
class Viewed:
    """The reader's complete view as it shall be."""

    view: View


@dataclass(frozen=True, slots=True)
class Opened:
    """The reader unfolded messages of these speakers."""

    speakers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Redacted:
    seq: int


@dataclass(frozen=True, slots=True)
class Forgot:
    """A played conversation begins again: who was heard before no longer counts."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """AI messages up to seq `to` that are too many to be looked at: covered, but not shown."""

    to: int
    messages: int
    words: int


@dataclass(frozen=True, slots=True)
class Returned:
    """The reader was away for long: what waits becomes one catch-up turn, now and outside the bucket."""


@dataclass(frozen=True, slots=True)
class Tick:
    """`deadline()` has come."""


Event = Posted | Viewed | Opened | Redacted | Forgot | Skipped | Returned | Tick


@dataclass(frozen=True, slots=True)
class Show:
    """Store this turn, then send it."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the reader how far Alex is."""

    state: AlexState
    behind: Behind


@dataclass(frozen=True, slots=True)
class RawEnded:
    """The range first..last was sent raw; empty if last < first."""

    first: int
    last: int


Action = Show | Report | RawEnded


class _Open:
    """A message of which some text waits. `left` is made when first looked at."""

    __slots__ = ("_left", "entry", "since", "touched", "urgent")

    def __init__(self, entry: Entry, since: float, urgent: bool) -> None:
        self.entry = entry
        self.since = since
        self.urgent = urgent
        self.touched = False  # something of it was shown
        self._left: list[Unit] | None = None

    @property
    def left(self) -> list[Unit]:
        if self._left is None:
            self._left = list(self.entry.parsed.units)
        return self._left

    def show(self, unit: Unit) -> None:
        self.touched = True
        self.left.remove(unit)

    @property
    def words(self) -> int:
        """What waits of it, blocks counted whole."""
        if not self.touched:
            return self.entry.words
        return sum(unit.block.words if unit.block else unit.n for unit in self.left)


class Mediator:
    """See the module's text. `covered_to` and `turn` continue where the log left off."""

    def __init__(
        self,
        reader: str,
        room: str,
        epoch: str,
        view: View,
        *,
        covered_to: int,
        turn: int,
        bucket: Bucket,
        background: Background,
        phase: float,
        now: float,
    ) -> None:
        self.reader = reader
        self.view = view  # as last set; `_view` is what is in force
        self.covered_to = covered_to
        self.raw_from = covered_to + 1 if view.mode == "raw" else None
        self._view = view
        self._room, self._epoch = room, epoch
        self._head = covered_to
        self._turn = turn
        self._bucket = bucket
        self._background = background
        self._memory = SpeakerMemory()
        self._speech = SpeechWindow()
        self._near: dict[str, float] = {}  # speaker -> when last addressed or opened
        self._waiting: list[_Open] = []
        self._uncovered: list[Entry] = []  # AI messages above covered_to
        self._skipped = (0, 0)  # messages and words above covered_to that are only counted
        self._uncovered_since = math.inf
        self._looked_at = now + phase - view.cadence_s  # anchor of the grid of looks
        self._next_look = math.inf  # inf: nothing to look at
        self._state: AlexState = "idle"
        self._reported: tuple[AlexState, int] = ("idle", 0)
        self._reported_at = -math.inf
        self._report_due = math.inf

    def passes(self, entry: Entry) -> bool:
        """Whether the reader gets `entry` as `message` at once (LOD.md section 2, protocol rules 1 and 2).

        Times are the log's own, so the answer for a message is the same live and when it is read again.
        """
        if self._view.mode == "raw":
            return True
        if not entry.human:
            return False
        if entry.speaker == self.reader or entry.concerns(self.reader) or entry.speaker in self.view.focus.follow:
            return True
        return self._speech.words(entry.at) <= speech_words_max(self._bucket.rate)

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take one event and return what must follow, in order."""
        match event:
            case Posted():
                self._posted(event.entry, event.direct, now)
            case Tick():
                return self._tick(now)
            case Viewed():
                return self._viewed(event.view, now)
            case Opened():
                self._approach(event.speakers, now)
            case Redacted():
                self._waiting = [open_ for open_ in self._waiting if open_.entry.seq != event.seq]
            case Forgot():
                self._memory.clear()
            case Skipped():
                self._head = event.to
                self._skipped = (self._skipped[0] + event.messages, self._skipped[1] + event.words)
            case Returned():
                return self._catch_up(now)
        return []

    def deadline(self) -> float | None:
        """When the next `Tick` is due, or None."""
        due = min(self._next_look, self._report_due)
        return None if due == math.inf else due

    # Events.

    def _posted(self, entry: Entry, direct: bool, now: float) -> None:
        assert entry.seq > self._head, f"expected a seq above {self._head}, got {entry.seq}"
        self._head = entry.seq
        if entry.speaker == self.reader:
            self._approach({*entry.message.mentions, *filter(None, [entry.replied_to])}, now)
        elif entry.human:
            self._speech.add(entry.at, entry.words)
        if direct:
            return
        self._waiting.append(_Open(entry, now, entry.concerns(self.reader)))
        if len(self._waiting) > WAITING_MESSAGES_MAX:
            self._drop_least_attended(WAITING_MESSAGES_MAX // 2, now)
        if not entry.human:
            self._uncovered.append(entry)
            self._uncovered_since = min(self._uncovered_since, now)
        if self._state == "idle":
            self._state = "passthrough"
        self._arm(now)
        self._report_due = min(self._report_due, max(now, self._reported_at + REPORT_SECONDS))

    def _approach(self, speakers: set[str] | frozenset[str], now: float) -> None:
        for speaker in sorted(speakers):
            self._near.pop(speaker, None)
            self._near[speaker] = now
        while len(self._near) > NEAR_SPEAKERS_MAX:
            del self._near[next(iter(self._near))]

    def _viewed(self, view: View, now: float) -> list[Action]:
        before, self.view = self.view, view
        if view.mode == before.mode == "paraphrase":
            if self._next_look == math.inf:
                self._apply(now)
            else:  # in force at the next look, which a shorter cadence brings nearer
                self._next_look = min(self._next_look, now + view.cadence_s)
            return []
        actions: list[Action] = []
        if view.mode == "raw" and before.mode != "raw":
            actions += self._close(now)
            self.raw_from = self.covered_to + 1
            self._next_look = self._report_due = math.inf
            self._state, self._reported = "idle", ("idle", 0)
        elif view.mode != "raw" and self.raw_from is not None:
            actions.append(RawEnded(self.raw_from, self._head))
            self.covered_to, self.raw_from = self._head, None
            self._looked_at = now
        self._apply(now)
        return actions

    def _apply(self, now: float) -> None:
        """Put the view that was last set in force."""
        self._view = self.view
        self._bucket.configure(self._view.pace_wpm, self._view.cadence_s, now)

    def _tick(self, now: float) -> list[Action]:
        actions: list[Action] = []
        if now >= self._next_look:
            self._looked_at, self._next_look = self._next_look, math.inf
            actions += self._look(now)
        if self._view.mode != "raw":
            actions += self._report(now)
        return actions

    # Looking.

    def _arm(self, now: float) -> None:
        """Set the next look on the grid of this reader's cadence, in the future."""
        if self._next_look == math.inf:
            cadence_s = self._view.cadence_s
            missed = max(0, math.floor((now - self._looked_at) / cadence_s))
            self._next_look = self._looked_at + (missed + 1) * cadence_s
            while self._next_look <= now:  # the last bit of a float can put it on `now`
                self._next_look += cadence_s

    def _look(self, now: float) -> list[Action]:
        if self._view is not self.view:
            self._apply(now)
        self._bucket.advance(now)
        self._drop_stale(now)
        units = sum(len(open_.left) for open_ in self._waiting)
        if units > WAITING_UNITS_MAX:
            self._drop_least_attended(WAITING_UNITS_MAX, now)
        turn = self._next_turn(now)
        if self._waiting or self._uncovered or turn:
            self._arm(now)
        else:
            self._state = "idle"
        self._report_due = now
        return [Show(turn)] if turn else []

    def _next_turn(self, now: float) -> Turn | None:
        waiting = [open_ for open_ in self._waiting if open_.left]
        if not waiting:
            stale = now - self._uncovered_since >= CLOSING_SECONDS
            return self._turn_of([], now) if stale else None
        credit = self._bucket.credit
        if sum(open_.words for open_ in waiting) <= credit:
            self._state = "passthrough"
            return self._turn_of(self._everything(waiting, now), now)
        urgent = any(open_.urgent for open_ in waiting)
        readable = turn_words_min(self._bucket.rate, self._view.cadence_s)
        if credit >= readable or (credit > 0 and urgent):
            self._state = "paraphrasing"
            return self._turn_of(self._digest(waiting, now), now)
        self._state = "rate_limiting"
        return None

    def _everything(self, waiting: Sequence[_Open], now: float) -> list[Segment]:
        """All that waits, whole and in order (law 3)."""
        segments: list[Segment] = []
        rest: list[Pick] = []
        total = max(1, sum(open_.words for open_ in waiting))
        for open_ in waiting:
            entry = open_.entry
            if open_.touched:
                rest += [Pick(entry, unit, 1.0) for unit in open_.left]
            else:
                segments += quoted(rest, unfold=True) + whole_message(entry, 1.0)
                rest = []
            self._memory.add(entry.speaker, open_.words / total, now)
        self._waiting = []
        return segments + quoted(rest, unfold=True)

    def _digest(self, waiting: Sequence[_Open], now: float) -> list[Segment]:
        """The best of what waits within the credit; what is shown leaves the waiting."""
        candidates = [Candidate(open_.entry, unit, open_.urgent) for open_ in waiting for unit in open_.left]
        weights = attend(candidates, self._ages(candidates, now), self._view, self._nearby(now), self._background)
        picks = choose(candidates, weights, self._bucket.credit, self._background, self._memory, now)
        by_seq = {open_.entry.seq: open_ for open_ in waiting}
        for pick in picks:
            by_seq[pick.unit.seq].show(pick.unit)
        self._waiting = [open_ for open_ in self._waiting if open_.left]
        return quoted(picks)

    def _turn_of(self, segments: Sequence[Segment], now: float, mode: TurnMode = "paraphrase") -> Turn:
        """Close the range up to the head with these segments and charge them."""
        words = sum(segment_words(segment) for segment in segments)
        covers = Covers(
            self._epoch,
            self.covered_to + 1,
            self._head,
            len(self._uncovered) + self._skipped[0],
            sum(entry.words for entry in self._uncovered) + self._skipped[1],
        )
        if mode == "catch_up":
            self._bucket.settle()
        else:
            self._bucket.spend(words)
        self.covered_to = self._head
        self._uncovered, self._uncovered_since, self._skipped = [], math.inf, (0, 0)
        self._turn += 1
        return Turn(
            room=self._room,
            turn=self._turn,
            at=to_iso(now),
            mode=mode,
            covers=covers,
            words=words,
            segments=tuple(segments),
            by=BY,
        )

    def _close(self, now: float) -> list[Action]:
        """The last turn before raw: what the credit allows, up to the head. None if only messages are open."""
        self._bucket.advance(now)
        waiting = [open_ for open_ in self._waiting if open_.left]
        open_range = bool(self._uncovered) or any(open_.entry.seq > self.covered_to for open_ in waiting)
        segments: list[Segment] = []
        if open_range and waiting and self._bucket.credit > 0:
            fits = sum(open_.words for open_ in waiting) <= self._bucket.credit
            segments = self._everything(waiting, now) if fits else self._digest(waiting, now)
        self._waiting = []
        return [Show(self._turn_of(segments, now))] if open_range else []

    def _catch_up(self, now: float) -> list[Action]:
        """One turn of at most `CATCH_UP_WORDS` over all that waits; only what is urgent goes on waiting."""
        waiting = [open_ for open_ in self._waiting if open_.left]
        if not self._uncovered:
            return []
        candidates = [Candidate(open_.entry, unit, False) for open_ in waiting for unit in open_.left]
        picks: list[Pick] = []
        if candidates:
            at = np.array([candidate.entry.at for candidate in candidates], dtype=np.float64)
            ages = (now - at) / max(now - float(at.min()), 1.0)
            weights = attend(candidates, ages, self._view, self._nearby(now), self._background)
            weights[[i for i, one in enumerate(candidates) if one.entry.concerns(self.reader)]] = 1.0
            picks = choose(candidates, weights, CATCH_UP_WORDS, self._background, self._memory, now)
        by_seq = {open_.entry.seq: open_ for open_ in waiting}
        for pick in picks:
            by_seq[pick.unit.seq].show(pick.unit)
        self._waiting = [open_ for open_ in self._waiting if open_.urgent and open_.left]
        return [Show(self._turn_of(quoted(picks), now, "catch_up"))]

    # What waits.

    def _drop_stale(self, now: float) -> None:
        oldest = now - max(WAITING_SECONDS_MAX, WAITING_LOOKS_MAX * self._view.cadence_s)
        self._waiting = [open_ for open_ in self._waiting if open_.urgent or open_.since >= oldest]

    def _drop_least_attended(self, units_max: int, now: float) -> None:
        """Keep the most attended messages whose units fit `units_max`; urgent ones always."""
        kept = [open_ for open_ in self._waiting if open_.urgent or not open_.left]
        others = [open_ for open_ in self._waiting if not open_.urgent and open_.left]
        candidates = [Candidate(open_.entry, open_.left[0], False) for open_ in others]
        weights = attend(candidates, self._ages(candidates, now), self._view, self._nearby(now), self._background)
        room = units_max
        for i in np.argsort(-weights, kind="stable"):
            room -= len(others[i].left)
            if room < 0:
                break
            kept.append(others[i])
        self._waiting = sorted(kept, key=lambda open_: open_.entry.seq)

    def _ages(self, candidates: Sequence[Candidate], now: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        at = np.array([candidate.entry.at for candidate in candidates], dtype=np.float64)
        return age_units(now, at, self._view.cadence_s, self._bucket.rate)

    def _nearby(self, now: float) -> set[str]:
        near = {speaker for speaker, at in self._near.items() if now - at <= NEAR_SECONDS}
        return near | set(self._view.focus.follow)

    # Reporting.

    def _report(self, now: float) -> list[Action]:
        state, messages = self._state, len(self._uncovered)
        changed = (state, messages) != self._reported
        if not changed:
            self._report_due = math.inf
            return []
        if state == self._reported[0] and now < self._reported_at + REPORT_SECONDS:
            self._report_due = self._reported_at + REPORT_SECONDS
            return []
        self._reported, self._reported_at, self._report_due = (state, messages), now, math.inf
        seconds = max(0.0, now - self._uncovered_since) if self._uncovered else 0.0
        words = sum(entry.words for entry in self._uncovered)
        return [Report(state, Behind(messages, words, round(seconds, 1)))]
