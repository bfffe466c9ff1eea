"""GPT-OSS: all experts fused in one tensor for each projection, biases included; a router with a bias; MXFP4 on disk.

Names: transformers' `gpt_oss` and its MXFP4 loader (arXiv 2508.10925). A projection is either one tensor (bf16), or
`_blocks` and `_scales` (OCP Microscaling Formats 1.0); all have the experts along their first axis.
"""

from cadence.factory.families.base import Family, Pattern

FAMILY = Family(
    name="gpt_oss",
    model_types=("gpt_oss",),
    patterns=(
        Pattern("mlp.router.{part}", ("weight", "bias"), router=True),
        Pattern("mlp.experts.{part}", ("gate_up_proj", "gate_up_proj_bias", "down_proj", "down_proj_bias")),
    ),
)
