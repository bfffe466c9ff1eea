"""Odd checkpoints and plans that do not fit: refused before a byte is written, by file, tensor and remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cadence.factory.anatomy import Anatomy, check_keep, check_plan, dissect
from cadence.factory.families.base import Routing
from cadence.factory.plan import Plan, PlanError
from cadence.models.checkpoint import CheckpointError
from cadence.models.shards import read_checkpoint
from tests.factory.checkpoints import Weights, weights, write
from tests.factory.families.rows import KEEP, ROWS, Row

OLMOE = next(row for row in ROWS if row.id == "olmoe")
DEEPSEEK = next(row for row in ROWS if row.id == "deepseek_v3")
EXPERT_3 = "model.layers.1.mlp.experts.3.up_proj.weight"

Change = Callable[[dict[str, Weights]], object]


def anatomy(row: Row, folder: Path, change: Change = lambda _: None, **config: object) -> Anatomy:
    tensors = row.tensors()
    change(tensors)
    return dissect(read_checkpoint(write(folder / "m", row.config, tensors)), {**row.config, **config})


def rename(old: str, new: str) -> Change:
    def change(tensors: dict[str, Weights]) -> None:
        for name in [name for name in tensors if old in name]:
            tensors[name.replace(old, new)] = tensors.pop(name)

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda t: t.pop(EXPERT_3), "expert 3 of layer 1 has no up_proj"),
        (rename("layers.1.mlp.experts.3.", "layers.1.mlp.experts.9."), "belongs to expert 9, config.json knows 8"),
        (lambda t: t.update({"model.layers.1.mlp.experts.03.up_proj.weight": t[EXPERT_3]}), "does not know it"),
        (lambda t: t.update({"model.experts.3.up_proj.weight": t[EXPERT_3]}), "does not know it"),
        (rename("layers.1.mlp.experts.3.", "layers.1.nowhere."), "8 experts; the first that is missing is 3"),
        (lambda t: t.pop("model.layers.1.mlp.gate.weight"), "layer 1 has experts, but its router has no weight"),
        (
            lambda t: t.update({EXPERT_3: weights("BF16", (4, 7), 0)}),
            r"it is BF16 \[4, 7\], expert 0's is BF16 \[4, 6\]",
        ),
        (lambda t: t.update({EXPERT_3: weights("F32", (4, 6), 0)}), r"it is F32 \[4, 6\]"),
        (lambda t: t.update({f"{EXPERT_3}_scale": weights("F32", (1,), 0)}), "expert 0's is absent"),
        (rename("mlp.experts", "mlp.specialists"), "router|first that is missing is 0"),
        (rename("model.layers", "model.blocks"), "no tensor is named as olmoe names its experts"),
    ],
)
def test_an_odd_checkpoint_is_refused(tmp_path: Path, change: Change, why: str) -> None:
    with pytest.raises(CheckpointError, match=f"{why}.*; ") as refused:
        anatomy(OLMOE, tmp_path, change)
    assert refused.value.file.endswith(".safetensors")


def test_a_scale_that_one_expert_lacks_is_missed(tmp_path: Path) -> None:
    lacking = "model.layers.1.mlp.experts.5.up_proj.weight_scale_inv"
    with pytest.raises(CheckpointError, match="expert 5 of layer 1 has no up_proj.weight_scale_inv, expert 0 has"):
        anatomy(DEEPSEEK, tmp_path, lambda tensors: tensors.pop(lacking))


def test_one_part_of_an_expert_is_not_there_twice(tmp_path: Path) -> None:
    row = next(row for row in ROWS if row.id == "qwen3_next")
    name = "model.layers.1.mlp.experts.3.up_proj.weight"
    twin = {name.replace("model.layers", "model.language_model.layers"): weights("BF16", (4, 6), 0)}
    with pytest.raises(CheckpointError, match="is the same part of the same expert; remove one"):
        anatomy(row, tmp_path, lambda tensors: tensors.update(twin))


def test_experts_both_fused_and_apart_are_refused(tmp_path: Path) -> None:
    row = next(row for row in ROWS if row.id == "qwen3_moe")
    fused = {"model.layers.1.mlp.experts.down_proj": weights("BF16", (8, 6, 4), 0)}
    with pytest.raises(CheckpointError, match="both fused and apart"):
        anatomy(row, tmp_path, lambda tensors: tensors.update(fused))


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"num_experts": 7}, "belongs to expert 7, config.json knows 7"),
        ({"num_experts": 9}, "expected 9 entries along axis 0|the first that is missing is 8"),
        ({"num_experts": [8, 8]}, "one whole number of experts"),
        ({"num_experts": 10**9}, "one whole number of experts up to 65536"),
        ({"num_experts": True}, "one whole number of experts"),
        ({"num_experts": None}, "expected the number of experts under num_experts or"),
        ({"num_local_experts": 9}, "one whole number of experts"),
        ({"num_experts_per_tok": 9}, "9 experts for each token of 8"),
        ({"num_hidden_layers": "2"}, "one whole number of layers"),
        ({"model_type": "llama"}, "no adapter knows the model_type llama"),
        ({"model_type": "mixtral"}, "no tensor is named as mixtral names its experts"),
        ({"model_type": None}, "no adapter knows the model_type None"),
    ],
)
def test_a_config_that_says_otherwise_is_refused(tmp_path: Path, config: dict[str, object], why: str) -> None:
    with pytest.raises(CheckpointError, match=why):
        anatomy(OLMOE, tmp_path, **config)


def test_groups_that_do_not_divide_the_experts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="8 experts in 3 groups, 1 of them used"):
        anatomy(DEEPSEEK, tmp_path, n_group=3)


def plan(keep: dict[int, tuple[int, ...]], family: str = "olmoe", before: int = 8) -> Plan:
    return Plan(family, "tiny", before, keep)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (plan(KEEP_01 := {0: KEEP[0], 1: KEEP[1]}, "mixtral"), "the plan is for mixtral, the model is olmoe"),
        (plan(KEEP_01, before=16), "for 16 experts in a layer, the model has 8"),
        (plan({0: KEEP[0]}), "says nothing of layer 1"),
        (plan({0: KEEP[0], 1: KEEP[1], 2: KEEP[2]}), "speaks of layer 2, which has no experts"),
        (plan({0: (1, 2, 3), 1: (1, 2)}), "different numbers of experts"),
        (plan({0: tuple(range(8)), 1: tuple(range(8))}), "keeps all 8 experts; there is nothing to do"),
        (plan({0: (1,), 1: (2,)}), "layer 0 keeps 1 of 8 experts, and each token is sent to 2; keep 2 or more"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(tmp_path: Path, wrong: Plan, why: str) -> None:
    with pytest.raises(PlanError, match=why):
        check_plan(wrong, anatomy(OLMOE, tmp_path))


def test_a_plan_that_fits_is_let_through(tmp_path: Path) -> None:
    check_plan(plan(KEEP_01), anatomy(OLMOE, tmp_path))


@pytest.mark.parametrize(
    ("keep", "routing", "why"),
    [
        ((0, 1, 2, 4), Routing(8, 2, 2, 1, 2), r"\[3, 1\] from its groups; keep as many from each, in steps of 2"),
        ((0, 4), Routing(8, 1, 2, 1, 2), "judged by its 2 best experts"),
        ((0, 1, 4, 5), Routing(8, 3, 2, 1, 2), "into 1 groups of 2 for 3 experts"),
    ],
)
def test_groups_must_stay_of_use(keep: tuple[int, ...], routing: Routing, why: str) -> None:
    with pytest.raises(PlanError, match=why):
        check_keep(3, keep, routing)


def test_groups_of_equal_size_are_let_through() -> None:
    check_keep(3, (0, 1, 6, 7), Routing(8, 2, 2, 1, 2))


def test_extra_layers_are_told_apart(tmp_path: Path) -> None:
    found = anatomy(DEEPSEEK, tmp_path)
    assert (found.moe_layers, found.extra_layers, found.layers) == ((1, 2), (2,), 2)
