"""GLM-4.5 to 4.7, their Air and Flash: as DeepSeek-V3, mostly in one group.

Names: transformers' `glm4_moe` and `glm4_moe_lite` (arXiv 2508.06471). The extra layer lies behind the last decoder
layer.
"""

from cadence.factory.families.base import Extra, Family, Pattern

FAMILY = Family(
    name="glm4_moe",
    model_types=("glm4_moe", "glm4_moe_lite"),
    patterns=(
        Pattern("mlp.gate.{part}", ("weight", "e_score_correction_bias"), router=True),
        Pattern("mlp.experts.{expert}.{part}", ("gate_proj", "up_proj", "down_proj")),
    ),
    untouched=("mlp.shared_experts.",),
    extra=Extra("num_nextn_predict_layers"),
    group_best=2,
)
