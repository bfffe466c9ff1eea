"""What goes into one reader's turn out of what waits: all of it, the best of it, or a look back over an absence.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Sequence

from cadence.alex.answers import Missed
from cadence.alex.contest import Looking, alone
from cadence.alex.disputes import agreements, disputes
from cadence.alex.memory import ReaderMemory
from cadence.alex.near import Near
from cadence.alex.prose import Prose, rung_for
from cadence.alex.selection import Floats, Selection, attend_absence, attend_waiting
from cadence.alex.transcript import Transcript
from cadence.alex.turns import Pick, in_time, quoted, whole_message
from cadence.alex.waiting import Candidate, Lineup, OpenMessage, Waiting, candidates
from cadence.alex.why import Reasons, reasons_of
from cadence.lod.budget import Bucket
from cadence.lod.digest import LOOK, LOOK_BACK, Weights
from cadence.lod.leanings import CALM
from cadence.lod.pyramid import SLOT_SECONDS
from cadence.rooms.wire import Segment, View

AHEAD_SECONDS = 30.0  # half of what text waits: a message is told in its own order as far as this
CATCH_UP_WORDS = 120


class Composer:
    """One reader's. `view` is what is in force; messages up to seq `since` are none of this reader's run."""

    def __init__(
        self,
        reader: str,
        view: View,
        since: int,
        *,
        transcript: Transcript,
        memory: ReaderMemory,
        waiting: Waiting,
        bucket: Bucket,
    ) -> None:
        self.view = view
        self.near = Near()
        self.reasons = Reasons()  # of the turn that is being made
        self._reader, self._since = reader, since
        self._transcript, self._memory, self._waiting, self._bucket = transcript, memory, waiting, bucket

    def everything(self, waiting: Sequence[OpenMessage], now: float) -> list[Segment]:
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

    def digest(self, waiting: Sequence[OpenMessage], budget: float, head: int, now: float) -> Looking[list[Segment]]:
        """The best of what waits within `budget` words, up to seq `head`; what is shown waits no longer."""
        lineup = Lineup(candidates(waiting), self._transcript.window)
        prose = self._prose(waiting, budget, head)
        return (yield from self._chosen(waiting, lineup, self._attended(now, lineup), budget, now, LOOK, prose))

    def look_back(self, missed: Missed, now: float) -> list[Segment]:
        """At most `CATCH_UP_WORDS` over an absence."""
        waiting, units = missed.among(list(self._waiting), now)
        if not units:
            return []
        lineup, background = Lineup(units, self._transcript.window), self._transcript.background
        weights = attend_absence(lineup, self._reader, self.view, self.nearby(now), background, now)
        return alone(self._chosen(waiting, lineup, weights, CATCH_UP_WORDS, now, LOOK_BACK))

    def condensed(self, waiting: Sequence[OpenMessage], words: float, now: float) -> Sequence[Pick]:
        """The best of these within so many words, whatever becomes of them."""
        lineup, background = Lineup(candidates(waiting)), self._transcript.background
        selection = Selection(lineup, self._attended(now, lineup), words, self._memory, background, {}, now)
        return alone(selection.choose([], {})).picks

    def attend(self, now: float, units: Sequence[Candidate]) -> Floats:
        """How much attention each of these has."""
        return self._attended(now, Lineup(units))

    def nearby(self, now: float) -> set[str]:
        """The speakers at distance 0."""
        return self.near.at(now, self.view.focus.follow)

    def _attended(self, now: float, lineup: Lineup) -> Floats:
        background = self._transcript.background
        return attend_waiting(lineup, self.view, self._bucket.rate, self.nearby(now), background, now)

    def _chosen(
        self,
        waiting: Sequence[OpenMessage],
        lineup: Lineup,
        weights: Floats,
        budget: float,
        now: float,
        weigh: Weights,
        prose: Sequence[Prose] = (),
    ) -> Looking[list[Segment]]:
        """The choice within `budget` words as segments; what was chosen or counted waits no longer."""
        background, sides = self._transcript.background, self._transcript.sides.guess(now)
        ahead = self._bucket.rate * AHEAD_SECONDS
        argument = self._transcript.argument if weigh is LOOK else CALM
        selection = Selection(
            lineup, weights, budget, self._memory, background, sides, now, weigh,
            ahead=ahead, prose=prose, argument=argument,
        )  # fmt: skip
        objecting = disputes(waiting, self._memory, self._transcript, self._since)
        choice = yield from selection.choose(objecting, agreements(waiting))
        self.reasons = reasons_of(lineup, weights, choice)
        retold = [one.unit for retold in choice.retold for one in retold.candidates]
        self._waiting.shown([*(pick.unit for pick in choice.picks), *choice.counted, *retold])
        return in_time([*quoted(choice.picks), *(retold.segment() for retold in choice.retold)])

    def _prose(self, waiting: Sequence[OpenMessage], budget: float, head: int) -> Sequence[Prose]:
        """What a model has made of the time of what waits, as far as one turn can hold it."""
        written = self._transcript.written
        rung_max = rung_for(max(budget, self._bucket.rate * SLOT_SECONDS))
        return written.within(waiting[0].entry.seq, head, rung_max) if waiting and len(written) else ()
