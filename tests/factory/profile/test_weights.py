"""What weights alone say: router rows and flatness, against their definitions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cadence.factory.profile.sums import ProfileError

pytestmark = [pytest.mark.forge, pytest.mark.filterwarnings("default")]


def model_of(family: str, folder: Path) -> Any:
    import transformers

    from tests.factory.tiny import make

    return transformers.AutoModelForCausalLM.from_pretrained(make(family, folder / family)).eval()


@pytest.mark.parametrize("family", ["olmoe", "mixtral", "deepseek_v3", "gpt_oss", "granitemoe", "ernie4_5_moe"])
def test_router_rows_are_found_beside_the_experts(family: str, tmp_path: Path) -> None:
    from cadence.factory.profile.listen import find_experts
    from cadence.factory.profile.weights import router_l2

    model = model_of(family, tmp_path)
    experts = find_experts(model)[0]
    block = model.get_submodule(experts.name.rpartition(".")[0])
    router = block.router if hasattr(block, "router") else block.gate
    matrix = router.layer.weight if hasattr(router, "layer") else router.weight
    assert router_l2(model, experts) == pytest.approx(matrix.double().norm(dim=1).tolist(), rel=1e-12)


def test_flatness_is_the_ratio_of_two_means(tmp_path: Path) -> None:
    import torch

    from cadence.factory.profile.listen import find_experts
    from cadence.factory.profile.weights import aimer

    model = model_of("olmoe", tmp_path)
    experts = find_experts(model)[1]
    with torch.no_grad():
        experts.module.gate_up_proj[2] = -0.5
        experts.module.down_proj[2] = 0.5
        experts.module.gate_up_proj[4] = 0.0
        experts.module.down_proj[4] = 0.0
    found = aimer(experts)
    assert found is not None
    flat = torch.cat([experts.module.gate_up_proj[0].flatten(), experts.module.down_proj[0].flatten()]).double()
    assert found[0] == pytest.approx(float((flat.abs().mean() / flat.square().mean().sqrt()).detach()), rel=1e-12)
    assert found[2] == pytest.approx(1.0), "all weights alike: as flat as can be"
    assert found[4] == 1.0, "an expert of zeros goes first, without a division by zero"
    assert max(found) <= 1.0 + 1e-12


@pytest.mark.parametrize(("part", "name"), [("experts.down_proj", "aimer"), ("gate.weight", "router_l2")])
def test_a_weight_that_is_not_finite_is_named(part: str, name: str, tmp_path: Path) -> None:
    import torch

    from cadence.factory.profile import weights
    from cadence.factory.profile.listen import find_experts

    model = model_of("olmoe", tmp_path)
    with torch.no_grad():
        model.get_parameter(f"model.layers.1.mlp.{part}")[3] = float("inf")
    experts = find_experts(model)[1]
    with pytest.raises(ProfileError, match=f"model.layers.1.mlp.{part}: the weights of expert 3 are not finite"):
        weights.aimer(experts) if name == "aimer" else weights.router_l2(model, experts)


def test_packed_weights_are_not_measured_by_their_bytes(tmp_path: Path) -> None:
    import torch

    from cadence.factory.profile.listen import find_experts
    from cadence.factory.profile.weights import aimer

    model = model_of("olmoe", tmp_path)
    experts = find_experts(model)[0]
    experts.module.down_proj = torch.nn.Parameter(torch.zeros(8, 32, 24, dtype=torch.uint8), requires_grad=False)
    assert aimer(experts) is None
