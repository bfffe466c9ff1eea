"""Whether the smaller side of a dispute is heard: 16 arguments against 4, in one turn of 40 words.

ArgKP-2021 (Friedman et al. 2021). A draw takes a topic, 16 arguments of one stance and 4 of the other, in random order,
and gives them to eight speakers who each keep a side (6 and 2). With an objection on 1 of 4,
the first message of the minority is a reply that begins with "No,"; that such edges are found is part of what runs.
Who stands where is guessed by directions that were learned without the topic of the draw (see `stances`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from bench.lod import baselines, stances
from bench.lod.data import Argument, arguments
from bench.lod.figures import Mean, mean
from bench.lod.mediated import Line, Mediated
from bench.lod.report import Criterion, Found, Given, Table
from cadence.lod.leanings import Leanings
from cadence.lod.units import Unit
from cadence.lod.vectors import Matrix, Vector
from cadence.rooms.wire import Turn, View

DRAWS = 300
QUICK_DRAWS = 60
MAJORITY, MINORITY = 16, 4
SPEAKERS = (6, 2)
BUDGET = 40.0
GAP_SECONDS = 0.2  # all of it within one look

NONE: Mapping[str, Leanings] = {}

Draw = list[tuple[Argument, str, int]]  # argument, speaker, place in the list of its topic
Heard = tuple[set[str], int, int, float]  # speakers, disputes named, named wrongly, the minority's share of segments


def run(given: Given) -> Found:
    """Both sides present in the first turn, and disputes named where there is none."""
    topics = arguments(given.shared)
    known = stances.encoded(topics, given.encodings)
    leanings = stances.unseen(known) if known else {}
    vectors = {topic: known[topic][0] if topic in known else None for topic in topics}
    chance = random.Random(given.seed)
    draws = [drawn(chance, topics) for _ in range(QUICK_DRAWS if given.quick else DRAWS)]
    table = Table(
        f"ArgKP, {len(draws)} draws of {MAJORITY}:{MINORITY}, {BUDGET:.0f} words ({given.vectors})",
        ("both sides", "minority share", "speakers", "named", "named wrongly"),
    )
    for name, select in baselines.BASELINES.items():
        given.say(name)
        table.add(name, **_row([_baseline(select, draw, vectors) for draw in draws]))
    found: dict[str, list[Heard]] = {}
    for name, edges, with_vectors in (
        ("Alex without vectors", 0, False),
        ("Alex", 0, True),
        ("Alex, an objection on 1 of 4, no vectors", 1, False),
        ("Alex, an objection on 1 of 4", 1, True),
        ("Alex, objections on 2 of 4", 2, True),
    ):
        given.say(name)
        found[name] = [_alex(draw, edges, vectors if with_vectors else {}, leanings) for draw in draws]
        table.add(name, **_row(found[name]))
    return Found([table], _criteria(found))


def drawn(chance: random.Random, topics: dict[str, list[Argument]]) -> Draw:
    """One draw, in the order in which it is said."""
    topic = chance.choice(sorted(topics))
    stance = chance.choice((1, -1))
    picked: Draw = []
    for side, count, speakers in ((stance, MAJORITY, SPEAKERS[0]), (-stance, MINORITY, SPEAKERS[1])):
        own = [i for i, one in enumerate(topics[topic]) if one.stance == side]
        for number, i in enumerate(chance.sample(own, count)):
            picked.append((topics[topic][i], f"{'minority' if side != stance else 'majority'}-{number % speakers}", i))
    chance.shuffle(picked)
    return picked


def _alex(
    draw: Draw, edges: int, vectors: Mapping[str, Matrix | None], leanings: Mapping[str, Leanings] = NONE
) -> Heard:
    """What the first turn holds."""
    reader = Mediated(View(), credit=BUDGET, leanings=leanings.get(draw[0][0].topic))
    majority: list[int] = []
    objecting: list[int] = []
    for number, (argument, speaker, i) in enumerate(draw, 1):
        minor = speaker.startswith("minority")
        answers = majority[-1] if minor and majority and len(objecting) < edges else None
        text = argument.text if answers is None else f"No, {argument.text}"
        known = vectors.get(argument.topic)
        vector: Sequence[Vector | None] = () if known is None else (known[i],)
        reader.say(Line(speaker, number * GAP_SECONDS, text, answers, vector))
        if answers is not None:
            objecting.append(number)
        elif not minor:
            majority.append(number)
    turn: Turn = next(iter(reader.wait(60.0)))
    speakers = {speaker for segment in turn.segments for speaker in segment.speakers}
    named = [segment for segment in turn.segments if isinstance(segment.objects_to, int)]
    wrongly = [segment for segment in named if not set(segment.sources) & set(objecting)]
    heard = [segment for segment in turn.segments if segment.speakers[0].startswith("minority")]
    return speakers, len(named), len(wrongly), len(heard) / max(len(turn.segments), 1)


def _baseline(select: baselines.Select, draw: Draw, vectors: dict[str, Matrix | None]) -> Heard:
    reader = Mediated(View())
    for number, (argument, speaker, _) in enumerate(draw, 1):
        reader.say(Line(speaker, number * GAP_SECONDS, argument.text))
    units: list[Unit] = [entry.parsed.units[0] for entry in reader.entries.values()]
    known = vectors[draw[0][0].topic]
    chosen = select(units, None if known is None else known[[i for _, _, i in draw]], BUDGET)
    speakers = [units[i].speaker for i in chosen]
    return set(speakers), 0, 0, sum(one.startswith("minority") for one in speakers) / max(len(speakers), 1)


def _row(found: Sequence[Heard]) -> dict[str, Mean | float]:
    return {
        "both sides": mean([float(len({one.split("-")[0] for one in speakers}) == 2) for speakers, *_ in found]),
        "minority share": mean([share for *_, share in found]).mean,
        "speakers": mean([float(len(speakers)) for speakers, *_ in found]).mean,
        "named": float(sum(named for _, named, *_ in found)),
        "named wrongly": float(sum(wrongly for _, _, wrongly, _ in found)),
    }


def _criteria(found: Mapping[str, Sequence[Heard]]) -> list[Criterion]:
    rows = {name: _row(heard) for name, heard in found.items()}
    plain, edges = rows["Alex"]["both sides"], rows["Alex, an objection on 1 of 4"]["both sides"]
    assert isinstance(plain, Mean) and isinstance(edges, Mean)
    wrongly = sum(wrongly for heard in found.values() for _, _, wrongly, _ in heard)
    return [
        Criterion(
            "both sides of 16:4 in 40 words: no labels / edges on 25 % of the minority",
            "lower bound .66 / .83",
            ".80 / .95",
            f"{plain:.2f} / {edges:.2f}",
            plain.low >= 0.66 and edges.low >= 0.83,
        ),
        Criterion("disputes named wrongly", "0", "0", str(wrongly), wrongly == 0),
    ]
