"""MiniMax-Text-01 and MiniMax-M2: Mixtral's names; M2 has a sigmoid router whose correction bias lies on the block.

Names: transformers' `minimax` and `minimax_m2`, as it writes them. FP8 scales follow their expert.
"""

from cadence.factory.families.base import Family, Pattern

FAMILY = Family(
    name="minimax",
    model_types=("minimax", "minimax_m2"),
    patterns=(
        Pattern("block_sparse_moe.gate.{part}", ("weight",), router=True),
        Pattern("block_sparse_moe.experts.{expert}.{part}", ("w1", "w2", "w3")),
        Pattern("block_sparse_moe.e_score_correction_{part}", (), router=True),
    ),
    block="block_sparse_moe.",
)
