"""What is lost when the encoder cannot keep up: the richer part of the units encoded, or none.

A unit is the richer the more content words it has, and the richest of every few go first, which is what the server goes
by while the encoder is behind. Everything else stays as it is.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from bench.lod.data import Absent, channels, meetings
from bench.lod.figures import Score, score
from bench.lod.ours import digest
from bench.lod.qmsum import COLUMNS, DIGITS, QUICK_MEETINGS, cells
from bench.lod.report import Criterion, Found, Given, Table
from cadence.lod.vectors import Matrix
from cadence.models.backlog import STRETCH
from cadence.rooms.wire import Member
from tests.alex.house import house, wait
from tests.clock import VirtualLoop

FAST_PER_MINUTE, FAST_SECONDS = 10_000, 15.0
FAST_READERS = (1, 100)
SPEAKERS = 12
WORDS_MIN = 5  # shorter lines would make it easy
SHARES = (1.0, 0.5, 0.25, 0.1, 0.0)


def run(given: Given) -> Found:
    """General questions at the length of the answer, by share of encoded units."""
    if not given.encodings.available:
        raise Absent("there is no encoder whose delay could matter")
    held = meetings(given.shared, given.split, most=QUICK_MEETINGS if given.quick else None)
    scores: dict[str, list[Score]] = {}
    for share in SHARES:
        name = f"{share:.0%} encoded"
        given.say(name)
        scores[name] = []
        for meeting in held:
            full = given.encodings.of(meeting.texts)
            assert full is not None
            rich = np.array([len(unit.terms) for unit in meeting.units])
            known = richest(full, rich, share)
            for one in meeting.general:
                chosen = digest(meeting.units, known, one.words, meeting.background, exact=True)
                scores[name].append(score(meeting, one.answer, [meeting.units[i] for i in chosen]))
    reference = scores[f"{1.0:.0%} encoded"]
    table = Table("QMSum, the richer units encoded; differences from all encoded, paired", COLUMNS, digits=DIGITS)
    for name, found in scores.items():
        table.add(name, **cells(found, reference))
    texts = [one.text for log in channels(given.shared) for one in log if len(one.text.split()) >= WORDS_MIN]
    given.say("a fast room")
    costs = {readers: _kept_up(texts, readers) for readers in FAST_READERS}
    return Found([table], [_criterion(scores), _fast_criterion(costs)])


def _kept_up(texts: Sequence[str], readers: int) -> float:
    loop = VirtualLoop()
    share = loop.run_until_complete(fast_room(texts, readers))
    loop.close()
    return share


async def fast_room(texts: Sequence[str], readers: int) -> float:
    """The share of a core that a room of so many messages a minute takes, through the real driver, encoder apart."""
    async with house() as lab:
        for number in range(readers):
            await lab.driver.attach("lab", Member(f"r{number}", f"R{number}", "human"), None, None, lab.head)
        began = time.process_time()
        for number in range(int(FAST_PER_MINUTE * FAST_SECONDS / 60.0)):
            await lab.say(texts[number % len(texts)], f"speaker-{number % SPEAKERS}")
            await wait(60.0 / FAST_PER_MINUTE)
        return (time.process_time() - began) / FAST_SECONDS


def richest(vectors: Matrix, rich: np.ndarray, share: float) -> Matrix | None:
    """The vectors of that share of the units, those of the most content words in each stretch; None for none."""
    if not share:
        return None
    richer = np.concatenate([ranks(rich[first : first + STRETCH]) for first in range(0, len(rich), STRETCH)])
    kept = np.lexsort((-rich, richer))[: round(share * len(vectors))]
    known = np.zeros_like(vectors)
    known[kept] = vectors[kept]
    return known


def ranks(rich: np.ndarray) -> np.ndarray:
    """How many of a stretch are richer than each."""
    found: np.ndarray = (rich[None, :] > rich[:, None]).sum(axis=1)
    return found


def _fast_criterion(costs: Mapping[int, float]) -> Criterion:
    measured = ", ".join(f"{readers} readers {share:.0%} of a core" for readers, share in costs.items())
    what = f"a room at {FAST_PER_MINUTE:,} messages a minute through the driver, without the encoder"
    return Criterion(what, "keeps up", "", measured, costs[FAST_READERS[0]] < 1.0)


def _criterion(scores: dict[str, list[Score]]) -> Criterion:
    def lost(name: str, key: str) -> float:
        pairs = zip(scores["100% encoded"], scores[name], strict=True)
        return sum(float(getattr(full, key)) - float(getattr(part, key)) for full, part in pairs) / len(scores[name])

    kinds = ("50% encoded", "0% encoded")
    losses = {name: (lost(name, "r1"), lost(name, "topics")) for name in kinds}
    measured = "; ".join(f"{name}: {r1:+.1f} R1, {topics:+.3f} topics lost" for name, (r1, topics) in losses.items())
    met = any(r1 <= 1.0 and topics <= 0.03 for r1, topics in losses.values())
    return Criterion("encoder behind: the richer half, or none", "-1 R1, -.03 topics", "no loss", measured, met)
