"""Qwen3.5-MoE and Qwen3-Next: hybrid attention, a shared expert behind a gate, extra layers below `mtp.`.

Names: transformers' `qwen3_5_moe` and `qwen3_next`. Three layers in four have linear attention; that has no bearing
on experts. Those may lie fused or apart, and in the extra layers otherwise than in the rest. Of a model that sees,
text layers lie below `model.language_model`.
"""

from cadence.factory.families.base import Extra, Family, Pattern

FAMILY = Family(
    name="qwen3_5_moe",
    model_types=("qwen3_5_moe", "qwen3_5_moe_text", "qwen3_next"),
    patterns=(
        Pattern("mlp.gate.{part}", ("weight",), router=True),
        Pattern("mlp.experts.{expert}.{part}", ("gate_proj", "up_proj", "down_proj")),
        Pattern("mlp.experts.{part}", ("gate_up_proj", "down_proj")),
    ),
    untouched=("mlp.shared_expert.", "mlp.shared_expert_gate."),
    trees=("model.language_model.layers.{layer}", "model.layers.{layer}"),
    extra=Extra("mtp_num_hidden_layers", tree="mtp.layers.{layer}", prefix="mtp."),
)
