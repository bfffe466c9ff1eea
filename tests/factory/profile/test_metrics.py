"""Each metric against figures worked out by hand."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cadence.factory.profile.corpus import cut
from cadence.factory.profile.metrics import METRICS, never_visited, scores
from cadence.factory.profile.sums import Layer, ProfileError, Text
from tests.factory.profile.made import profile, tally

# Expert 0 is asked often and says little, expert 1 seldom and says much, expert 3 never.
ONE = profile({0: {"all": tally([6, 1, 3, 0], [0.6, 0.9, 0.5, 0.0])}})


def test_reap_is_the_mean_and_keeps_the_seldom_but_strong() -> None:
    assert scores(ONE)[0] == pytest.approx((0.1, 0.9, 0.5 / 3, 0.0))


def test_the_count_keeps_the_frequent_but_empty() -> None:
    assert scores(ONE, "count")[0] == pytest.approx((0.6, 0.1, 0.3, 0.0))


def test_sums_are_shares_of_their_layer() -> None:
    assert scores(ONE, "weighted_ean")[0] == pytest.approx((0.3, 0.45, 0.25, 0.0))
    assert scores(ONE, "ean")[0] == pytest.approx((0.3, 0.45, 0.25, 0.0))


def test_each_domain_has_one_vote_in_a_sum() -> None:
    """Thirty times as much code as prose does not outvote the prose."""
    mixed = profile({0: {"code": tally([300, 0, 0], [3.0, 0, 0]), "prose": tally([0, 6, 4], [0, 0.06, 0.04])}})
    assert scores(mixed, "count")[0] == pytest.approx((0.5, 0.3, 0.2))
    assert scores(mixed, "count", domain="prose")[0] == pytest.approx((0.0, 0.6, 0.4))


def test_reap_pools_domains_because_a_mean_has_no_size() -> None:
    mixed = profile({0: {"code": tally([2, 2], [2.0, 0.2]), "prose": tally([2, 0], [0.2, 0.0])}})
    assert scores(mixed)[0] == pytest.approx((0.55, 0.1))


def test_weights_alone_rank_without_text() -> None:
    assert scores(ONE, "router_l2")[0] == (0.0, 1.0, 2.0, 0.0)
    assert scores(ONE, "aimer")[0] == pytest.approx((-0.5, -0.51, -0.52, -0.53))


def test_chance_is_the_same_for_a_seed_and_another_for_another() -> None:
    assert scores(ONE, "random", seed=3) == scores(ONE, "random", seed=3)
    assert scores(ONE, "random", seed=3) != scores(ONE, "random", seed=4)
    assert all(0 <= score < 1 for score in scores(ONE, "random")[0])
    assert len(set(scores(ONE, "random")[0])) == 4


def test_experts_that_nobody_asked_are_named() -> None:
    assert never_visited(ONE) == {0: (3,)}


def test_a_part_of_a_run_ranks_nothing_that_the_text_must_tell() -> None:
    half = profile({0: {"all": tally([6, 1, 3, 0], [0.6, 0.9, 0.5, 0.0])}}, done=((0, 2),))
    with pytest.raises(ProfileError, match=r"only batches \[\(0, 2\)\] of 4: join its parts, or resume"):
        scores(half)
    assert scores(half, "router_l2") == scores(ONE, "router_l2")


def test_what_was_not_measured_is_not_ranked() -> None:
    layers = {0: Layer(None, None, ONE.layers[0].domains)}
    packed = msgspec.structs.replace(ONE, layers=layers)
    with pytest.raises(ProfileError, match="layer 0 has no router norms"):
        scores(packed, "router_l2")
    with pytest.raises(ProfileError, match="layer 0 has no weight statistics"):
        scores(packed, "aimer")
    with pytest.raises(ProfileError, match="expected a metric of reap, weighted_ean, ean"):
        scores(ONE, "l1")
    with pytest.raises(ProfileError, match="expected a domain of all, got 'math'"):
        scores(ONE, "count", domain="math")


def test_every_metric_scores_every_expert() -> None:
    assert {metric: len(scores(ONE, metric)[0]) for metric in METRICS} == dict.fromkeys(METRICS, 4)


@pytest.mark.forge
@pytest.mark.filterwarnings("default")
def test_planted_experts_are_told_apart_in_a_real_run(tmp_path: Path) -> None:
    """One that is asked and says nothing, one that is asked most and says next to nothing, one that shouts."""
    import torch

    from cadence.factory.loading import load_model
    from cadence.factory.profile.run import Run, subject_of
    from cadence.factory.ranking import super_experts
    from tests.factory.tiny import make

    dead, busy, loud = 2, 5, 6
    folder = make("olmoe", tmp_path / "model")
    model = load_model(folder)
    with torch.no_grad():
        block = model.model.layers[0].mlp
        block.experts.down_proj[dead] = 0.0
        block.gate.weight[busy] *= 20.0
        block.experts.down_proj[busy] *= 1e-3
        block.experts.down_proj[loud] *= 1e3
    words = torch.randint(3, 96, (512,), generator=torch.Generator().manual_seed(0)).tolist()
    pieces = cut({"text": [words]}, 64, None)
    text = Text("d" * 64, 1, pieces.mix, length=64, batch=4, batches=2)
    found = Run(model, subject_of(folder, "tiny", "float32"), text, pieces).over(0, 2)
    reap, count = scores(found)[0], scores(found, "count")[0]
    assert reap[dead] == min(reap) == 0.0
    assert count[dead] > 0.0
    assert count[busy] == max(count), "a count keeps the one that is asked most"
    assert sorted(reap).index(reap[busy]) == 1, "REAP drops it right after the dead one"
    assert super_experts(found) == {0: (loud,)}
