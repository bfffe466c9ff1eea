"""ERNIE 4.5: softmax router whose correction bias lies apart, below `moe_statics`, as a row of a matrix.

Names: transformers' `ernie4_5_moe`, as it writes them. The bias is [1, experts], so it is cut along its second axis.
The extra layer is dense and stays.
"""

from cadence.factory.families.base import Family, Pattern

FAMILY = Family(
    name="ernie4_5_moe",
    model_types=("ernie4_5_moe",),
    patterns=(
        Pattern("mlp.gate.{part}", ("weight",), router=True),
        Pattern("mlp.moe_statics.{part}", (), axis=1, router=True),
        Pattern("mlp.experts.{expert}.{part}", ("gate_proj", "up_proj", "down_proj")),
    ),
    untouched=("mlp.shared_experts.",),
)
