"""What a mind has heard and not thought about yet, and what it thinks about next.

    asked      a person speaks to it                     at once, before everything else
    human      a person speaks to nobody in particular   at once by a few of the minds, by the others later
    addressed  an AI speaks to it                        at once, unless the two have talked long enough
    talk       other AIs talk                            when there was enough of it
    silence    nobody has spoken for long                rarely, and ever more rarely

Three rules keep minds from setting each other off without end, each by what the mind does itself and never by waiting:

- What merely agrees or says again what was just said is no reason to speak.
- Talk counts by share: in a room of n AIs each message is worth 1/(n-1) of a reason to the others. Each PASS in a row
  doubles how much it takes, up to `PASSES_COUNTED_MAX` times.
- Who has answered the same AI `EXCHANGE_MAX` times while nobody else said anything hears it as talk.

A person's word ends all of that: it counts whole, and forgives the passes.

Pure: `now` is an argument. All that is kept is bounded; what is dropped is counted, and stays in the chronicle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

from cadence.lod.terms import variants
from cadence.personas.chronicle import Utterance

HUMANS_MAX = 64  # words of people that wait
ADDRESSED_MAX = 32
FIRST_ANSWERS = 3  # minds that look up at once when a person speaks to nobody in particular
ANSWER_STEP_SECONDS = 3.0  # after that the next ones, if nobody has answered
ANSWERS_ENOUGH = 3
EXCHANGE_MAX = 12
OTHERS_SHARE = 0.5  # of a message that is meant for another AI
PASSES_COUNTED_MAX = 6
FRESH_MIN = 0.4  # an AI's message with less that is new says something again
SILENCES_COUNTED_MAX = 6

Kind = Literal["asked", "human", "addressed", "talk", "silence"]


@dataclass(frozen=True, slots=True)
class Focus:
    """What to think about: why, and the message it is about (none for talk and silence)."""

    kind: Kind
    about: Utterance | None = None


@dataclass(slots=True)
class _Waiting:
    about: Utterance
    due: float
    answers: int = 0


class Inbox:
    """See the module's text. `interests` are the card's; `silence_s` 0 never speaks into a silence."""

    def __init__(self, me: str, interests: Collection[str], silence_s: float) -> None:
        self.dropped = 0
        self.passes = 0
        self._me = me
        self._interests = [frozenset(forms) for text in interests for forms in variants(text)]
        self._silence_s = silence_s
        self._silences = 0
        self._asked: list[Utterance] = []
        self._humans: list[_Waiting] = []
        self._addressed: list[Utterance] = []
        self._talk = 0.0
        self._talked: int | None = None  # the first message of the talk that was not thought about
        self._taken: tuple[float, int | None] | None = None  # the talk that is being thought about
        self._last_at: float | None = None
        self._partner: str | None = None
        self._exchange = 0  # answers to `_partner` with nobody else between

    # Hearing.

    def hear(self, heard: Utterance, agents: Collection[str], now: float) -> None:
        """Somebody said something; `agents` are the AIs in the room."""
        self._last_at = now
        if heard.speaker == self._me:
            self._answered_by_me(heard)
        elif heard.human:
            self._human(heard, agents, now)
        else:
            self._agent(heard, agents)

    def _human(self, heard: Utterance, agents: Collection[str], now: float) -> None:
        self.passes = self._silences = self._exchange = 0
        self._partner = None
        if self._is_for_me(heard):
            self._asked.append(heard)
            if len(self._asked) > HUMANS_MAX:
                del self._asked[0]
                self.dropped += 1
        elif any(other in agents for other in _meant(heard)):
            self._add_talk(heard, 1.0)
        else:
            wait = 0.0 if self._touches(heard) else self._turn(heard, agents) * ANSWER_STEP_SECONDS
            self._humans.append(_Waiting(heard, now + wait))
            if len(self._humans) > HUMANS_MAX:
                del self._humans[0]
                self.dropped += 1

    def _agent(self, heard: Utterance, agents: Collection[str]) -> None:
        if heard.speaker != self._partner:
            self._exchange, self._partner = 0, None
        for waiting in self._humans:
            if waiting.about.seq == heard.reply_to:
                waiting.answers += 1
        self._humans = [waiting for waiting in self._humans if waiting.answers < ANSWERS_ENOUGH]
        if heard.agrees or heard.fresh < FRESH_MIN:
            return
        if self._is_for_me(heard) and not (heard.speaker == self._partner and self._exchange >= EXCHANGE_MAX):
            self._addressed.append(heard)
            if len(self._addressed) > ADDRESSED_MAX:
                del self._addressed[0]
                self.dropped += 1
            return
        share = 1.0 / max(1, len(agents) - 1)
        if self._touches(heard):
            share = 1.0
        elif any(other in agents for other in _meant(heard)):
            share *= OTHERS_SHARE
        self._add_talk(heard, share)

    def _answered_by_me(self, heard: Utterance) -> None:
        """What I answered does not wait any more, also if I said it before a restart."""
        seq, partner = heard.reply_to, heard.replied_to
        human = any(one.seq == seq for one in self._asked) or any(one.about.seq == seq for one in self._humans)
        self._asked = [one for one in self._asked if one.seq != seq]
        self._humans = [one for one in self._humans if one.about.seq != seq]
        self._addressed = [one for one in self._addressed if one.seq != seq]
        if partner is None or human:
            self._exchange, self._partner = 0, None
        elif partner == self._partner:
            self._exchange += 1
        else:
            self._exchange, self._partner = 1, partner

    def _add_talk(self, heard: Utterance, share: float) -> None:
        self._talk = min(2.0**PASSES_COUNTED_MAX, self._talk + share)
        if self._talked is None:
            self._talked = heard.seq

    # Choosing.

    def next(self, now: float) -> Focus | None:
        """What to think about now, the most urgent first; it stays until `settle`."""
        if self._asked:
            return Focus("asked", self._asked[0])
        due = [waiting.about for waiting in self._humans if waiting.due <= now]
        if due:
            return Focus("human", due[0])
        if self._addressed:
            return Focus("addressed", self._addressed[0])
        if self._talk >= self._enough:
            return Focus("talk")
        silence = self._silence_at()
        return Focus("silence") if silence is not None and silence <= now else None

    def deadline(self) -> float | None:
        """When `next` may give something although nobody speaks."""
        moments = [waiting.due for waiting in self._humans]
        silence = self._silence_at()
        if silence is not None:
            moments.append(silence)
        return min(moments, default=None)

    @property
    def is_asked(self) -> bool:
        """Whether a person who spoke to this mind waits."""
        return bool(self._asked)

    def answered_enough(self, focus: Focus) -> bool:
        """Whether others have answered it meanwhile; one who was asked by name is never answered for."""
        return focus.kind == "human" and all(waiting.about is not focus.about for waiting in self._humans)

    def take(self) -> None:
        """A thought begins: it knows all talk so far. What is said from here on is for the next one."""
        self._taken = self._talk, self._talked
        self._talk, self._talked = 0.0, None

    def put_back(self) -> None:
        """The thought came to nothing: what it was about waits as before."""
        if self._taken is not None:
            talk, talked = self._taken
            self._talk = min(2.0**PASSES_COUNTED_MAX, self._talk + talk)
            self._talked = self._talked if talked is None else talked
            self._taken = None

    def settle(self, focus: Focus, *, spoke: bool, now: float) -> None:
        """The thought has ended, with a message or a PASS."""
        about = focus.about
        self._asked = [one for one in self._asked if one is not about]
        self._humans = [one for one in self._humans if one.about is not about]
        self._addressed = [one for one in self._addressed if one is not about]
        self._taken = None
        if focus.kind == "silence":
            self._silences = min(self._silences + 1, SILENCES_COUNTED_MAX)
            self._last_at = now
        if spoke:
            self.passes = 0
        elif focus.kind in ("talk", "addressed", "silence"):
            self.passes = min(self.passes + 1, PASSES_COUNTED_MAX)

    def redact(self, seq: int) -> None:
        """A message was taken back: nothing is answered any more that is not there."""
        self._asked = [one for one in self._asked if one.seq != seq]
        self._humans = [one for one in self._humans if one.about.seq != seq]
        self._addressed = [one for one in self._addressed if one.seq != seq]

    def start(self, now: float) -> None:
        """The mind is in the room: from now on silence counts."""
        if self._last_at is None:
            self._last_at = now

    def first_waiting(self) -> int | None:
        """The first message not thought about: after a restart begin to think from here."""
        seqs = [one.seq for one in (*self._asked, *self._addressed)]
        seqs += [waiting.about.seq for waiting in self._humans]
        seqs += [seq for seq in (self._talked, self._taken and self._taken[1]) if seq is not None]
        return min(seqs, default=None)

    @property
    def _enough(self) -> float:
        return float(2.0**self.passes)

    def _silence_at(self) -> float | None:
        if not self._silence_s or self._last_at is None:
            return None
        return self._last_at + self._silence_s * 2.0**self._silences

    def _is_for_me(self, heard: Utterance) -> bool:
        return self._me in heard.mentions or (not heard.mentions and heard.replied_to == self._me)

    def _touches(self, heard: Utterance) -> bool:
        """Whether a message uses the words of an interest of the card."""
        return any(not forms.isdisjoint(heard.terms) for forms in self._interests)

    def _turn(self, heard: Utterance, agents: Collection[str]) -> int:
        """In which turn of answers this mind's comes; each message has its own order, the same for all minds."""
        order: Callable[[str], tuple[int, str]] = lambda id: (crc32(f"{heard.seq}/{id}".encode()), id)  # noqa: E731
        place = sorted({*agents, self._me}, key=order).index(self._me)
        return place // FIRST_ANSWERS


def _meant(heard: Utterance) -> tuple[str, ...]:
    """For whom a message is, as far as it says so."""
    if heard.mentions:
        return heard.mentions
    return (heard.replied_to,) if heard.replied_to is not None and heard.replied_to != heard.speaker else ()
