"""Asks a language model for prose, once for each closed node and rung, and shelves what the grounding check lets pass.

Nobody waits for it (law 14): a node is asked for when it closes, for those readers whose text will not fit at their
next look; the call has half a cadence, and what is late is dropped and counted. Whatever a model does, hang, die or
write rubbish, costs its prose and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from cadence.alex.grounding import Claim, Fault, Ground, Verdict, check
from cadence.alex.keeper import Keeper
from cadence.alex.material import Material, material
from cadence.alex.prompts import NoAnswer, again, claims_of, prompt_text, reasons, retelling
from cadence.alex.prose import Attempt, Outcome, Prose, Told, Trace, stems_of
from cadence.alex.reader import MediatedRoom
from cadence.counts import ProseCounts
from cadence.lod.units import count_words
from cadence.models.chat import Account, Call, ChatModel, ModelError, answer_of

ATTEMPTS_MAX = 2  # the second is told what was wrong with the first
CALLS_AT_ONCE_MAX = 16  # of all rooms; beyond it a node goes without prose
ASKED_KEPT = 4_096  # nodes and rungs known to have been asked for
DEADLINE_CADENCES = 0.5
ANSWER_CHARACTERS_KEPT = 4_000  # of an answer, for `why`

log = structlog.get_logger()
Spawn = Callable[[Coroutine[Any, Any, None]], None]


@dataclass(slots=True)
class Work:
    """What came of asking a model: the claims that hold, and every attempt, also if it ended in the middle."""

    claims: tuple[Claim, ...] = ()
    attempts: list[Attempt] = field(default_factory=list)
    outcome: Outcome = "failed"


@dataclass(frozen=True, slots=True)
class Narrator:
    """Who writes: a model, the voice of Alex' persona card, and the pronouns on everybody's card, by id."""

    model: ChatModel
    voice: str = ""
    pronouns: dict[str, str] = field(default_factory=dict)


class Paraphrasing:
    """Prose for all rooms. `spawn` runs what goes on in the background; without a narrator nothing ever does."""

    def __init__(self, clock: Callable[[], float], spawn: Spawn, counts: ProseCounts) -> None:
        self.narrator: Narrator | None = None
        self._clock, self._spawn, self._counts = clock, spawn, counts
        self._asked: OrderedDict[tuple[str, int, int, int], None] = OrderedDict()
        self._under_way = 0
        self._armed: set[str] = set()  # rooms whose open leaf has a timer

    def heard(self, mediated: MediatedRoom, keeper: Keeper) -> None:
        """Messages were heard: ask for prose about the leaves that closed, and the open one when its slot ends."""
        leaves = keeper.leaves()
        if self.narrator is None:
            return
        for first, last in leaves:
            self._need(mediated, first, last)
        leaf = keeper.pyramid.open_leaf
        if leaf is not None and mediated.room not in self._armed:
            self._armed.add(mediated.room)
            delay = max(0.0, leaf[2] - self._clock())
            asyncio.get_running_loop().call_later(delay, self._slot_over, mediated, keeper)

    def _slot_over(self, mediated: MediatedRoom, keeper: Keeper) -> None:
        self._armed.discard(mediated.room)
        leaf = keeper.pyramid.open_leaf
        if leaf is None:
            return
        if leaf[2] <= self._clock():
            self._need(mediated, leaf[0], leaf[1])
        else:
            self.heard(mediated, keeper)

    def _need(self, mediated: MediatedRoom, first: int, last: int) -> None:
        """Ask for each rung that a reader needs, once."""
        narrator, now = self.narrator, self._clock()
        seconds: dict[int, float] = {}
        for reader in mediated.readers.values():
            rung = reader.mediator.rung(now) if reader.mediator is not None and reader.connections else 0
            if rung:
                given = DEADLINE_CADENCES * reader.view.cadence_s
                seconds[rung] = max(seconds.get(rung, 0.0), given)
        if narrator is None or not seconds:
            return
        about = material(mediated.transcript, first, last)
        for rung, given in sorted(seconds.items()):
            key = (mediated.room, first, last, rung)
            if key in self._asked or not about.worth(rung):
                continue
            self._asked[key] = None
            mediated.transcript.written.want(first, last)
            while len(self._asked) > ASKED_KEPT:
                self._asked.popitem(last=False)
            if self._under_way >= CALLS_AT_ONCE_MAX:
                self._counts.crowded += 1
                continue
            self._under_way += 1
            self._spawn(self._write(narrator, mediated, first, last, rung, about, given))

    async def _write(
        self,
        narrator: Narrator,
        mediated: MediatedRoom,
        first: int,
        last: int,
        rung: int,
        about: Material,
        given: float,
    ) -> None:
        written = mediated.transcript.written
        try:
            told = written.before(first)
            call = retelling(
                narrator.voice, about.sources, told, rung,
                names=about.names, pronouns=narrator.pronouns, account=Account(room=mediated.room, persona="alex"),
            )  # fmt: skip
            ground = about.ground(rung, narrator.pronouns, stems_of(told, about.names))
            work = await self.ask(narrator.model, call, ground, given)
            seqs = about.seqs | {seq for one in told for seq in one.seqs}
            trace = Trace(narrator.model.name, work.outcome, prompt_text(call), tuple(work.attempts), seqs)
            written.add(Prose(first, last, rung, about.told(work.claims), trace))
        finally:
            self._under_way -= 1

    async def answer(
        self, room: str, reader: str, about: Material, question: str | None, words: int, given: float
    ) -> tuple[tuple[Told, ...], Trace] | None:
        """What a reader asked for, in a model's words, as far as they hold; None if there is nobody who writes."""
        if (narrator := self.narrator) is None or not about.sources:
            return None
        call = retelling(
            narrator.voice, about.sources, (), words,
            names=about.names, pronouns=narrator.pronouns, question=question,
            account=Account(room=room, persona="alex", reader=reader),
        )  # fmt: skip
        self._counts.answers += 1
        work = await self.ask(narrator.model, call, about.ground(words, narrator.pronouns), given)
        trace = Trace(narrator.model.name, work.outcome, prompt_text(call), tuple(work.attempts), about.seqs)
        return about.told(work.claims), trace

    async def ask(self, model: ChatModel, call: Call, ground: Ground, given: float) -> Work:
        """What a model answers within `given` seconds, as far as it holds; never raises what a model may cause."""
        work = Work()
        self._counts.asked += 1
        try:
            async with asyncio.timeout(given):
                await self._attempts(model, call, ground, work)
        except TimeoutError:
            work.outcome = "late"
            self._counts.late += 1
        except ModelError as error:
            self._counts.failed += 1
            log.info("no prose", model=model.name, why=str(error))
        except Exception as error:  # a model's adapter is not ours: whatever it raises, the digest stands in
            self._counts.failed += 1
            # Its class only: a trace would carry what people said into the log.
            log.warning("a model failed in an unexpected way", model=model.name, why=type(error).__name__)
        if work.outcome == "held":
            self._counts.held += 1
        elif work.outcome == "refused":
            self._counts.refused += 1
        return work

    async def _attempts(self, model: ChatModel, call: Call, ground: Ground, work: Work) -> None:
        for number in range(ATTEMPTS_MAX):
            self._counts.calls += 1
            answer = (await answer_of(model, call)).text
            claims, verdict = judged(answer, ground)
            work.attempts.append(Attempt(answer[:ANSWER_CHARACTERS_KEPT], verdict))
            if verdict.held:
                work.claims, work.outcome = claims, "held"
                return
            self._counts.faults.update({fault.rule for fault in verdict.faults})
            work.outcome = "refused"
            if number + 1 == ATTEMPTS_MAX:
                work.claims = salvaged(claims, verdict, ground)
                work.outcome = "held" if work.claims else "refused"
            else:
                self._counts.retried += 1
                call = again(call, answer, reasons(verdict))


def judged(answer: str, ground: Ground) -> tuple[tuple[Claim, ...], Verdict]:
    """The claims of an answer, and what the check says of them."""
    try:
        claims = claims_of(answer)
    except NoAnswer as error:
        return (), Verdict((Fault("shape", -1, str(error)),))
    return claims, check(claims, ground)


def salvaged(claims: Sequence[Claim], verdict: Verdict, ground: Ground) -> tuple[Claim, ...]:
    """What of an answer holds by itself, within the words that were allowed; nothing if the rest does not."""
    faulty = {fault.claim for fault in verdict.faults}
    kept, words = list[Claim](), 0
    for index, claim in enumerate(claims):
        words_now = count_words(claim.text)
        if index not in faulty and words + words_now <= ground.words_max:
            kept.append(claim)
            words += words_now
    return tuple(kept) if kept and check(kept, ground).held else ()
