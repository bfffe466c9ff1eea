"""Configs and indices of models too large for any test, written down from their papers; every tensor by name and bytes.

Qwen3-Coder-480B-A35B (arXiv 2505.09388 and its card), DeepSeek-V3 (arXiv 2412.19437, table 1 and section 4.2), Kimi-K2
(arXiv 2507.20534): dimensions are facts of theirs, names are those their checkpoints have. `PUBLISHED` is what their
authors say of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SHARD_BYTES = 5 * 10**9

Tensors = Iterator[tuple[str, int]]  # name, bytes

QWEN3_CODER_30B: dict[str, Any] = {
    "model_type": "qwen3_moe",
    "torch_dtype": "bfloat16",
    "hidden_size": 2048,
    "num_hidden_layers": 48,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "vocab_size": 151_936,
    "intermediate_size": 6144,
    "moe_intermediate_size": 768,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "norm_topk_prob": True,
    "tie_word_embeddings": False,
}
QWEN3_CODER_480B: dict[str, Any] = {
    **QWEN3_CODER_30B,
    "hidden_size": 6144,
    "num_hidden_layers": 62,
    "num_attention_heads": 96,
    "num_key_value_heads": 8,
    "intermediate_size": 8192,
    "moe_intermediate_size": 2560,
    "num_experts": 160,
}
DEEPSEEK_V3: dict[str, Any] = {
    "model_type": "deepseek_v3",
    "torch_dtype": "bfloat16",
    "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]},
    "hidden_size": 7168,
    "num_hidden_layers": 61,
    "num_nextn_predict_layers": 1,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
    "vocab_size": 129_280,
    "intermediate_size": 18_432,
    "moe_intermediate_size": 2048,
    "first_k_dense_replace": 3,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "n_group": 8,
    "topk_group": 4,
    "tie_word_embeddings": False,
}
KIMI_K2: dict[str, Any] = {
    **DEEPSEEK_V3,
    "model_type": "kimi_k2",
    "num_nextn_predict_layers": 0,
    "num_attention_heads": 64,
    "num_key_value_heads": 64,
    "vocab_size": 163_840,
    "first_k_dense_replace": 1,
    "n_routed_experts": 384,
    "n_group": 1,
    "topk_group": 1,
}

GIANTS = {"Qwen3-Coder-480B-A35B": QWEN3_CODER_480B, "Kimi-K2": KIMI_K2, "DeepSeek-V3": DEEPSEEK_V3}
# Parameters in all and for one token, in 1e9; DeepSeek's are without the layer that predicts one token further.
PUBLISHED = {"Qwen3-Coder-480B-A35B": (480, 35), "Kimi-K2": (1040, 32), "DeepSeek-V3": (671, 37)}


def write(folder: Path, config: dict[str, Any]) -> Path:
    """A folder with config and index, and no weights."""
    folder.mkdir(parents=True)
    files: dict[str, int] = {}
    total = 0
    for name, nbytes in tensors(config):
        files[name] = total // SHARD_BYTES + 1
        total += nbytes
    count = total // SHARD_BYTES + 1
    names = {name: f"model-{at:05}-of-{count:05}.safetensors" for name, at in files.items()}
    (folder / "config.json").write_text(json.dumps(config))
    index = {"metadata": {"total_size": total}, "weight_map": names}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def tensors(config: dict[str, Any]) -> Tensors:
    """All tensors of a checkpoint."""
    hidden, vocabulary = config["hidden_size"], config["vocab_size"]
    extra = config.get("num_nextn_predict_layers", 0)
    yield "model.embed_tokens.weight", 2 * vocabulary * hidden
    for layer in range(config["num_hidden_layers"] + extra):
        prefix = f"model.layers.{layer}"
        yield from _attention(prefix, config)
        yield from _block(prefix, layer, config)
        yield f"{prefix}.input_layernorm.weight", 2 * hidden
        yield f"{prefix}.post_attention_layernorm.weight", 2 * hidden
        if layer >= config["num_hidden_layers"]:
            yield f"{prefix}.embed_tokens.weight", 2 * vocabulary * hidden
            yield f"{prefix}.shared_head.head.weight", 2 * vocabulary * hidden
            yield f"{prefix}.eh_proj.weight", 2 * 2 * hidden * hidden
    yield "model.norm.weight", 2 * hidden
    yield "lm_head.weight", 2 * vocabulary * hidden


def _attention(prefix: str, config: dict[str, Any]) -> Tensors:
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    if "kv_lora_rank" not in config:
        width, kv = heads * config["head_dim"], config["num_key_value_heads"] * config["head_dim"]
        for name, rows, columns in (
            ("q", width, hidden),
            ("k", kv, hidden),
            ("v", kv, hidden),
            ("o", hidden, width),
        ):
            yield from _matrix(f"{prefix}.self_attn.{name}_proj", rows, columns, config)
        return
    rope, nope, value = (config[key] for key in ("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"))
    q, kv = config["q_lora_rank"], config["kv_lora_rank"]
    for name, rows, columns in (
        ("q_a_proj", q, hidden),
        ("q_b_proj", heads * (nope + rope), q),
        ("kv_a_proj_with_mqa", kv + rope, hidden),
        ("kv_b_proj", heads * (nope + value), kv),
        ("o_proj", hidden, heads * value),
    ):
        yield from _matrix(f"{prefix}.self_attn.{name}", rows, columns, config)
    yield f"{prefix}.self_attn.q_a_layernorm.weight", 2 * q
    yield f"{prefix}.self_attn.kv_a_layernorm.weight", 2 * kv


def _block(prefix: str, layer: int, config: dict[str, Any]) -> Tensors:
    hidden, inner = config["hidden_size"], config["moe_intermediate_size"]
    if layer < config.get("first_k_dense_replace", 0):
        yield from _gated(f"{prefix}.mlp", config["intermediate_size"], config)
        return
    experts = config.get("n_routed_experts", config.get("num_experts", 0))
    for expert in range(experts):
        yield from _gated(f"{prefix}.mlp.experts.{expert}", inner, config)
    yield f"{prefix}.mlp.gate.weight", 2 * experts * hidden
    if "n_routed_experts" in config:
        yield f"{prefix}.mlp.gate.e_score_correction_bias", 4 * experts
        yield from _gated(f"{prefix}.mlp.shared_experts", inner * config["n_shared_experts"], config)


def _gated(prefix: str, inner: int, config: dict[str, Any]) -> Tensors:
    hidden = config["hidden_size"]
    yield from _matrix(f"{prefix}.gate_proj", inner, hidden, config)
    yield from _matrix(f"{prefix}.up_proj", inner, hidden, config)
    yield from _matrix(f"{prefix}.down_proj", hidden, inner, config)


def _matrix(name: str, rows: int, columns: int, config: dict[str, Any]) -> Tensors:
    if "quantization_config" not in config:
        yield f"{name}.weight", 2 * rows * columns
        return
    yield f"{name}.weight", rows * columns
    yield f"{name}.weight_scale_inv", 4 * -(-rows // 128) * -(-columns // 128)
