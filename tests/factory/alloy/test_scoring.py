"""Scores computed again, the canonical way."""

from __future__ import annotations

import json

import pytest

from cadence.factory.alloy.scoring import ScoringError, pass_at_1
from tests.factory.alloy.examples import BASE, STUDENT


def lines(*samples: dict[str, object]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in samples).encode()


def evalplus(base: bool, plus: bool, number: int) -> dict[str, object]:
    word = {True: "pass", False: "fail"}
    return {"task_id": f"t/{number}", "base_status": word[base], "plus_status": word[plus]}


def test_the_examples_score_what_their_alloy_says() -> None:
    assert pass_at_1(STUDENT.encode(), "humaneval") == 90.0
    assert pass_at_1(BASE.encode(), "humaneval") == 96.0


def test_the_added_tests_alone_overstate_the_score() -> None:
    # 164 problems: 140 pass both, one passes the added tests only, four the base tests only.
    outcomes = [(True, True)] * 140 + [(False, True)] + [(True, False)] * 4 + [(False, False)] * 19
    samples = lines(*(evalplus(base, plus, number) for number, (base, plus) in enumerate(outcomes)))
    assert pass_at_1(samples, "humaneval_plus") == pytest.approx(85.37, abs=0.01)
    assert pass_at_1(samples, "humaneval+") == pytest.approx(85.37, abs=0.01)
    assert pass_at_1(samples, "humaneval") == pytest.approx(87.8, abs=0.01)


def test_several_samples_of_a_problem_count_as_one_problem() -> None:
    samples = lines(*({"task_id": "a", "passed": one} for one in (True, False)), {"task_id": "b", "passed": True})
    assert pass_at_1(samples, "x") == 75.0


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (b"", "at least one sample"),
        (b"\n \n", "at least one sample"),
        (b"{", "line 1: expected one JSON object"),
        (b"[" * 100_000, "line 1: expected one JSON object"),
        (b'{"passed": true}', "line 1: expected task_id"),
        (b"3", "line 1: expected task_id"),
        (b'{"task_id": "a"}', "line 1: expected `passed`"),
        (b'{"task_id": "a", "passed": "yes"}', "line 1: expected `passed`"),
        (b'{"task_id": "a", "base_status": "pass"}', "line 1: expected `passed`"),
    ],
)
def test_what_cannot_be_scored_is_named_by_line(samples: bytes, said: str) -> None:
    with pytest.raises(ScoringError, match=said):
        pass_at_1(samples, "humaneval_plus")
