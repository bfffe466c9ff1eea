from __future__ import annotations

import numpy as np

from cadence.alex.grounding import Fault, Verdict
from cadence.alex.prose import Attempt, Prose, Told, Trace
from cadence.alex.retelling import Retold
from cadence.alex.selection import Choice
from cadence.alex.turns import Pick, made_turn
from cadence.alex.waiting import Candidate, Lineup
from cadence.alex.why import SCORES_MAX, Reasons, explained, reasons_of
from cadence.rooms.wire import Covers, Segment
from tests.alex.talk import SENTENCE, entry

TURN = made_turn(
    "lab",
    3,
    "2026-01-01T00:00:00.000Z",
    "paraphrase",
    Covers("e", 1, 9, 9, 90),
    [Segment("quote", ("vera",), "x", (1,), 1.0)],
)


def candidates(count: int) -> list[Candidate]:
    return [Candidate(one, one.parsed.units[0], False) for one in map(entry, range(1, count + 1))]


def test_what_was_chosen_comes_first_and_each_unit_tells_its_fate() -> None:
    found = candidates(SCORES_MAX + 20)
    trace = Trace("tiny", "held", "the prompt", (), frozenset({2}))
    prose = Prose(1, 9, 12, (), trace)
    choice = Choice(
        picks=[Pick(found[-1].entry, found[-1].unit, 0.1)],
        counted=[found[2].unit],
        retold=[Retold(Told("vera", "Vera says so.", ((2, 0),), 3), prose, (found[1],), 0.5)],
    )
    weights = np.linspace(1.0, 0.1, len(found))
    reasons = reasons_of(Lineup(found), weights, choice)
    assert (reasons.by, reasons.considered) == ("tiny", SCORES_MAX + 20)
    told = explained(TURN, reasons, [], {one.entry.seq: one.entry for one in found}.get)
    fates = [(unit["seq"], unit["fate"]) for unit in told["units"]]
    assert fates[:4] == [(2, "retold"), (3, "counted"), (SCORES_MAX + 20, "shown"), (1, "waits")]
    assert len(fates) == SCORES_MAX and told["units"][0]["text"] == SENTENCE


def test_what_is_gone_has_neither_text_nor_speaker() -> None:
    found = candidates(1)
    reasons = reasons_of(Lineup(found), np.ones(1), Choice())
    (unit,) = explained(TURN, reasons, [], lambda seq: None)["units"]
    assert unit == {"seq": 1, "index": 0, "attention": 1.0, "fate": "waits"}


def test_a_trace_tells_prompt_answers_and_verdicts_until_something_in_it_is_gone() -> None:
    verdict = Verdict((Fault("names", 0, "got X"),))
    trace = Trace("tiny", "refused", "the prompt", (Attempt("an answer", verdict),), frozenset({5}))
    reasons = Reasons(trace=trace)
    (prose,) = explained(TURN, reasons, [], lambda seq: None)["prose"]
    assert prose == {
        "by": "tiny",
        "outcome": "refused",
        "prompt": "the prompt",
        "attempts": [{"answer": "an answer", "verdict": [{"rule": "names", "text": "segment 1: got X"}]}],
    }
    assert reasons.without(4) is reasons and reasons.without(5).trace is None


def test_a_turn_whose_reasons_are_not_kept_is_told_all_the_same() -> None:
    told = explained(TURN, None, [], lambda seq: None)
    assert (told["turn"], told["covers"], told["units"], told["prose"]) == (3, {"from": 1, "to": 9}, None, [])
    assert told["segments"][0]["sources"] == [1]
