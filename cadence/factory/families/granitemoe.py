"""Granite-MoE: all experts fused in `input_linear` (gate and up) and `output_linear`, softmax over the chosen logits.

Names: transformers' `granitemoe` and `granitemoeshared`, as it writes them. The shared MLP lies beside the block and
stays.
"""

from cadence.factory.families.base import Family, Pattern

FAMILY = Family(
    name="granitemoe",
    model_types=("granitemoe", "granitemoeshared"),
    patterns=(
        Pattern("block_sparse_moe.router.layer.{part}", ("weight",), router=True),
        Pattern("block_sparse_moe.{part}", ("input_linear", "output_linear")),
    ),
    block="block_sparse_moe.",
)
