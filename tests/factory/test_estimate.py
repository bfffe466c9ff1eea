"""Sizes from config and index alone, against what is published, against shards' headers, and against damaged input."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cadence.factory.estimate import TIERS, Estimate, estimate
from cadence.factory.families import families
from cadence.factory.surgery.layout import lay_out
from cadence.models.checkpoint import Checkpoint, CheckpointError, Index, Tensor, parse_index
from cadence.models.shards import read_checkpoint, read_config, read_index
from tests.factory import giants

TINY: dict[str, Any] = {
    **giants.QWEN3_CODER_30B,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 16,
    "vocab_size": 100,
    "moe_intermediate_size": 32,
    "num_experts": 32,
    "num_experts_per_tok": 2,
}


def index_of(config: dict[str, Any]) -> Index:
    sizes = dict(giants.tensors(config))
    names = dict.fromkeys(sizes, "model-00001-of-00001.safetensors")
    return Index("model.safetensors.index.json", names, {"total_size": sum(sizes.values())})


def estimated(config: dict[str, Any]) -> Estimate:
    return _estimated(json.dumps(config))


@cache
def _estimated(config: str) -> Estimate:
    return estimate(json.loads(config), index_of(json.loads(config)))


@pytest.mark.parametrize("name", giants.GIANTS)
def test_giants_have_the_parameters_their_authors_count(name: str) -> None:
    found = estimated(giants.GIANTS[name])
    total, active = giants.PUBLISHED[name]
    extra = len(found.extra_layers) * (256 * found.expert_parameters + 2.2e9)
    assert (found.parameters - extra) / 1e9 == pytest.approx(total, rel=0.015)
    assert (found.active - len(found.extra_layers) * 2.2e9) / 1e9 == pytest.approx(active, rel=0.05)


def test_layers_are_told_apart() -> None:
    found = estimated(giants.DEEPSEEK_V3)
    assert found.moe_layers == tuple(range(3, 61))
    assert found.extra_layers == (61,)
    assert (found.routing.groups, found.routing.groups_used) == (8, 4)
    assert found.stored == "fp8"


@pytest.mark.parametrize("config", [TINY, {**TINY, "num_experts": 16}, giants.KIMI_K2])
def test_fewer_experts_have_the_bytes_of_a_model_made_with_fewer(config: dict[str, Any]) -> None:
    """The rest of the checkpoint is the same to the byte, but for the correction bias of four bytes an expert."""
    key = "num_experts" if "num_experts" in config else "n_routed_experts"
    keep = config[key] // 2
    smaller = estimated({**config, key: keep})
    bias = 0 if key == "num_experts" else 4 * 60 * keep
    assert estimated(config).size(keep).nbytes == smaller.nbytes + bias
    assert estimated(config).size(keep).parameters == pytest.approx(smaller.parameters, rel=1e-3)


def test_tiers_agree_with_files_that_were_made() -> None:
    """The seed's Qwen3-Coder-30B with 80 of 128 experts: bytes of its Q8, Q5 and Q4 files."""
    size = estimated(giants.QWEN3_CODER_30B).size(80)
    assert size.tiers["Q8_0"] == pytest.approx(20_913_946_208, rel=0.01)
    assert size.tiers["Q5_K_M"] == pytest.approx(13_991_810_656, rel=0.01)
    assert size.tiers["Q4_K_M"] == pytest.approx(11_955_377_760, rel=0.01)
    assert list(size.tiers) == list(TIERS)


def test_layers_that_predict_further_lose_their_experts() -> None:
    found = estimated(giants.DEEPSEEK_V3)
    plain = estimated({**giants.DEEPSEEK_V3, "num_nextn_predict_layers": 0})
    lost = found.nbytes - found.size(128).nbytes
    assert lost - (plain.nbytes - plain.size(128).nbytes) == 256 * (found.expert_nbytes + found.row_nbytes)


def test_proposals_serve_well_and_work() -> None:
    found = estimated(giants.DEEPSEEK_V3)
    assert found.proposed() == [192, 128]
    assert estimated(giants.QWEN3_CODER_480B).proposed() == [144, 120, 96, 80]
    assert estimated({**TINY, "num_experts": 8}).proposed() == [6, 4]
    assert all(found.size(keep).fault is None for keep in found.proposed())


def test_a_size_no_router_can_work_with_says_why() -> None:
    found = estimated(giants.DEEPSEEK_V3)
    assert "keep a multiple of 8, such as 96, not 100" in (found.size(100).fault or "")
    assert "each token is sent to 8" in (estimated(giants.KIMI_K2).size(4).fault or "")
    assert found.size(256).fault is None


def test_fused_experts_with_biases_in_mxfp4() -> None:
    config = {
        "model_type": "gpt_oss",
        "dtype": "bfloat16",
        "quantization_config": {"quant_method": "mxfp4"},
        "hidden_size": 2880,
        "intermediate_size": 2880,
        "num_hidden_layers": 1,
        "num_local_experts": 32,
        "num_experts_per_tok": 4,
    }
    block = "model.layers.0.mlp"
    parts = ["gate_up_proj_blocks", "gate_up_proj_scales", "gate_up_proj_bias"]
    parts += ["down_proj_blocks", "down_proj_scales", "down_proj_bias"]
    names = [f"{block}.experts.{part}" for part in parts] + [f"{block}.router.weight", f"{block}.router.bias"]
    index = Index("i.json", dict.fromkeys(names, "a.safetensors"), {"total_size": 10**9})
    found = estimate(config, index)
    blocks, biases = 3 * 2880 * 2880 * 17 // 32, 2 * 3 * 2880
    assert (found.stored, found.expert_nbytes) == ("mxfp4", blocks + biases)


def test_the_estimate_of_giants_is_read_from_a_folder(tmp_path: Path) -> None:
    folder = giants.write(tmp_path / "tiny", TINY)
    index = read_index(folder)
    assert index is not None
    assert estimate(read_config(folder), index) == estimated(TINY)


def edited(**change: Any) -> tuple[dict[str, Any], Index]:
    config, index = dict(TINY), index_of(TINY)
    names, metadata = dict(index.weight_map), dict(index.metadata)
    for key, value in change.items():
        if key == "drop":
            names = {name: file for name, file in names.items() if value not in name}
        elif key == "total_size":
            metadata = {"total_size": value} if value is not None else {}
        else:
            config[key] = value
    return config, Index(index.file, names, metadata)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"total_size": None}, "expected metadata.total_size in bytes, got None"),
        ({"total_size": "9"}, "expected metadata.total_size in bytes"),
        ({"total_size": 1000}, "are more than its total_size of 1000"),
        ({"num_experts": 64}, "layer 0 names 32 of 64 gate_proj.weight, expert 32 is odd"),
        ({"drop": "experts.7.up_proj"}, "layer 0 names 31 of 32 up_proj.weight, expert 7 is odd"),
        ({"drop": "up_proj"}, "layer 0 has experts without up_proj"),
        ({"drop": "mlp.gate.weight"}, "layer 0 has experts and no router"),
        ({"drop": "experts"}, "no tensor is named as qwen3_moe names its experts"),
        ({"model_type": "llama"}, "no adapter knows the model_type llama"),
        ({"hidden_size": "64"}, "expected a whole hidden_size"),
        ({"moe_intermediate_size": None, "intermediate_size": None}, "expected moe_intermediate_size or"),
        ({"torch_dtype": "int3"}, "expected a dtype of bfloat16"),
        ({"quantization_config": {"quant_method": "gptq"}}, "by quant_method gptq cannot be told"),
        ({"quantization_config": {"quant_method": "fp8", "weight_block_size": 3}}, "expected a weight_block_size"),
    ],
)
def test_what_does_not_add_up_is_refused_with_a_reason(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CheckpointError, match=sentence):
        estimate(*edited(**change))


def test_an_index_is_read_as_the_checkpoint_reader_reads_it() -> None:
    text = json.dumps({"metadata": {"total_size": 1}, "weight_map": {"a": "../x.safetensors"}}).encode()
    with pytest.raises(CheckpointError, match="plain name"):
        parse_index("i.json", text)


@pytest.mark.forge
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("model_type", sorted(set(families()) - {"kimi_k2"}))
def test_config_alone_says_what_the_layout_of_each_family_comes_to(model_type: str, tmp_path: Path) -> None:
    """Estimated from config and index, estimated from headers, and laid out by a plan: one size."""
    from tests.factory.test_oracle import tiny

    folder, plan = tiny(model_type, tmp_path)
    config, checkpoint = read_config(folder), read_checkpoint(folder)
    names = {tensor.name: tensor.file for tensor in checkpoint.tensors.values()}
    index = Index("model.safetensors.index.json", names, {"total_size": checkpoint.tensor_bytes})
    laid_out = lay_out(checkpoint, config, plan).tally.nbytes
    exact = sum(laid_out.values()) - laid_out["dropped"]
    routers = 4 * 4 * len(plan.keep)  # bytes of biases in routers, four bytes for each of four dropped experts
    for found in (estimate(config, index), estimate(config, index, checkpoint)):
        assert found.moe_layers == plan.layers
        assert 0 <= found.size(4).nbytes - exact <= routers


def test_where_headers_are_there_any_way_of_packing_can_be_told() -> None:
    index = index_of(TINY)
    sizes = dict(giants.tensors(TINY))
    tensors = {
        name: Tensor(
            name, "I32" if ".experts." in name else "BF16", (sizes[name],), "a.safetensors", 0, sizes[name] // 4
        )
        for name in index.weight_map
    }
    packed = {**TINY, "quantization_config": {"quant_method": "gptq"}}
    found = estimate(packed, index, Checkpoint((), tensors, index))
    assert (found.stored, found.expert_nbytes) == ("i32", 3 * 2 * 64 * 32 // 4)
