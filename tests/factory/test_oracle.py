"""A compacted model is the original with the dropped experts masked, in every family that transformers can build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cadence.factory.anatomy import dissect
from cadence.factory.families import families
from cadence.factory.plan import Plan, PlanError
from cadence.factory.surgery.operation import operate
from cadence.models.checkpoint import CheckpointError
from cadence.models.shards import read_checkpoint, read_config

pytestmark = [
    pytest.mark.forge,
    # Torch and transformers warn of their own future; what they compute is what is tested.
    pytest.mark.filterwarnings("default"),
]

FAMILIES = sorted(families())


def tiny(model_type: str, folder: Path, **changes: Any) -> tuple[Path, Plan]:
    """A model and a plan that halves it."""
    from tests.factory.tiny import EXPERTS, KEEP, make

    made = make(model_type, folder / "whole", **changes)
    anatomy = dissect(read_checkpoint(made), read_config(made))
    return made, Plan(model_type, "tiny", EXPERTS, {layer: KEEP[layer] for layer in anatomy.moe_layers})


@pytest.mark.parametrize("model_type", FAMILIES)
def test_compacted_equals_masked(model_type: str, tmp_path: Path) -> None:
    from cadence.factory.oracle import compare

    whole, plan = tiny(model_type, tmp_path)
    operate(whole, plan, tmp_path / "half", shard_bytes_max=100_000)
    exact = compare(whole, tmp_path / "half", plan, "float64")
    assert (exact.astray, exact.holds) == (0, True), exact
    single = compare(whole, tmp_path / "half", plan, "float32")
    assert single.holds, single
    assert exact.logit > 0.5, "a model that says nothing would prove nothing"


@pytest.mark.parametrize(("model_type", "kind"), [("gpt_oss", "mxfp4"), ("deepseek_v3", "fp8")])
def test_packed_experts_keep_their_scales(model_type: str, kind: str, tmp_path: Path) -> None:
    from cadence.factory.oracle import compare
    from tests.factory.packed import pack, unpack

    whole, plan = tiny(model_type, tmp_path, intermediate_size=32)
    operate(pack(whole, kind), plan, tmp_path / "half")
    floats = unpack(whole, tmp_path / "whole-floats"), unpack(tmp_path / "half", tmp_path / "half-floats")
    verdict = compare(*floats, plan, "float64")
    assert verdict.holds and verdict.logit > 0.5, verdict


@pytest.mark.parametrize("model_type", ["olmoe", "deepseek_v3", "gpt_oss", "ernie4_5_moe"])
def test_another_choice_of_experts_does_not_pass(model_type: str, tmp_path: Path) -> None:
    from cadence.factory.oracle import compare

    whole, plan = tiny(model_type, tmp_path)
    last = plan.layers[-1]
    other = {0: (1, 2, 4, 6), 1: (0, 3, 5, 7), 2: (2, 3, 5, 6)}[last]
    operate(whole, Plan(model_type, "tiny", 8, {**plan.keep, last: other}), tmp_path / "half")
    verdict = compare(whole, tmp_path / "half", plan, "float32")
    assert not verdict.holds
    assert verdict.astray > 0


@pytest.mark.parametrize("swapped", ["gate.weight", "experts"])
def test_experts_that_do_not_sit_in_the_order_of_their_router_do_not_pass(swapped: str, tmp_path: Path) -> None:
    import safetensors.torch

    from cadence.factory.oracle import compare

    whole, plan = tiny("olmoe", tmp_path)
    operate(whole, plan, tmp_path / "half")
    file = tmp_path / "half" / "model.safetensors"
    tensors = safetensors.torch.load_file(file)
    names = {0: "model.layers.0.mlp.experts.0.down_proj.weight", 1: "model.layers.0.mlp.experts.1.down_proj.weight"}
    if swapped == "experts":
        tensors[names[0]], tensors[names[1]] = tensors[names[1]], tensors[names[0]]
    else:
        gate = "model.layers.0.mlp.gate.weight"
        tensors[gate] = tensors[gate][[1, 0, 2, 3]].contiguous()
    safetensors.torch.save_file(tensors, file, metadata={"format": "pt"})
    assert not compare(whole, tmp_path / "half", plan, "float64").holds


def test_models_and_plans_that_do_not_belong_together_are_told_so(tmp_path: Path) -> None:
    from cadence.factory.oracle import compare

    whole, plan = tiny("qwen3_moe", tmp_path)
    operate(whole, plan, tmp_path / "half")
    fewer = Plan("qwen3_moe", "tiny", 8, {layer: (0, 1, 2) for layer in plan.layers})
    with pytest.raises(CheckpointError, match="half: it has 4 experts in a layer, the plan keeps 3"):
        compare(whole, tmp_path / "half", fewer)
    with pytest.raises(PlanError, match="for 8 experts in a layer, the model has 4"):
        compare(tmp_path / "half", whole, plan)


def test_rounding_shows_where_there_are_many_experts_and_stays_in_its_bounds(tmp_path: Path) -> None:
    """With a handful of experts a softmax adds up alike with and without zeros; with 64 it does not."""
    from cadence.factory.oracle import compare
    from tests.factory.tiny import make

    whole = make("olmoe", tmp_path / "whole", num_experts=64, num_experts_per_tok=8)
    plan = Plan("olmoe", "tiny", 64, {0: tuple(range(3, 43)), 1: tuple(e for e in range(64) if e % 8 not in (1, 4, 6))})
    operate(whole, plan, tmp_path / "half")
    exact, single = (compare(whole, tmp_path / "half", plan, kind) for kind in ("float64", "float32"))
    assert exact.holds and single.holds
    assert 0.0 < exact.difference < 1e-13
    assert 1e-8 < single.difference < 1e-5


def test_a_model_that_needs_a_program_is_not_loaded(tmp_path: Path) -> None:
    from cadence.factory.oracle import compare

    whole, plan = tiny("olmoe", tmp_path)
    operate(whole, plan, tmp_path / "half")
    text = (whole / "config.json").read_text()
    (whole / "config.json").write_text(text.replace("OlmoeForCausalLM", "StrangeForCausalLM"))
    with pytest.raises(CheckpointError, match="has no StrangeForCausalLM; install a version that has it"):
        compare(whole, tmp_path / "half", plan)
