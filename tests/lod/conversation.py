"""Made-up conversations for the tests of the pyramid and of what reads it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from cadence.lod.nodes import Said
from cadence.lod.pyramid import Pyramid
from cadence.lod.units import Source, parse

START = 1_000_000.0
TOPICS = (
    "harbour crane barge tide ferry",
    "oven dough flour yeast crust",
    "orbit probe thruster fuel comet",
    "ledger invoice audit budget refund",
)


def line(number: int, topic: str, words: int = 9) -> str:
    """A sentence about a topic, the same for the same number."""
    chance = random.Random(number)
    said = [
        chance.choice(topic.split()) if chance.random() < 0.5 else f"w{chance.randrange(300)}" for _ in range(words)
    ]
    return " ".join(said).capitalize() + "."


def said(
    seq: int, text: str, at: float, speaker: str = "vera", *, human: bool = False, about: int | None = None
) -> Said:
    parsed = parse(Source(seq, speaker, at, text))
    return Said(seq, at, human, parsed.words, parsed.units, about)


def redacted(one: Said) -> Said:
    """What the log has of it once it is redacted."""
    return Said(one.seq, one.at, one.human, 1, (), None, redacted=True)


def talk(messages: int, gap_s: float = 2.0, seed: int = 0) -> list[Said]:
    """Four voices on four topics in turn, with pauses and bursts."""
    chance = random.Random(seed)
    at, found = START, list[Said]()
    for seq in range(1, messages + 1):
        at += chance.expovariate(1 / gap_s) * (200 if chance.random() < 0.02 else 1)
        topic = TOPICS[(seq * 4 // (messages + 1)) % 4]
        text = line(seed * 10_000 + seq, topic, chance.choice((1, 5, 9, 30, 60)))
        found.append(said(seq, text, round(at, 3), "abcd"[chance.randrange(4)], human=chance.random() < 0.1))
    return found


def heard_again(said: Sequence[Said]) -> Pyramid:
    """A stretch of a room, for `Pyramid.mend`."""
    pyramid = Pyramid("lab", first=said[0].seq)
    for one in said:
        pyramid.add(one)
        pyramid.carry()
    return pyramid


def built(heard: Sequence[Said], scope: str = "lab") -> Pyramid:
    pyramid = Pyramid(scope)
    for one in heard:
        pyramid.add(one)
        while pyramid.carry():
            pass
    return pyramid
