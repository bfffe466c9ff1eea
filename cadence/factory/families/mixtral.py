"""Mixtral: `w1`, `w2`, `w3` for each expert below `block_sparse_moe`, renormalised top-2.

Names: transformers' `mixtral`, as it writes them (arXiv 2401.04088). `w1` is the gate, `w3` up, `w2` down.
"""

from cadence.factory.families.base import Family, Pattern

FAMILY = Family(
    name="mixtral",
    model_types=("mixtral",),
    patterns=(
        Pattern("block_sparse_moe.gate.{part}", ("weight",), router=True),
        Pattern("block_sparse_moe.experts.{expert}.{part}", ("w1", "w2", "w3")),
    ),
    block="block_sparse_moe.",
)
