"""Messages, entries and mediators for the tests of this package."""

from __future__ import annotations

import random
from typing import Any

from cadence.alex.events import Action, Posted, Show, Tick
from cadence.alex.mediator import Mediator
from cadence.alex.memory import ReaderMemory
from cadence.alex.transcript import Entry, Transcript
from cadence.lod.budget import Bucket
from cadence.rooms.wire import Author, Message, Part, Turn, View, to_iso

START = 1_000_000.0
SENTENCE = "The cache loses about forty writes whenever the second node restarts under load."  # 13 words


def message(seq: int, text: str = SENTENCE, speaker: str = "vera", at: float = START, **more: Any) -> Message:
    kind = more.pop("kind", "agent")
    author = Author(speaker, speaker.title(), kind)
    return Message("lab", "epoch", seq, f"m{seq}", author, to_iso(at), text, **more)


def entry(seq: int, text: str = SENTENCE, speaker: str = "vera", at: float = START, **more: Any) -> Entry:
    return Entry(message(seq, text, speaker, at, **more), None)


def code(body: str) -> tuple[Part, ...]:
    return (Part("code", body, lang="python"),)


def mediator(
    *,
    now: float = START,
    covered_to: int = 0,
    credit: float | None = None,
    transcript: Transcript | None = None,
    **view: Any,
) -> Mediator:
    """A mediator of `reader` whose looks fall on `now + k * cadence_s`; `credit` drains its bucket to that."""
    chosen = View(**view)
    bucket = Bucket(chosen.pace_wpm, chosen.cadence_s, now)
    if credit is not None:
        bucket.spend(bucket.credit - credit)
    return Mediator(
        "reader",
        "lab",
        "epoch",
        chosen,
        covered_to=covered_to,
        turn=0,
        bucket=bucket,
        transcript=transcript or Transcript(),
        memory=ReaderMemory(),
        phase=0.0,
        now=now,
    )


class Room:
    """Feeds one mediator as the driver would, and keeps what it answers."""

    def __init__(self, subject: Mediator, now: float = START) -> None:
        self.mediator = subject
        self.now = now
        self.seq = subject.covered_to
        self.transcript = subject._transcript
        self.actions: list[Action] = []
        self.messages: list[int] = []  # seqs sent as `message`

    @property
    def turns(self) -> list[Turn]:
        return [action.turn for action in self.actions if isinstance(action, Show)]

    def say(self, text: str = SENTENCE, speaker: str = "vera", **more: Any) -> Entry:
        self.seq += 1
        said = self.transcript.enter(message(self.seq, text, speaker, self.now, **more))
        direct = self.mediator.passes(said)
        if direct:
            self.messages.append(self.seq)
        self.do(Posted(said, direct))
        return said

    def do(self, event: Any) -> list[Action]:
        answered = self.mediator.handle(event, self.now)
        self.actions += answered
        return answered

    def wait(self, seconds: float) -> list[Turn]:
        """Let time pass, ticking at each deadline; returns the turns shown meanwhile."""
        until, before = self.now + seconds, len(self.turns)
        while (due := self.mediator.deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.do(Tick())
            after = self.mediator.deadline()
            assert after is None or after > self.now, "law 16: the next deadline lies in the future"
        self.now = until
        return self.turns[before:]


def line(number: int) -> str:
    """A sentence of thirteen words that repeats no other."""
    words = random.Random(number)

    def made_up() -> str:
        return "".join(words.choice("bdfgklmnprtvz") + words.choice("aeiou") for _ in range(3))

    return f"The {made_up()} of {made_up()} moved {made_up()} to the {made_up()} while {made_up()} slept there."
