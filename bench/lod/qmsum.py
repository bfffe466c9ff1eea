"""Summaries of real meetings: general questions at the length of the human answer, and by budget.

QMSum (Zhong et al. 2021). The digest is compared with what people wrote (ROUGE), with the meeting's agenda (topics
touched) and with the answers people gave to questions about it (answer recall). None of the three alone is a judge: a
random choice touches most topics, and the first five minutes of a meeting score well in ROUGE.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from bench.lod import baselines, ours
from bench.lod.data import Meeting, meetings
from bench.lod.figures import Mean, Score, difference, mean, score
from bench.lod.report import Criterion, Curve, Found, Given, Table
from cadence.lod.vectors import Matrix

BUDGETS = (10, 20, 40, 80, 160)
WINDOW_SECONDS = 300.0
QUICK_MEETINGS = 6
COLUMNS = ("R1", "R2", "RL", "topics", "answers", "words", "dR1", "d topics", "d answers")
DIGITS = {"R1": 1, "R2": 1, "RL": 1, "words": 0, "dR1": 1, "answers": 3, "d answers": 3}
REFERENCE = "facility location"
OURS, OURS_WITHOUT, ON_LADDER = "Alex", "Alex without vectors", "Alex on the ladder"

Choose = Callable[[Meeting, Matrix | None, float], list[int]]


def run(given: Given) -> Found:
    """General questions, every selector, at the reference's length and by budget."""
    held = meetings(given.shared, given.split, most=QUICK_MEETINGS if given.quick else None)
    vectors = [given.encodings.of(meeting.texts) for meeting in held]
    table = Table(
        f"QMSum {given.split}, {sum(len(one.general) for one in held)} general questions at the length of the answer"
        f" ({given.vectors}); differences from {REFERENCE}, paired",
        COLUMNS,
        digits=DIGITS,
    )
    scores = {name: _scores(held, vectors, choose, None, given, name) for name, choose in selectors(exact=True).items()}
    scores["oracle"] = [
        score(meeting, one.answer, [meeting.units[i] for i in baselines.oracle(one.answer, meeting.units, one.words)])
        for meeting in held
        for one in meeting.general
    ]
    scores["raw"] = [score(meeting, one.answer, meeting.units) for meeting in held for one in meeting.general]
    for name, measured in scores.items():
        table.add(name, **cells(measured, scores[REFERENCE]))
    by_budget, criterion, curves = _by_budget(held, vectors, given)
    criteria = [_criterion(scores[OURS], scores[OURS_WITHOUT]), criterion]
    return Found([table, by_budget], criteria, plots={"quality-by-budget": curves})


def selectors(*, exact: bool) -> dict[str, Choose]:
    """Every way to choose that is compared, by name; with `exact` also ours for a number of words asked for once."""

    def baseline(select: baselines.Select, meeting: Meeting, vectors: Matrix | None, budget: float) -> list[int]:
        return select(meeting.units, vectors, budget)

    found: dict[str, Choose] = {name: partial(baseline, select) for name, select in baselines.BASELINES.items()}
    found["a digest every 5 min"] = every_five_minutes
    found[ON_LADDER] = alex
    if exact:
        found[OURS_WITHOUT] = lambda meeting, vectors, budget: alex(meeting, None, budget, exact=True)
        found[OURS] = partial(alex, exact=True)
    else:
        found[OURS_WITHOUT] = lambda meeting, vectors, budget: alex(meeting, None, budget)
    return found


def alex(meeting: Meeting, vectors: Matrix | None, budget: float, *, exact: bool = False) -> list[int]:
    """The product's digest over the whole meeting; of everyday language it knows only this room."""
    return ours.digest(meeting.units, vectors, budget, meeting.background, exact=exact)


def every_five_minutes(meeting: Meeting, vectors: Matrix | None, budget: float) -> list[int]:
    """The same digest once for each five minutes, each with its share of the words; what is over goes on."""
    windows: dict[int, list[int]] = {}
    for i, unit in enumerate(meeting.units):
        windows.setdefault(int(unit.at // WINDOW_SECONDS), []).append(i)
    taken: list[int] = []
    left = 0.0
    for own in windows.values():
        left += budget / len(windows)
        units = [meeting.units[i] for i in own]
        chosen = ours.digest(units, None if vectors is None else vectors[own], left, meeting.background)
        if sum(units[i].n for i in chosen) <= left:
            taken += [own[i] for i in chosen]
            left -= sum(units[i].n for i in chosen)
    return taken


def cells(found: Sequence[Score], reference: Sequence[Score]) -> dict[str, Mean | float]:
    """A row: means with intervals, and paired differences."""

    def all_of(key: str, scores: Sequence[Score]) -> list[float]:
        return [float(getattr(one, key)) for one in scores]

    row: dict[str, Mean | float] = {"R1": mean(all_of("r1", found))}
    for name, key in (("R2", "r2"), ("RL", "rl"), ("topics", "topics"), ("answers", "answers"), ("words", "words")):
        row[name] = mean(all_of(key, found)).mean
    if found is not reference:
        for name, key in (("dR1", "r1"), ("d topics", "topics"), ("d answers", "answers")):
            row[name] = difference(all_of(key, found), all_of(key, reference))
    return row


def _scores(
    held: Sequence[Meeting],
    vectors: Sequence[Matrix | None],
    choose: Choose,
    budget: float | None,
    given: Given,
    name: str,
) -> list[Score]:
    given.say(f"{name} at {budget or 'the length of the answer'}")
    return [
        score(meeting, one.answer, [meeting.units[i] for i in choose(meeting, known, budget or one.words)])
        for meeting, known in zip(held, vectors, strict=True)
        for one in meeting.general
    ]


def _by_budget(
    held: Sequence[Meeting], vectors: Sequence[Matrix | None], given: Given
) -> tuple[Table, Criterion, Sequence[Curve]]:
    found: dict[str, dict[int, tuple[float, float, float]]] = {
        name: {budget: _means(_scores(held, vectors, choose, budget, given, name)) for budget in BUDGETS}
        for name, choose in selectors(exact=False).items()
    }
    found["oracle"] = {
        budget: _means(
            [
                score(
                    meeting, one.answer, [meeting.units[i] for i in baselines.oracle(one.answer, meeting.units, budget)]
                )
                for meeting in held
                for one in meeting.general
            ]
        )
        for budget in BUDGETS
    }
    table = Table(
        "QMSum by budget: ROUGE-1 / topics touched / answer recall", [f"{budget} words" for budget in BUDGETS]
    )
    for name, row in found.items():
        table.add(name, **{f"{budget} words": _three(means) for budget, means in row.items()})
    curves = [
        Curve("words", kind, {name: [(budget, row[budget][i]) for budget in BUDGETS] for name, row in found.items()})
        for i, kind in enumerate(("ROUGE-1", "topics touched", "answer recall"))
    ]
    r1 = {name: {budget: means[0] for budget, means in row.items()} for name, row in found.items()}
    return table, _budget_criterion(r1, nested(held, vectors)), curves


def nested(held: Sequence[Meeting], vectors: Sequence[Matrix | None]) -> bool:
    """Whether each budget's choice is contained in that of the next."""
    for meeting, known in zip(held, vectors, strict=True):
        before: set[int] = set()
        for budget in BUDGETS:
            now = set(alex(meeting, known, budget))
            if not before <= now:
                return False
            before = now
    return True


def _means(found: Sequence[Score]) -> tuple[float, float, float]:
    r1, topics, answers = (sum(getattr(one, key) for one in found) / len(found) for key in ("r1", "topics", "answers"))
    return r1, topics, answers


def _three(means: tuple[float, float, float]) -> str:
    r1, topics, answers = means
    return f"{r1:.1f} / {topics:.2f} / {answers:.3f}"


def _budget_criterion(r1: Mapping[str, Mapping[int, float]], nests: bool) -> Criterion:
    others = [name for name in r1 if not name.startswith("Alex") and name != "oracle"]
    best = {budget: max((r1[name][budget], name) for name in others) for budget in BUDGETS}
    above = [budget for budget in BUDGETS if r1[ON_LADDER][budget] > best[budget][0]]
    margins = ", ".join(f"{r1[ON_LADDER][budget] - best[budget][0]:+.1f} ({best[budget][1]})" for budget in BUDGETS)
    half = (r1[REFERENCE][40] + r1["oracle"][40]) / 2
    return Criterion(
        "ROUGE-1 by budget against the best baseline of each",
        "above every baseline at every budget, nested",
        f"{half:.1f} at 40 words",
        f"{margins}; {r1[ON_LADDER][40]:.1f} at 40; {'nested' if nests else 'NOT nested'}",
        len(above) == len(BUDGETS) and nests,
    )


def _criterion(found: Sequence[Score], without: Sequence[Score]) -> Criterion:
    r1, topics, answers = _means(found)
    return Criterion(
        "general questions, no domain pack: R1 / topics / answers",
        "27 / .88 / .22",
        "30 / .92 / .27",
        f"{_three(_means(found))}; without vectors {_three(_means(without))}",
        r1 >= 27.0 and topics >= 0.88 and answers >= 0.22,
    )
