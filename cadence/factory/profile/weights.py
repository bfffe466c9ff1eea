"""What the weights alone say of each expert: the norm of its router row, and how flat its matrices are (AIMER).

Both are baselines that need no text. They stand in the profile, so that a ranking needs the profile only, and they
tell two models apart that share a config.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from cadence.factory.profile.listen import Experts
from cadence.factory.profile.sums import NotFiniteError

_WIDE = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def router_l2(model: Any, experts: Experts) -> tuple[float, ...] | None:
    """The L2 norm of each expert's row in the router of its layer; None where no one matrix is the router.

    The router is the matrix beside the experts that has one row for each of them.
    """
    block = model.get_submodule(experts.name.rpartition(".")[0])
    inside = f"{experts.name.rpartition('.')[2]}."
    count = int(experts.module.num_experts)
    found = [
        (name, weight)
        for name, weight in block.named_parameters()
        if not name.startswith(inside) and "shared" not in name and weight.dim() == 2 and weight.shape[0] == count
    ]
    if len(found) != 1 or found[0][1].dtype not in _WIDE:
        return None
    norms = torch.linalg.vector_norm(found[0][1].detach(), dim=1, dtype=torch.float64)
    return _finite(f"{experts.name.rpartition('.')[0]}.{found[0][0]}", norms)


def aimer(experts: Experts) -> tuple[float, ...] | None:
    """Mean |w| over the root of mean w^2 for each expert, over all its matrices; None where they are packed.

    In (0, 1]; a higher one is flatter, and goes first (arXiv 2603.18492). An expert of zeros counts as flat: 1.
    """
    count = int(experts.module.num_experts)
    matrices = [(name, weight) for name, weight in experts.module.named_parameters() if weight.dim() == 3]
    if not matrices or any(weight.dtype not in _WIDE or weight.shape[0] != count for _, weight in matrices):
        return None
    flat = []
    for expert in range(count):
        size, total, squares = 0, 0.0, 0.0
        for name, weight in matrices:
            one = weight[expert].detach()
            size += one.numel()
            total += float(torch.linalg.vector_norm(one, ord=1, dtype=torch.float64))
            squares += float(torch.linalg.vector_norm(one, dtype=torch.float64)) ** 2
            if not math.isfinite(squares):
                raise _not_finite(f"{experts.name}.{name}", expert)
        flat.append(total / math.sqrt(squares * size) if squares else 1.0)
    return tuple(flat)


def _finite(name: str, values: torch.Tensor) -> tuple[float, ...]:
    found = tuple(float(value) for value in values)
    for expert, value in enumerate(found):
        if not math.isfinite(value):
            raise _not_finite(name, expert)
    return found


def _not_finite(name: str, expert: int) -> NotFiniteError:
    return NotFiniteError(f"{name}: the weights of expert {expert} are not finite; download the checkpoint again")
