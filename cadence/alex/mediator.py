"""The mediator of one reader in one room: messages and time in, turns out.

It looks at what waits once per cadence (LOD.md section 3) and decides between three outcomes:

    everything fits the credit            -> the messages themselves, whole (law 3: Alex is the identity)
    credit for a readable turn            -> a digest: what is urgent, then disputes, then the best-ranked units;
                                             in mode paced the oldest messages, whole
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
from functools import partial

from cadence.alex.answers import Missed
from cadence.alex.coverage import OpenRange
from cadence.alex.disputes import agreements, disputes
from cadence.alex.events import (
    Action,
    Answered,
    Event,
    Forgot,
    Opened,
    Placed,
    Posted,
    RawEnded,
    Redacted,
    Remembered,
    Returned,
    Show,
    Skipped,
    Stirred,
    Tick,
    Viewed,
)
from cadence.alex.listening import Listening
from cadence.alex.memory import ReaderMemory
from cadence.alex.near import Near
from cadence.alex.paced import BEHIND_SECONDS, paced_turn, reading_seconds
from cadence.alex.prose import Prose, rung_for
from cadence.alex.reporting import Reporter
from cadence.alex.retelling import rung_needed
from cadence.alex.selection import Floats, Selection, attend_absence, attend_waiting
from cadence.alex.transcript import Entry, Transcript
from cadence.alex.turns import Pick, in_time, made_turn, quoted, segment_words, whole_message
from cadence.alex.waiting import Candidate, OpenMessage, Waiting, candidates
from cadence.alex.why import Reasons, reasons_of
from cadence.lod.budget import Bucket, SpeechWindow, speech_words_max, turn_words_min
from cadence.lod.digest import LOOK, LOOK_BACK, Weights
from cadence.lod.leanings import CALM
from cadence.lod.pyramid import SLOT_SECONDS
from cadence.lod.units import UNIT_WORDS_MAX
from cadence.rooms.wire import Covers, Mode, Segment, Turn, TurnMode, View, to_iso

WAITING_SECONDS_MAX = 60.0
WAITING_LOOKS_MAX = 12
WAITING_UNITS_MAX = 2_000
WAITING_MESSAGES_MAX = 10_000  # between two looks; beyond it the least attended are dropped at once
AHEAD_SECONDS = 30.0  # half of what text waits: a message is told in its own order as far as this
CLOSING_SECONDS = 30.0  # AI messages of which nothing may be shown are closed after this long
CATCH_UP_WORDS = 120


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
        transcript: Transcript,
        memory: ReaderMemory,
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
        self._transcript = transcript
        self.memory = self._memory = memory
        self._since = covered_to  # what is older is none of this reader's run, or was shown before a restart
        self._speech = SpeechWindow()
        self._near = Near()
        self._waiting = Waiting()
        self.listening = self._listening = Listening(memory, self._waiting, view, now)
        self._range = OpenRange()  # of the AI messages above covered_to
        self._looked_at = now + phase - view.cadence_s  # anchor of the grid of looks
        self._next_look = math.inf  # inf: nothing to look at
        self._reporter = Reporter()
        self._reasons = Reasons()  # of the turn that is being made

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
                self._near.approach({entry.speaker for entry in event.entries}, now)
                self._listening.whispers.opened(event.entries, now)
            case Remembered():
                self._remember(event, now)
            case Redacted(seq, room) if room is not None:
                self._memory.forget(room, seq)
                self._listening.whispers.forget(room, seq)
            case Redacted():
                self._listening.whispers.forget(None, event.seq)
                self._waiting.remove(event.seq)
                self._memory.units.remove(event.seq)
            case Placed():
                self._listening.place(event.rooms, event.floor, now)
            case Stirred():
                if self._listening.hears:
                    self._arm(now)
            case Forgot():
                self._memory.clear()
            case Skipped():
                self._head = event.to
                self._range.skip(event.messages, event.words, now)
            case Returned():
                return self._catch_up(event.missed, now)
            case Answered():
                return self._answer(event, now)
        return []

    def waits(self, seq: int) -> bool:
        """Whether some text of a message waits."""
        return seq in self._waiting

    def rung(self, now: float) -> int:
        """The words of prose about what was just said that would help at the next look; 0 while everything fits."""
        if self._view.mode != "paraphrase":
            return 0
        look = max(now, min(self._next_look, now + self._view.cadence_s))
        return rung_needed(self._waiting, self._bucket.credit_at(look), self._bucket.rate)

    @property
    def asleep(self) -> bool:
        """Whether no look is planned."""
        return self._next_look == math.inf

    def deadline(self) -> float | None:
        """When the next `Tick` is due, or None."""
        due = min(self._next_look, self._reporter.due)
        return None if due == math.inf else due

    # Events.

    def _posted(self, entry: Entry, direct: bool, now: float) -> None:
        assert entry.seq > self._head, f"expected a seq above {self._head}, got {entry.seq}"
        self._head = entry.seq
        if direct:
            self._memory.saw(entry.seq)
        if entry.speaker == self.reader:
            self._near.approach({*entry.message.mentions, *filter(None, [entry.replied_to])}, now)
            self._listening.whispers.wrote(entry, now)
        elif entry.human:
            self._speech.add(entry.at, entry.words)
        if direct:
            return
        self._waiting.add(entry, now, urgent=entry.concerns(self.reader))
        if len(self._waiting) > WAITING_MESSAGES_MAX:
            self._waiting.keep_most_attended(WAITING_UNITS_MAX, partial(self._attend, now))
        if not entry.human:
            self._range.add(entry, now)
            self._listening.whispers.said(entry)
        if self._reporter.state == "idle":
            self._reporter.state = "passthrough"
        self._arm(now)
        self._reporter.soon(now)

    def _remember(self, known: Remembered, now: float) -> None:
        """Go on from what an earlier mediator knew, before anything else is heard."""
        for entry, weight, noted_at in known.own:
            at = min(noted_at, now)
            addressed = {*entry.message.mentions, *filter(None, [entry.replied_to])}
            self._near.approach(addressed if entry.speaker == self.reader else {entry.speaker}, at)
            self._listening.whispers.recall(entry, weight, at)
        self._listening.owe(known.owed)
        if known.acted_at is not None:
            self._listening.whispers.acted(min(known.acted_at, now))

    def _viewed(self, view: View, now: float) -> list[Action]:
        before, self.view = self.view, view
        if view.mode == before.mode != "raw":
            if self._next_look == math.inf:
                self._apply(now)
            else:  # in force at the next look, which a shorter cadence brings nearer
                self._next_look = min(self._next_look, now + view.cadence_s)
            return []
        actions: list[Action] = []
        if view.mode == "raw" and before.mode != "raw":
            actions += self._close(now)
            self.raw_from = self.covered_to + 1
            self._next_look = math.inf
            self._reporter.stop()
        elif view.mode != "raw" and self.raw_from is not None:
            actions.append(RawEnded(self.raw_from, self._head))
            self.covered_to, self.raw_from = self._head, None
            self._looked_at = now
        elif view.mode != before.mode:  # between paraphrase and paced: what a turn has covered stays covered
            self._waiting.keep_untouched(self.covered_to)
        self._apply(now)
        return actions

    def _apply(self, now: float) -> None:
        """Put the view that was last set in force."""
        self._view = self.view
        self._bucket.configure(self._view.pace_wpm, self._view.cadence_s, now)
        self._listening.attend(self._view, now)

    def _tick(self, now: float) -> list[Action]:
        actions: list[Action] = []
        if now >= self._next_look:
            self._looked_at, self._next_look = self._next_look, math.inf
            actions += self._look(now)
        if self._view.mode != "raw":
            actions += self._reporter.report(self._range, self._transcript.mood, now)
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
        if self._view.mode == "paraphrase":
            self._waiting.drop_older(now - max(WAITING_SECONDS_MAX, WAITING_LOOKS_MAX * self._view.cadence_s))
            self._waiting.keep_most_attended(WAITING_UNITS_MAX, partial(self._attend, now))
        turn = self._next_turn(now)
        if len(self._waiting) or self._range.messages or turn:
            self._arm(now)
        else:
            self._reporter.state = "idle"
            if self._listening.awake(now):
                self._arm(now)
        self._reporter.due = now
        return [self._show(turn)] if turn else []

    def _next_turn(self, now: float) -> Turn | None:
        waiting, credit = list(self._waiting), self._bucket.credit
        self._reasons = Reasons()
        self._listening.look(self._bucket.rate, now)
        stale = now - self._range.since >= CLOSING_SECONDS
        if not waiting:
            heard = self._listening.overhear(credit, now, alone=True)
            return self._turn_of(heard, now) if heard or stale else None
        words = sum(message.words for message in waiting)
        if words <= credit:
            self._reporter.state = "passthrough"
            segments = self._everything(waiting, now) + self._listening.overhear(credit - words, now)
            return self._turn_of(segments, now, self._view.mode)
        here = self._listening.own(waiting)
        urgent = any(message.urgent for message in here)
        readable = turn_words_min(self._bucket.rate, self._view.cadence_s)
        if credit >= readable or (credit > 0 and urgent):
            if self._view.mode == "paced":
                return self._paced(waiting, now)
            heard = [] if urgent else self._listening.overhear(credit, now, once=bool(here), alone=True)
            left = credit - sum(segment_words(segment) for segment in heard)
            # Beside something overheard the first unit may not overdraw, so a small rest waits for the next look.
            segments = self._digest(here, left, now) if here and (not heard or left >= UNIT_WORDS_MAX) else []
            if segments or heard or (stale and not here):
                self._reporter.state = "paraphrasing"
                return self._turn_of(segments + heard, now)
        self._reporter.state = "rate_limiting"
        return None

    def _everything(self, waiting: Sequence[OpenMessage], now: float) -> list[Segment]:
        """All that waits, whole and in order (law 3)."""
        segments: list[Segment] = []
        rest: list[Pick] = []  # of messages that were partly shown
        sides = self._transcript.sides.guess(now)
        total = max(1, sum(message.words for message in waiting))
        for message in waiting:
            if message.touched:
                rest += [Pick(message.entry, unit, 1.0) for unit in message.left]
            else:
                segments += quoted(rest, unfold=True) + whole_message(message.entry, 1.0)
                rest = []
            for unit in message.left:
                vector = message.entry.vector(unit)
                self._memory.show(unit, unit.n / total, sides.get(unit.speaker), now, vector)
        self._waiting.clear()
        return segments + quoted(rest, unfold=True)

    def _digest(self, waiting: Sequence[OpenMessage], budget: float, now: float) -> list[Segment]:
        """The best of what waits within `budget` words; what is shown waits no longer."""
        units = candidates(waiting)
        return self._chosen(waiting, units, self._attend(now, units), budget, now)

    def _chosen(
        self,
        waiting: Sequence[OpenMessage],
        units: Sequence[Candidate],
        weights: Floats,
        budget: float,
        now: float,
        weigh: Weights = LOOK,
    ) -> list[Segment]:
        """The choice within `budget` words as segments; what was chosen or counted waits no longer."""
        background, sides = self._transcript.background, self._transcript.sides.guess(now)
        window, ahead = self._transcript.window, self._bucket.rate * AHEAD_SECONDS
        prose = self._prose(waiting, budget) if weigh is LOOK else ()
        argument = self._transcript.argument if weigh is LOOK else CALM
        selection = Selection(
            units, weights, budget, self._memory, background, sides, now, window, weigh,
            ahead=ahead, prose=prose, argument=argument,
        )  # fmt: skip
        choice = selection.choose(disputes(waiting, self._memory, self._transcript, self._since), agreements(waiting))
        self._reasons = reasons_of(units, weights, choice)
        retold = [one.unit for retold in choice.retold for one in retold.candidates]
        self._waiting.shown([*(pick.unit for pick in choice.picks), *choice.counted, *retold])
        return in_time([*quoted(choice.picks), *(retold.segment() for retold in choice.retold)])

    def _prose(self, waiting: Sequence[OpenMessage], budget: float) -> Sequence[Prose]:
        """What a model has made of the time of what waits, as far as one turn can hold it."""
        written = self._transcript.written
        rung_max = rung_for(max(budget, self._bucket.rate * SLOT_SECONDS))
        return written.within(waiting[0].entry.seq, self._head, rung_max) if waiting and len(written) else ()

    def _paced(self, waiting: Sequence[OpenMessage], now: float) -> Turn:
        """Whole messages, oldest first; the range is closed up to the first that still waits (protocol rule 7)."""

        def condense(half: Sequence[OpenMessage], words: float) -> Sequence[Pick]:
            units, background = candidates(half), self._transcript.background
            selection = Selection(units, self._attend(now, units), words, self._memory, background, {}, now)
            return selection.choose([], {}).picks

        paced = paced_turn(waiting, self._bucket.credit, self._bucket.rate, condense)
        for segment in paced.segments:  # what was condensed and is not cited was not seen
            for seq in segment.sources:
                self._memory.saw(seq)
        self._waiting.remove(*(message.entry.seq for message in paced.done))
        rest = waiting[len(paced.done) :]
        behind = reading_seconds(rest, self._bucket.rate) > BEHIND_SECONDS
        condensed = any(segment.kind == "catch_up" for segment in paced.segments)
        self._reporter.state = "catching_up" if condensed else "rate_limiting" if behind else "passthrough"
        return self._turn_of(paced.segments, now, "paced", rest[0].entry.seq - 1 if rest else None)

    def _catch_up(self, missed: Missed | None, now: float) -> list[Action]:
        """One turn of at most `CATCH_UP_WORDS` over all that was missed; only what is urgent goes on waiting."""
        if not self._range.messages:
            return []
        waiting, units = (missed or Missed()).among(list(self._waiting), now)
        segments: list[Segment] = []
        if units:
            weights = attend_absence(units, self.reader, self._view, self.nearby(now), self._transcript.background, now)
            segments = self._chosen(waiting, units, weights, CATCH_UP_WORDS, now, LOOK_BACK)
        self._waiting.clear(but_urgent=True)
        self._reporter.state = "catching_up"
        turn = self._turn_of(segments, now, "catch_up")
        self._arm(now)
        self._reporter.due = now
        return [self._show(turn)]

    def _answer(self, found: Answered, now: float) -> list[Action]:
        """A turn beside the cadence, which covers nothing; a digest does not say again what it shows."""
        for pick in found.picks:
            self._memory.show(pick.unit, 0.0, None, now, pick.entry.vector(pick.unit))
        self._bucket.advance(now)
        self._bucket.settle()
        self._reasons = found.reasons
        return [self._show(self._numbered(found.segments, now, "answer", None))]

    def _show(self, turn: Turn) -> Show:
        reasons, self._reasons = self._reasons, Reasons()
        return Show(turn, reasons)

    def _turn_of(
        self, segments: Sequence[Segment], now: float, mode: TurnMode | Mode = "paraphrase", to: int | None = None
    ) -> Turn:
        """Close the range up to the head, or `to`, with these segments and charge them."""
        to = self._head if to is None else to
        messages, counted = self._range.close(to)
        covers = Covers(self._epoch, self.covered_to + 1, to, messages, counted)
        turn = self._numbered(segments, now, "paraphrase" if mode == "raw" else mode, covers)
        if mode == "catch_up":
            self._bucket.settle()
        else:
            self._bucket.spend(turn.words)
        self.covered_to = to
        return turn

    def _numbered(self, segments: Sequence[Segment], now: float, mode: TurnMode, covers: Covers | None) -> Turn:
        self._turn += 1
        return made_turn(self._room, self._turn, to_iso(now), mode, covers, segments, self._reasons.by)

    def _close(self, now: float) -> list[Action]:
        """The last turn before raw: what the credit allows, up to the head. None if only messages are open."""
        self._bucket.advance(now)
        waiting = list(self._waiting)
        open_range = self._range.messages or any(message.entry.seq > self.covered_to for message in waiting)
        segments: list[Segment] = []
        if open_range and waiting and self._bucket.credit > 0:
            fits = sum(message.words for message in waiting) <= self._bucket.credit
            segments = self._everything(waiting, now) if fits else self._digest(waiting, self._bucket.credit, now)
        self._waiting.clear()
        return [self._show(self._turn_of(segments, now))] if open_range else []

    def _attend(self, now: float, units: Sequence[Candidate]) -> Floats:
        background = self._transcript.background
        return attend_waiting(units, self._view, self._bucket.rate, self.nearby(now), background, now)

    def nearby(self, now: float) -> set[str]:
        """The speakers at distance 0."""
        return self._near.at(now, self._view.focus.follow)
