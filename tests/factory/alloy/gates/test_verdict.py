"""Verdicts: a fail outweighs, unknown does not ship, nothing passes for lack of criteria."""

from __future__ import annotations

import itertools

import pytest

from cadence.factory.alloy.gates import GATES, judge
from cadence.factory.alloy.gates.verdict import Criterion, Report, Verdict, judged
from tests.factory.alloy.examples import forged
from tests.factory.alloy.gates.bundles import bundle, manifest, typed


def report(*verdicts: Verdict) -> Report:
    return Report("g", tuple(Criterion("c", one, 1, 2, "points", "because", ("a", 0)) for one in verdicts))


@pytest.mark.parametrize("verdicts", list(itertools.product(["pass", "fail", "unknown"], repeat=2)))
def test_only_all_passes_ship(verdicts: tuple[Verdict, ...]) -> None:
    found = report(*verdicts)
    assert found.ships is (set(verdicts) == {"pass"})
    assert found.verdict == ("fail" if "fail" in verdicts else "pass" if found.ships else "unknown")


def test_no_criterion_is_no_pass() -> None:
    assert report().verdict == "unknown" and not report().ships


def test_what_is_not_known_is_unknown() -> None:
    assert [judged(one) for one in (True, False, None)] == ["pass", "fail", "unknown"]


def test_a_report_as_data() -> None:
    assert report("fail").as_dict() == {
        "gate": "g",
        "verdict": "fail",
        "ships": False,
        "mode": None,
        "criteria": [
            {
                "name": "c",
                "verdict": "fail",
                "required": 1,
                "observed": 2,
                "unit": "points",
                "reason": "because",
                "path": "a[0]",
            }
        ],
    }


def test_a_good_alloy_with_all_its_evidence_passes_every_gate() -> None:
    reports = judge(typed(forged()), manifest(), bundle())
    assert {one.gate: one.verdict for one in reports} == {
        "anchor": "pass",
        "calibration corpus": "pass",
        "acceptance": "pass",
        "hardware fit": "pass",
        "integrity": "pass",
        "completeness": "pass",
    }


def test_without_evidence_nothing_that_needs_it_passes() -> None:
    verdicts = {one.gate: one.verdict for one in judge(typed(forged()))}
    assert verdicts["calibration corpus"] == "unknown" == verdicts["integrity"] == verdicts["completeness"]


def test_the_same_values_give_the_same_reports_and_are_left_alone() -> None:
    alloy, its, files = typed(forged()), manifest(), bundle()
    before = (repr(alloy), repr(its), dict(files))
    assert judge(alloy, its, files) == judge(alloy, its, files)
    assert (repr(alloy), repr(its), dict(files)) == before
    assert len(GATES) == 6
