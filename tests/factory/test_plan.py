"""A plan is checked when it is made, reads back as written, and has one spelling."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.factory.plan import Plan, PlanError, overlap

PLAN = Plan(
    "olmoe",
    "OLMoE-1B-7B",
    8,
    {10: (0, 3), 2: (1, 7)},
    metric="reap",
    profile_sha256="ab" * 32,
    protected={2: (7,)},
)


def test_a_plan_is_text_with_one_layer_a_line_in_the_order_of_layers() -> None:
    assert PLAN.to_json().splitlines() == [
        "{",
        '  "schema": "cadence.plan.v1",',
        '  "family": "olmoe",',
        '  "model": "OLMoE-1B-7B",',
        '  "experts_before": 8,',
        '  "metric": "reap",',
        f'  "profile_sha256": "{"ab" * 32}",',
        '  "seed": null,',
        '  "protected": {',
        '    "2": [7]',
        "  },",
        '  "keep": {',
        '    "2": [1, 7],',
        '    "10": [0, 3]',
        "  }",
        "}",
    ]


def test_the_bytes_do_not_depend_on_the_order_in_which_layers_were_given() -> None:
    other = replace(PLAN, keep={2: (1, 7), 10: (0, 3)})
    assert other.to_json() == PLAN.to_json()
    assert other.sha256 == PLAN.sha256
    assert replace(PLAN, seed=1).sha256 != PLAN.sha256


@given(
    st.dictionaries(
        st.integers(0, 200),
        st.sets(st.integers(0, 31), min_size=1).map(lambda experts: tuple(sorted(experts))),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_written_reads_back(keep: dict[int, tuple[int, ...]]) -> None:
    plan = Plan("mixtral", "x", 32, keep)
    assert Plan.from_json(plan.to_json()) == plan
    assert plan.layers == tuple(sorted(keep))


def test_uniform_tells_whether_stock_loaders_can_read_the_result() -> None:
    assert PLAN.uniform == 2
    assert replace(PLAN, keep={2: (1, 7), 10: (0,)}).uniform is None


def test_overlap_is_the_share_of_experts_both_keep() -> None:
    assert overlap(PLAN, replace(PLAN, keep={2: (0, 1), 10: (0, 3)}, protected={})) == {2: 0.5, 10: 1.0}


def test_plans_of_different_models_are_not_compared() -> None:
    with pytest.raises(PlanError, match="plans of one model"):
        overlap(PLAN, replace(PLAN, experts_before=16))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"family": ""}, "family is one line"),
        ({"model": "a\nb"}, "model is one line"),
        ({"experts_before": 0}, "experts_before is 1 to"),
        ({"keep": {}}, "1 to 1024 layers"),
        ({"keep": {2: (7, 1)}}, "ascending and named once"),
        ({"keep": {2: (7, 7)}}, "ascending and named once"),
        ({"keep": {2: (7, 8)}}, "names expert 8"),
        ({"keep": {2: ()}, "protected": {}}, "keeps no expert"),
        ({"keep": {-1: (7,)}}, "index in the decoder"),
        ({"keep": {2: (True,)}}, "expected expert ids"),
        ({"keep": {2: (1,)}}, "drops an expert that the plan itself calls protected"),
        ({"profile_sha256": "AB" * 32}, "64 hexadecimal digits"),
        ({"seed": -1}, "whole number"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused_with_a_reason(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        replace(PLAN, **change)  # type: ignore[arg-type]


def edited(**change: object) -> str:
    return json.dumps({**json.loads(PLAN.to_json()), **change})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "this is not"),
        ("[" * 100_000, "this is not"),
        ("[]", "got 'list'"),
        (edited(schema="cadence.plan.v9"), "got 'cadence.plan.v9'"),
        (edited(more=1), "unknown: more"),
        (PLAN.to_json().replace('"10"', '"2"'), "'2' is there twice"),
        (edited(keep=[1]), "keep maps layers"),
        (edited(keep={"02": [1]}), "a number like 0 or 12"),
        (edited(keep={"2": 1}), "a list of expert ids"),
        (edited(keep={"2": ["1"]}), "expected expert ids"),
    ],
)
def test_a_file_that_is_no_plan_is_refused_with_a_reason(text: str, sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        Plan.from_json(text)
