"""DeepSeek-V3, R1 and Kimi-K2: sigmoid router with a correction bias, experts in groups, FP8 scales beside the weights.

Names: transformers' `deepseek_v3` (arXiv 2412.19437). A token picks groups by the sum of their two best experts, so
that each group keeps at least two and all keep equally many. The bias counts for the choice only. The layer behind
the last one predicts one token further on and has experts of its own; transformers does not load it.
`weight_scale_inv` follows its expert.
"""

from cadence.factory.families.base import Extra, Family, Pattern

FAMILY = Family(
    name="deepseek_v3",
    model_types=("deepseek_v3", "kimi_k2"),
    patterns=(
        Pattern("mlp.gate.{part}", ("weight", "e_score_correction_bias"), router=True),
        Pattern("mlp.experts.{expert}.{part}", ("gate_proj", "up_proj", "down_proj")),
    ),
    untouched=("mlp.shared_experts.",),
    extra=Extra("num_nextn_predict_layers"),
    group_best=2,
)
