"""Qwen3-MoE and Qwen2-MoE: one tensor for each projection of each expert, or all experts fused, as newer writers do.

Names: transformers' `qwen3_moe` and `qwen2_moe`. The shared expert of Qwen2 and its gate stay. `decoder_sparse_step`
and `mlp_only_layers` make dense layers, which show by their tensors.
"""

from cadence.factory.families.base import Family, Pattern

FAMILY = Family(
    name="qwen3_moe",
    model_types=("qwen3_moe", "qwen2_moe"),
    patterns=(
        Pattern("mlp.gate.{part}", ("weight",), router=True),
        Pattern("mlp.experts.{expert}.{part}", ("gate_proj", "up_proj", "down_proj")),
        Pattern("mlp.experts.{part}", ("gate_up_proj", "down_proj")),
    ),
    untouched=("mlp.shared_expert.", "mlp.shared_expert_gate."),
)
