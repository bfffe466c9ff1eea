"""What vLLM takes without a word and serves wrongly, or dies of, is said before a server starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cadence.models.checkpoint import Checkpoint, CheckpointError, Tensor
from cadence.models.servable import FAULTS_MAX, check_servable, faults

CONFIG: dict[str, Any] = {
    "model_type": "qwen3_moe",
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "hidden_size": 64,
    "norm_topk_prob": True,
}
EXPERT = "model.layers.{layer}.mlp.experts.{expert}.{part}_proj.weight"
GATE = "model.layers.1.mlp.gate.weight"

Shapes = dict[str, tuple[int, ...]]


def shapes() -> Shapes:
    found: Shapes = {"model.embed_tokens.weight": (4, 64), "model.layers.0.mlp.gate_proj.weight": (8, 64)}
    for layer in (1, 2):
        found[f"model.layers.{layer}.mlp.gate.weight"] = (4, 64)
        found[f"model.layers.{layer}.mlp.shared_expert_gate.weight"] = (1, 64)
        for expert in range(4):
            for part, shape in {"gate": (8, 64), "up": (8, 64), "down": (64, 8)}.items():
                found[EXPERT.format(layer=layer, expert=expert, part=part)] = shape
    return found


def found(given: Shapes, config: dict[str, Any] = CONFIG) -> list[tuple[str | None, str]]:
    tensors = {name: Tensor(name, "BF16", shape, "m.safetensors", 0, 0) for name, shape in given.items()}
    return [(fault.tensor, fault.text) for fault in faults(Checkpoint((), tensors, None), config)]


def changed(change: Callable[[Shapes], object]) -> Shapes:
    given = shapes()
    change(given)
    return given


def renumber(old: int, new: int) -> Callable[[Shapes], None]:
    def change(given: Shapes) -> None:
        for name in [name for name in given if f"layers.1.mlp.experts.{old}." in name]:
            given[name.replace(f".{old}.", f".{new}.")] = given.pop(name)

    return change


def test_a_sound_checkpoint_has_no_faults() -> None:
    assert found(shapes()) == []


def test_a_model_without_experts_has_none_of_these() -> None:
    assert found({"model.layers.0.mlp.gate_proj.weight": (8, 64)}, {"hidden_size": 7}) == []


@pytest.mark.parametrize(
    ("change", "where", "why"),
    [
        (renumber(3, 9), "model.layers.1.mlp.experts.9", "expert 9 lies beyond the 4"),
        (renumber(3, 9), "model.layers.1.mlp.experts.3", "1 of 4 experts are missing, first 3"),
        (
            lambda s: s.pop(EXPERT.format(layer=1, expert=2, part="up")),
            "model.layers.1.mlp.experts.2",
            "expert 2 lacks up_proj.weight",
        ),
        (
            lambda s: s.update({EXPERT.format(layer=1, expert=2, part="up") + "_scale": (1,)}),
            "model.layers.1.mlp.experts.2",
            "expert 2 alone has up_proj.weight_scale",
        ),
        (
            lambda s: s.update({EXPERT.format(layer=1, expert=2, part="up"): (9, 64)}),
            EXPERT.format(layer=1, expert=2, part="up"),
            r"the shape is [9, 64], the first expert's [8, 64]",
        ),
        (lambda s: s.update({GATE: (3, 64)}), GATE, "expected an entry for each of 4 experts, got the shape [3, 64]"),
        (lambda s: s.pop(GATE), None, "no router beside the experts of model.layers.1.mlp"),
        (
            lambda s: s.update({"model.layers.1.mlp.moe_statics.e_score_correction_bias": (1, 5)}),
            "model.layers.1.mlp.moe_statics.e_score_correction_bias",
            "expected an entry for each of 4 experts, got the shape [1, 5]",
        ),
        (
            lambda s: [s.pop(name) for name in list(s) if "layers.1.mlp.experts." in name],
            GATE,
            "a router without experts: chance would speak for them",
        ),
    ],
)
def test_what_the_tensors_lack_is_said(change: Callable[[Shapes], object], where: str | None, why: str) -> None:
    assert any(tensor == where and text.startswith(why) for tensor, text in found(changed(change))), found(
        changed(change)
    )


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"num_experts": 5}, "1 of 5 experts are missing, first 4"),
        ({"num_experts": [4, 3]}, "expected one number of experts for all layers"),
        ({"num_experts": 10**9}, "expected one number of experts for all layers"),
        ({"num_local_experts": 5}, "expected one number of experts for all layers"),
        ({"num_experts": None}, "expected one number of experts for all layers, got none"),
        ({"num_experts_per_tok": 5}, "each token asks for 5 of 4 experts, which stops the server"),
        ({"num_experts_per_tok": None}, "each token asks for None of 4 experts"),
        ({"hidden_size": 144}, "hidden_size 144 is no multiple of 32"),
        ({"model_type": "olmoe"}, "norm_topk_prob is true, and vLLM's OLMoE never renormalises"),
        ({"model_type": "olmoe", "norm_topk_prob": False, "rms_norm_eps": 1e-6}, "rms_norm_eps is 1e-06"),
    ],
)
def test_what_the_config_says_wrongly_is_said(config: dict[str, Any], why: str) -> None:
    assert any(text.startswith(why) for _, text in found(shapes(), CONFIG | config))


def test_what_only_cpus_cannot_do_is_no_fault_elsewhere() -> None:
    checkpoint = Checkpoint((), {n: Tensor(n, "BF16", shape, "m", 0, 0) for n, shape in shapes().items()}, None)
    assert faults(checkpoint, CONFIG | {"hidden_size": 144}, cpu=False) == []


def test_an_olmoe_that_vllm_gets_right_has_no_faults() -> None:
    config = CONFIG | {"model_type": "olmoe", "norm_topk_prob": False, "rms_norm_eps": 1e-5}
    assert found(shapes(), config) == []


@pytest.mark.parametrize(
    "name", ["model.layers.0.mlp.experts.gate_up_proj", "model.layers.0.block_sparse_moe.input_linear.weight"]
)
def test_fused_experts_are_counted_along_their_first_axis(name: str) -> None:
    router = name.rpartition(".experts" if "experts" in name else ".input")[0]
    router += ".gate.weight" if "experts" in name else ".router.layer.weight"
    assert found({name: (4, 16, 64), router: (4, 64)}) == []
    assert found({name: (5, 16, 64), router: (4, 64)}) == [
        (name, "expected an entry for each of 4 experts, got the shape [5, 16, 64]")
    ]


def test_a_text_config_is_looked_into() -> None:
    inner = CONFIG | {"num_experts_per_tok": 5}
    assert [text[:16] for _, text in found(shapes(), {"model_type": "x", "text_config": inner})] == ["each token asks "]


def test_faults_are_reported_up_to_a_bound() -> None:
    assert (
        len(found(changed(lambda s: s.update({name: (9, 9) for name in s if ".experts." in name and ".2." in name}))))
        > 1
    )
    many = changed(lambda s: s.update({EXPERT.format(layer=1, expert=e, part="up"): (e, 1) for e in range(4, 99)}))
    assert len(found(many)) == FAULTS_MAX


def test_the_check_names_file_tensor_and_remedy() -> None:
    tensors = {name: Tensor(name, "BF16", shape, "m.safetensors", 0, 0) for name, shape in shapes().items()}
    del tensors[GATE]
    check_servable(Checkpoint((), {}, None), CONFIG)
    with pytest.raises(CheckpointError, match="m.safetensors: no router beside .*; download it again"):
        check_servable(Checkpoint((), tensors, None), CONFIG)
