"""Tiny models of every family, made by transformers and written as their makers write them. Needs torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import CONFIG_MAPPING

EXPERTS, TOP_K, KEPT = 8, 2, 4
# Legal for groups of four too: two of each.
KEEP = {0: (1, 2, 4, 7), 1: (0, 3, 5, 6), 2: (2, 3, 4, 5), 3: (0, 1, 6, 7)}

COMMON: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "vocab_size": 96,
    "intermediate_size": 24,
    "moe_intermediate_size": 24,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "num_experts_per_tok": TOP_K,
}
LATENT: dict[str, Any] = {
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
    "num_key_value_heads": 4,
    "num_hidden_layers": 3,
    "n_routed_experts": EXPERTS,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
}
HYBRID: dict[str, Any] = {
    "num_experts": EXPERTS,
    "shared_expert_intermediate_size": 24,
    "num_hidden_layers": 4,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 2,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
}
GROUPS: dict[str, Any] = {"n_group": 2, "topk_group": 1}
LOCAL: dict[str, Any] = {"num_local_experts": EXPERTS}
VISION = {
    "depth": 1,
    "hidden_size": 16,
    "num_heads": 2,
    "intermediate_size": 16,
    "out_hidden_size": 32,
    "patch_size": 4,
}

CONFIGS: dict[str, dict[str, Any]] = {
    "olmoe": {"num_experts": EXPERTS},
    "qwen3_moe": {"num_experts": EXPERTS, "norm_topk_prob": True},
    "qwen2_moe": {"num_experts": EXPERTS, "shared_expert_intermediate_size": 24},
    "mixtral": LOCAL,
    "deepseek_v3": {**LATENT, **GROUPS},
    "kimi_k2": {**LATENT, "n_group": 1, "topk_group": 1},
    "deepseek_v2": {**LATENT, **GROUPS, "topk_method": "group_limited_greedy"},
    "gpt_oss": {**LOCAL, "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 16},
    "granitemoe": LOCAL,
    "granitemoeshared": {**LOCAL, "shared_intermediate_size": 24},
    "phimoe": LOCAL,
    "qwen3_5_moe": {"text_config": {**COMMON, **HYBRID}, "vision_config": {**VISION, "num_position_embeddings": 16}},
    "qwen3_5_moe_text": HYBRID,
    "qwen3_next": HYBRID,
    "glm4_moe": {**LATENT, "n_group": 1, "topk_group": 1, "num_hidden_layers": 2},
    "glm4_moe_lite": {**LATENT, "n_group": 1, "topk_group": 1, "mlp_layer_types": ["dense", "sparse", "sparse"]},
    "ernie4_5_moe": {
        "moe_num_experts": EXPERTS,
        "moe_k": TOP_K,
        "moe_num_shared_experts": 1,
        "moe_layer_start_index": 1,
    },
    "minimax": {**LOCAL, "block_size": 16, "layer_types": ["linear_attention", "full_attention"]},
    "minimax_m2": LOCAL,
}

# Kimi-K2 is a DeepSeek-V3 whose config bears another name; transformers finds it by its architecture.
BUILT_AS = {"kimi_k2": "deepseek_v3"}


def make(model_type: str, folder: Path, seed: int = 0, **changes: Any) -> Path:
    """Write a tiny model whose every weight differs from zero and whose routers are not indifferent."""
    given = CONFIGS[model_type]
    config = CONFIG_MAPPING[BUILT_AS.get(model_type, model_type)](
        **(given if "text_config" in given else {**COMMON, **given, **changes})
    )
    sees = model_type == "qwen3_5_moe"
    kind = transformers.AutoModelForImageTextToText if sees else transformers.AutoModelForCausalLM
    model = kind.from_config(config, dtype=torch.float32)
    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            if "rotary" in name or "inv_freq" in name or not tensor.is_floating_point():
                continue
            noise = torch.randn(tensor.shape, generator=chance)
            router = name.endswith(("gate.weight", "router.weight"))
            if "bias" in name:
                tensor.copy_(noise * 0.1)
            elif tensor.dim() >= 2:
                tensor.copy_(noise * (2.0 if router else 1.0) / tensor.shape[-1] ** 0.5)
            else:
                tensor.copy_(tensor + noise * 0.1)
    model.save_pretrained(folder)
    if model_type in BUILT_AS:
        written = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(written | {"model_type": model_type}))
    return folder
