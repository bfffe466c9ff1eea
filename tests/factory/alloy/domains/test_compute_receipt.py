"""Jobs: submitted, completed, attested, and not by whoever did the work."""

from __future__ import annotations

import pytest

from tests.factory.alloy.examples import job, said


@pytest.mark.parametrize(
    ("order", "wrong"), [([1, 0, 2], "stages[0]"), ([0, 2], "stages[1]"), ([0, 1, 2, 1], "stages[3]")]
)
def test_the_stages_follow_the_job(order: list[int], wrong: str) -> None:
    value = job()
    value["stages"] = [value["stages"][number] for number in order]
    assert said(value)[0].startswith(f"{wrong}: ")


def test_a_job_on_its_way_and_one_attested_twice_are_fine() -> None:
    value = job()
    value["stages"] = value["stages"][:1]
    assert said(value) == []
    value = job()
    value["stages"].append(dict(value["stages"][2], attester="w-3"))
    assert said(value) == []


def test_an_attestation_of_ones_own_work_adds_nothing() -> None:
    value = job()
    value["stages"][2]["attester"] = "w-1"
    assert said(value, "warning") == ["stages[2].attester: 'w-1' attests its own work"]
