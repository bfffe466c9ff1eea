"""Specific questions about a whole meeting, answered with quotes at the length of the human answer.

Beside the selectors that do not know the question stands "closest by tf-idf": the units most like it. On the turns that
people marked as relevant ("marked"), finding is done and only choosing is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from bench.lod import baselines, ours
from bench.lod.data import Meeting, Question, meetings
from bench.lod.figures import difference, mean, stems
from bench.lod.qmsum import QUICK_MEETINGS
from bench.lod.report import Criterion, Found, Given, Table
from bench.rouge import rouge
from cadence.lod.retrieval import relevance, retrieve
from cadence.lod.units import Unit
from cadence.lod.vectors import Matrix, Vector

REFERENCE = "closest by tf-idf"
OURS = "Alex"

Answer = Callable[[Meeting, Question, Matrix | None, Vector | None], Sequence[int]]


def run(given: Given) -> Found:
    """Every question of the split."""
    held = meetings(given.shared, given.split, most=QUICK_MEETINGS if given.quick else None)
    asked = [(meeting, one, number) for meeting in held for number, one in enumerate(meeting.specific)]
    vectors = {id(meeting): given.encodings.of(meeting.texts) for meeting in held}
    questions = {id(meeting): given.encodings.of([one.text for one in meeting.specific]) for meeting in held}
    table = Table(
        f"QMSum {given.split}, {len(asked)} specific questions ({given.vectors}); differences from {REFERENCE}, paired",
        ("R1", "R2", "RL", "answer", "in marked turns", "words", "dR1"),
        digits={"R1": 1, "R2": 1, "RL": 1, "dR1": 1, "words": 0},
    )
    r1: dict[str, list[float]] = {}
    for name, answer in answers().items():
        given.say(f"{name}, {len(asked)} questions")
        rows: list[tuple[float, float, float, float, float, float]] = []
        for meeting, one, number in asked:
            known = questions[id(meeting)]
            chosen = answer(meeting, one, vectors[id(meeting)], None if known is None else known[number])
            rows.append(_figures(one, [meeting.units[i] for i in sorted(chosen)]))
        r1[name] = [row[0] for row in rows]
        means = [mean([row[i] for row in rows]).mean for i in range(1, 6)]
        cells = dict(zip(("R2", "RL", "answer", "in marked turns", "words"), means, strict=True))
        paired = {} if name == REFERENCE else {"dR1": difference(r1[name], r1[REFERENCE])}
        table.add(name, R1=mean(r1[name]), **cells, **paired)
    best, marked = mean(r1[OURS]), mean(r1[f"{OURS}, marked turns"])
    criterion = Criterion(
        "specific questions through `ask question`: R1",
        "27",
        "33",
        f"{best:.1f}; marked turns {marked:.1f}",
        best.mean >= 27,
    )
    return Found([table], [criterion])


def answers() -> dict[str, Answer]:
    """Every way to answer, by name; the reference first."""
    found: dict[str, Answer] = {REFERENCE: closest}
    for name in ("lead", "longest", "LexRank", "MMR", "facility location"):
        found[name] = partial(_unasked, baselines.BASELINES[name])
    found["Alex, not asked"] = lambda meeting, one, vectors, asked: ours.digest(
        meeting.units, vectors, one.words, meeting.background, exact=True
    )
    found["Alex without vectors"] = lambda meeting, one, vectors, asked: alex(meeting, one, None, None)
    found[OURS] = alex
    for name in ("lead", "random", "facility location"):
        found[f"{name}, marked turns"] = partial(_marked, baselines.BASELINES[name])
    found[f"{OURS}, marked turns"] = partial(_marked, None)
    return found


def alex(meeting: Meeting, one: Question, vectors: Matrix | None, asked: Vector | None) -> Sequence[int]:
    """The product's answer."""
    return retrieve(meeting.units, one.text, one.words, meeting.background, vectors=vectors, asked=asked)


def closest(meeting: Meeting, one: Question, vectors: Matrix | None, asked: Vector | None) -> Sequence[int]:
    about = relevance(meeting.units, one.text, meeting.background)
    order = sorted(range(len(meeting.units)), key=lambda i: (-about[i], i))
    return baselines.fill(order, meeting.units, one.words)


def _unasked(
    select: baselines.Select, meeting: Meeting, one: Question, vectors: Matrix | None, asked: Vector | None
) -> Sequence[int]:
    return select(meeting.units, vectors, one.words)


def _marked(
    select: baselines.Select | None, meeting: Meeting, one: Question, vectors: Matrix | None, asked: Vector | None
) -> Sequence[int]:
    """The choice out of the turns that people marked; `select` None is ours."""
    own = [i for i, unit in enumerate(meeting.units) if _is_marked(unit, one)]
    units, known = [meeting.units[i] for i in own], None if vectors is None else vectors[own]
    if select is not None:
        return [own[i] for i in select(units, known, one.words)]
    chosen = retrieve(units, one.text, one.words, meeting.background, vectors=known, asked=asked)
    return [own[i] for i in chosen or ours.digest(units, known, one.words, meeting.background, exact=True)]


def _is_marked(unit: Unit, one: Question) -> bool:
    return any(first <= unit.seq - 1 <= last for first, last in one.spans)


def _figures(one: Question, shown: Sequence[Unit]) -> tuple[float, float, float, float, float, float]:
    found = rouge(one.answer, " ".join(unit.text for unit in shown))
    want = stems(one.answer)
    recalled = len(want & {term for unit in shown for term in unit.terms}) / max(len(want), 1)
    inside = sum(_is_marked(unit, one) for unit in shown) / max(len(shown), 1)
    return found.r1, found.r2, found.rl, recalled, inside, float(sum(unit.n for unit in shown))
