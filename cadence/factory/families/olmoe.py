"""OLMoE: one tensor for each projection of each expert, a router without bias, softmax before top-k.

Names: transformers' `olmoe`, as it writes them. Weights are not renormalised after top-k; the softmax runs over the
experts that are there, so that masking one equals removing it.
"""

from cadence.factory.families.base import Family, Pattern

FAMILY = Family(
    name="olmoe",
    model_types=("olmoe",),
    patterns=(
        Pattern("mlp.gate.{part}", ("weight",), router=True),
        Pattern("mlp.experts.{expert}.{part}", ("gate_proj", "up_proj", "down_proj")),
    ),
)
