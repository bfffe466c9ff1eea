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
from cadence.alex.composing import Composer
from cadence.alex.contest import Looking, alone
from cadence.alex.coverage import OpenRange
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
from cadence.alex.feed import Feed
from cadence.alex.listening import Listening
from cadence.alex.memory import ReaderMemory
from cadence.alex.paced import BEHIND_SECONDS, paced_turn, reading_seconds
from cadence.alex.reporting import Reporter
from cadence.alex.retelling import rung_needed
from cadence.alex.transcript import Entry, Transcript
from cadence.alex.turns import made_turn, segment_words
from cadence.alex.waiting import New, OpenMessage, Waiting
from cadence.alex.whispers import RECENT_MAX
from cadence.alex.why import Reasons
from cadence.lod.budget import Bucket, SpeechWindow, speech_words_max, turn_words_min
from cadence.lod.units import UNIT_WORDS_MAX
from cadence.rooms.wire import Covers, Mode, Segment, Turn, TurnMode, View, to_iso

WAITING_SECONDS_MAX = 60.0
WAITING_LOOKS_MAX = 12
WAITING_UNITS_MAX = 2_000
WAITING_MESSAGES_MAX = 10_000  # between two looks; beyond it the least attended are dropped at once
CLOSING_SECONDS = 30.0  # AI messages of which nothing may be shown are closed after this long
PHASES = 16  # of a cadence: all looks fall on so many moments of it, so that many readers can look together


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
        self._speech = SpeechWindow()
        self._feed, self.heard = Feed(), 0  # and the place in it up to which everything was heard
        self._waiting = Waiting()
        self.listening = self._listening = Listening(memory, self._waiting, view, now)
        # What is older than the turns to come is none of this reader's run, or was shown before a restart.
        self._composer = Composer(
            reader, view, covered_to, transcript=transcript, memory=memory, waiting=self._waiting, bucket=bucket
        )
        self._range = OpenRange()  # of the AI messages above covered_to
        self._looked_at = now + phase - view.cadence_s  # anchor of the grid of looks
        self._next_look = math.inf  # inf: nothing to look at
        self._reporter = Reporter()

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
        """Take one event (for `Heard` that is all), and return what must follow, in order."""
        self._hear()
        match event:
            case Posted():
                self._posted(event.entry, event.direct, now)
            case Tick():
                return alone(self.tick(now))
            case Viewed():
                return self._viewed(event.view, now)
            case Opened():
                self._composer.near.approach({entry.speaker for entry in event.entries}, now)
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

    def follow(self, feed: Feed) -> None:
        """From here on what AIs say stands in this feed, up to whose end everything was heard."""
        self._feed, self.heard = feed, feed.end

    def waits(self, seq: int) -> bool:
        """Whether some text of a message waits."""
        self._hear()
        return seq in self._waiting

    def rung(self, now: float) -> int:
        """The words of prose about what was just said that would help at the next look; 0 while everything fits."""
        if self._view.mode != "paraphrase":
            return 0
        self._hear()
        look = max(now, min(self._next_look, now + self._view.cadence_s))
        return rung_needed(self._waiting, self._bucket.credit_at(look), self._bucket.rate)

    def balance(self, now: float) -> tuple[float, int]:
        """The words that the reader could be shown now, and the number of the last turn: so far all is paid for."""
        return self._bucket.credit_at(now), self._turn

    @property
    def asleep(self) -> bool:
        """Whether no look is planned."""
        return self._next_look == math.inf

    @property
    def attentive(self) -> bool:
        """Whether what AIs say next may wait in the feed: it would change no deadline, and nothing follows at once."""
        return self._view.mode != "raw" and self._next_look != math.inf and self._reporter.counting

    def deadline(self) -> float | None:
        """When the next `Tick` is due, or None."""
        due = min(self._next_look, self._reporter.due)
        return None if due == math.inf else due

    # Events.

    def _hear(self) -> None:
        """Take in what was said since the last event."""
        if self.heard == self._feed.end:
            return
        (news, involved), self.heard = self._feed.after(self.heard), self._feed.end
        crowded = len(self._waiting) + len(news) > WAITING_MESSAGES_MAX
        if self._view.mode == "raw" or crowded or self.reader in involved:
            for entry, at, _ in news:
                self._posted(entry, self.passes(entry), at)
        else:
            self._heed(news)

    def _heed(self, news: Sequence[New]) -> None:
        """What `_posted` does with each of these in turn, of AIs and about others: most of what is said, for most."""
        (first, at, _), last = news[0], news[-1][0]
        assert first.seq > self._head, f"expected a seq above {self._head}, got {first.seq}"
        self._head = last.seq
        self._waiting.extend(news)
        self._range.extend(news)
        self._listening.whispers.said([entry for entry, _, _ in news[-RECENT_MAX:]])
        self._await(at)

    def _posted(self, entry: Entry, direct: bool, now: float) -> None:
        assert entry.seq > self._head, f"expected a seq above {self._head}, got {entry.seq}"
        self._head = entry.seq
        if direct:
            self._memory.saw(entry.seq)
        if entry.speaker == self.reader:
            self._composer.near.approach({*entry.message.mentions, *filter(None, [entry.replied_to])}, now)
            self._listening.whispers.wrote(entry, now)
        elif entry.human:
            self._speech.add(entry.at, entry.words)
        if direct:
            return
        self._waiting.add(entry, now, urgent=entry.concerns(self.reader))
        if len(self._waiting) > WAITING_MESSAGES_MAX:
            self._waiting.keep_most_attended(WAITING_UNITS_MAX, partial(self._composer.attend, now))
        if not entry.human:
            self._range.add(entry, now)
            self._listening.whispers.said([entry])
        self._await(now)

    def _await(self, now: float) -> None:
        """Something waits since `now`: plan a look. What comes later before it changes nothing."""
        if self._reporter.state == "idle":
            self._reporter.state = "passthrough"
        self._arm(now)
        self._reporter.soon(now)

    def _remember(self, known: Remembered, now: float) -> None:
        """Go on from what an earlier mediator knew, before anything else is heard."""
        for entry, weight, noted_at in known.own:
            at = min(noted_at, now)
            addressed = {*entry.message.mentions, *filter(None, [entry.replied_to])}
            self._composer.near.approach(addressed if entry.speaker == self.reader else {entry.speaker}, at)
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
        self._view = self._composer.view = self.view
        self._bucket.configure(self._view.pace_wpm, self._view.cadence_s, now)
        self._listening.attend(self._view, now)

    def tick(self, now: float) -> Looking[list[Action]]:
        """`deadline()` has come: what `handle` does with a `Tick`, for who looks together with others."""
        self._hear()
        actions: list[Action] = []
        if now >= self._next_look:
            self._looked_at, self._next_look = self._next_look, math.inf
            actions += yield from self._look(now)
        if self._view.mode != "raw":
            actions += self._reporter.report(self._range, self._transcript.mood, now)
        return actions

    # Looking.

    def _arm(self, now: float) -> None:
        """Set the next look on the grid of this reader's cadence, in the future."""
        if self._next_look == math.inf:
            cadence_s = self._view.cadence_s
            missed = max(0, math.floor((now - self._looked_at) / cadence_s))
            at, step_s = self._looked_at + (missed + 1) * cadence_s, cadence_s / PHASES
            self._next_look = math.floor(at / step_s + 1e-3) * step_s  # a float may miss the grid by its last bits
            while self._next_look <= now:  # the last bit of a float can put it on `now`
                self._next_look += cadence_s

    def _look(self, now: float) -> Looking[list[Action]]:
        if self._view is not self.view:
            self._apply(now)
        self._bucket.advance(now)
        if self._view.mode == "paraphrase":
            self._waiting.drop_older(now - max(WAITING_SECONDS_MAX, WAITING_LOOKS_MAX * self._view.cadence_s))
            self._waiting.keep_most_attended(WAITING_UNITS_MAX, partial(self._composer.attend, now))
        turn = yield from self._next_turn(now)
        if len(self._waiting) or self._range.messages or turn:
            self._arm(now)
        else:
            self._reporter.state = "idle"
            if self._listening.awake(now):
                self._arm(now)
        self._reporter.due = now
        return [self._show(turn)] if turn else []

    def _next_turn(self, now: float) -> Looking[Turn | None]:
        waiting, credit = list(self._waiting), self._bucket.credit
        self._composer.reasons = Reasons()
        self._listening.look(self._bucket.rate, now)
        stale = now - self._range.since >= CLOSING_SECONDS
        if not waiting:
            heard = self._listening.overhear(credit, now, alone=True)
            return self._turn_of(heard, now) if heard or stale else None
        words = self._waiting.words
        if words <= credit:
            self._reporter.state = "passthrough"
            whole = self._composer.everything(waiting, now) + self._listening.overhear(credit - words, now)
            return self._turn_of(whole, now, self._view.mode)
        here = self._listening.own(waiting)
        urgent = any([message.urgent for message in here])
        readable = turn_words_min(self._bucket.rate, self._view.cadence_s)
        if credit >= readable or (credit > 0 and urgent):
            if self._view.mode == "paced":
                return self._paced(waiting, now)
            heard = [] if urgent else self._listening.overhear(credit, now, once=bool(here), alone=True)
            left = credit - sum(segment_words(segment) for segment in heard)
            # Beside something overheard the first unit may not overdraw, so a small rest waits for the next look.
            segments: list[Segment] = []
            if here and (not heard or left >= UNIT_WORDS_MAX):
                segments = yield from self._composer.digest(here, left, self._head, now)
            if segments or heard or (stale and not here):
                self._reporter.state = "paraphrasing"
                return self._turn_of(segments + heard, now)
        self._reporter.state = "rate_limiting"
        return None

    def _paced(self, waiting: Sequence[OpenMessage], now: float) -> Turn:
        """Whole messages, oldest first; the range is closed up to the first that still waits (protocol rule 7)."""
        condense = partial(self._composer.condensed, now=now)
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
        segments = self._composer.look_back(missed or Missed(), now)
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
        self._composer.reasons = found.reasons
        return [self._show(self._numbered(found.segments, now, "answer", None))]

    def _show(self, turn: Turn) -> Show:
        reasons, self._composer.reasons = self._composer.reasons, Reasons()
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
        return made_turn(self._room, self._turn, to_iso(now), mode, covers, segments, self._composer.reasons.by)

    def _close(self, now: float) -> list[Action]:
        """The last turn before raw: what the credit allows, up to the head. None if only messages are open."""
        self._bucket.advance(now)
        waiting = list(self._waiting)
        open_range = self._range.messages or any(message.entry.seq > self.covered_to for message in waiting)
        segments: list[Segment] = []
        if open_range and waiting and self._bucket.credit > 0:
            fits = sum(message.words for message in waiting) <= self._bucket.credit
            if fits:
                segments = self._composer.everything(waiting, now)
            else:
                segments = alone(self._composer.digest(waiting, self._bucket.credit, self._head, now))
        self._waiting.clear()
        return [self._show(self._turn_of(segments, now))] if open_range else []

    def nearby(self, now: float) -> set[str]:
        """The speakers at distance 0."""
        return self._composer.nearby(now)
