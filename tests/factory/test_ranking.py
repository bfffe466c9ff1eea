"""Plans from profiles: per layer, nested, with ties, groups, top-k and super-experts held to their rules."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.factory.families.base import Routing
from cadence.factory.plan import PlanError
from cadence.factory.profile.metrics import METRICS, scores
from cadence.factory.profile.sums import Profile
from cadence.factory.ranking import advice, choose, findings, make_plan, order, super_experts
from tests.factory.profile.made import profile, tally

EIGHT = profile(
    {
        2: {"all": tally([1] * 8, [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])},
        5: {"all": tally([1] * 8, [0.1, 0.1, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1])},
    }
)
GROUPED = Routing(experts=8, top_k=2, groups=2, groups_used=1, group_best=2)


def test_each_layer_is_ranked_by_itself_and_ties_go_to_the_lower_index() -> None:
    plan = make_plan(EIGHT, 4, protect=False)
    assert plan.keep == {2: (0, 1, 2, 3), 5: (0, 1, 2, 4)}
    assert (plan.family, plan.model, plan.experts_before, plan.metric) == ("olmoe", "tiny", 8, "reap")
    assert plan.profile_sha256 == EIGHT.sha256


@pytest.mark.parametrize("metric", METRICS)
def test_a_smaller_plan_is_a_part_of_a_larger_one(metric: str) -> None:
    plans = [make_plan(EIGHT, keep, metric=metric, seed=7, protect=False) for keep in range(2, 8)]
    for smaller, larger in zip(plans, plans[1:], strict=False):
        assert all(set(smaller.keep[layer]) < set(larger.keep[layer]) for layer in smaller.keep)


def test_only_chance_carries_its_seed() -> None:
    assert make_plan(EIGHT, 4, metric="random", seed=7).seed == 7
    assert make_plan(EIGHT, 4, seed=7).seed is None
    assert make_plan(EIGHT, 4, metric="random", seed=7) != make_plan(EIGHT, 4, metric="random", seed=8)


def test_a_number_for_each_layer_is_possible_and_said_to_be_hard_to_load() -> None:
    plan = make_plan(EIGHT, {2: 3, 5: 6}, protect=False)
    assert {layer: len(kept) for layer, kept in plan.keep.items()} == {2: 3, 5: 6}
    assert "neither transformers nor vLLM" in advice(plan, EIGHT.subject.routing)[0]
    with pytest.raises(PlanError, match="layer 5 is odd"):
        make_plan(EIGHT, {2: 3})


@given(st.lists(st.floats(0, 1), min_size=8, max_size=8), st.sampled_from([4, 6]))
def test_groups_stay_equal_and_in_their_order(row: list[float], keep: int) -> None:
    kept = choose(order({0: tuple(row)}), GROUPED, keep)[0]
    assert sum(expert < 4 for expert in kept) == sum(expert >= 4 for expert in kept) == keep // 2
    for group in (range(4), range(4, 8)):
        worst = min(row[expert] for expert in kept if expert in group)
        assert all(row[expert] <= worst for expert in group if expert not in kept)


@pytest.mark.parametrize(
    ("keep", "sentence"),
    [
        (0, "expected to keep 1 to 7 of 8, not 0"),
        (8, "expected to keep 1 to 7 of 8, not 8"),
        (5, "keep a multiple of 2, such as 4, not 5"),
        (1, "keep a multiple of 2, such as 2, not 1"),
        (2, "a group is judged by its 2 best experts"),
    ],
)
def test_a_size_the_router_cannot_live_with_is_refused(keep: int, sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        choose({0: tuple(range(8))}, GROUPED, keep)


def test_fewer_experts_than_a_token_is_sent_to_are_refused_not_clamped() -> None:
    with pytest.raises(PlanError, match="each token is sent to 2"):
        make_plan(EIGHT, 1)


def loud(layer: int, expert: int) -> Profile:
    """Four layers in which all experts are alike, but for the peak of one."""
    peaks = {at: [50.0 if (at, each) == (layer, expert) else 1.0 for each in range(8)] for at in range(4)}
    return profile({at: {"all": tally([1] * 8, [0.1] * 8, row)} for at, row in peaks.items()})


def test_an_expert_that_peaks_far_above_all_others_stays_whatever_its_score() -> None:
    plan = make_plan(loud(0, 7), 2)
    assert plan.keep == {0: (0, 7), 1: (0, 1), 2: (0, 1), 3: (0, 1)}
    assert plan.protected == {0: (7,)}
    assert make_plan(loud(0, 7), 2, protect=False).keep[0] == (0, 1)


def test_the_last_quarter_of_the_layers_may_lose_its_loud_ones() -> None:
    assert super_experts(loud(2, 5)) == {2: (5,)}
    assert super_experts(loud(3, 5)) == {}


def test_where_all_are_alike_nobody_is_super() -> None:
    assert super_experts(EIGHT) == {}


def test_weights_alone_know_no_super_experts() -> None:
    assert make_plan(loud(0, 7), 2, metric="random").protected == {}


def test_too_many_super_experts_for_a_size_are_an_error() -> None:
    three = tally([1] * 8, [0.1] * 8, [1, 1, 1, 1, 1, 9, 9.5, 10])
    many = profile({0: {"all": three}, **{layer: {"all": tally([1] * 8, [0.1] * 8)} for layer in range(1, 80)}})
    with pytest.raises(PlanError, match="layer 0 has 3 super-experts and keeps 2"):
        make_plan(many, 2)


def test_findings_say_what_share_of_the_work_stays() -> None:
    plan = make_plan(EIGHT, 2, protect=False)
    found = findings(EIGHT, plan, scores(EIGHT))
    assert found[2].traffic == 0.25
    assert found[2].weight == pytest.approx(1.5 / 3.6)
    assert found[2].margin == pytest.approx(0.1)
    assert found[5].weight == pytest.approx(0.75)
    assert found[5].never_visited == ()


def test_multiples_of_eight_are_advised_where_there_are_any() -> None:
    plan = make_plan(EIGHT, 4, protect=False)
    assert advice(plan, EIGHT.subject.routing) == []
    many = Routing(experts=64, top_k=8)
    wide = choose({0: tuple(range(64))}, many, 44)
    assert len(wide[0]) == 44
    said = advice(replace(plan, experts_before=64, keep=wide), many)
    assert said[0].endswith("40 or 48 would serve better")
    assert advice(replace(plan, experts_before=64, keep=choose({0: tuple(range(64))}, many, 48)), many) == []
