"""DeepSeek-V2 and V2-Lite: softmax router, groups judged by their best expert, shared experts that stay.

Names: transformers' `deepseek_v2` (arXiv 2405.04434). V2-Lite has one group.
"""

from cadence.factory.families.base import Family, Pattern

FAMILY = Family(
    name="deepseek_v2",
    model_types=("deepseek_v2",),
    patterns=(
        Pattern("mlp.gate.{part}", ("weight",), router=True),
        Pattern("mlp.experts.{expert}.{part}", ("gate_proj", "up_proj", "down_proj")),
    ),
    untouched=("mlp.shared_experts.",),
    group_best=1,
)
