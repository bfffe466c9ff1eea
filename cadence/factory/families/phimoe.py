"""Phi-3.5-MoE: Mixtral's names, and a router that picks its second expert after masking the first (SparseMixer).

Names: transformers' `phimoe`, as it writes them (arXiv 2404.14219). Both picks take a softmax over what lies near the
best logit; removed experts and masked ones alike are never near.
"""

from cadence.factory.families.base import Family, Pattern

FAMILY = Family(
    name="phimoe",
    model_types=("phimoe",),
    patterns=(
        Pattern("block_sparse_moe.gate.{part}", ("weight",), router=True),
        Pattern("block_sparse_moe.experts.{expert}.{part}", ("w1", "w2", "w3")),
    ),
    block="block_sparse_moe.",
)
