"""A checkpoint is loaded as it is, or not at all: nothing is made up, and no stranger's program runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cadence.models.checkpoint import CheckpointError

pytestmark = [pytest.mark.forge, pytest.mark.filterwarnings("default")]


@pytest.fixture
def olmoe(tmp_path: Path) -> Path:
    from tests.factory.tiny import make

    return make("olmoe", tmp_path / "olmoe")


def change_config(folder: Path, **change: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))


def test_a_model_is_loaded_as_stored_or_as_asked(olmoe: Path) -> None:
    from cadence.factory.loading import load_model

    assert str(load_model(olmoe).dtype) == "torch.float32"
    assert str(load_model(olmoe, dtype="bfloat16").dtype) == "torch.bfloat16"
    assert not load_model(olmoe).training


def test_kimi_is_loaded_as_the_architecture_it_names(tmp_path: Path) -> None:
    """Its model_type is its own, its tensors and its architecture are DeepSeek-V3's."""
    from cadence.factory.loading import load_model
    from tests.factory.tiny import make

    folder = make("deepseek_v3", tmp_path / "kimi")
    change_config(folder, model_type="kimi_k2", auto_map={"AutoModelForCausalLM": "own.Own"})
    loaded = load_model(folder)
    assert type(loaded).__name__ == "DeepseekV3ForCausalLM"
    assert float(loaded.model.layers[1].mlp.experts.down_proj.detach().abs().max()) > 0.1


def test_weights_that_transformers_would_make_up_are_refused(olmoe: Path) -> None:
    import safetensors.torch

    from cadence.factory.loading import load_model

    file = olmoe / "model.safetensors"
    tensors = safetensors.torch.load_file(file)
    del tensors["model.norm.weight"]
    safetensors.torch.save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(
        CheckpointError, match="olmoe: it has no fit model.norm.weight, nor 0 others, which transformers"
    ):
        load_model(olmoe)


def test_a_program_beside_the_weights_does_not_run(olmoe: Path, tmp_path: Path) -> None:
    from cadence.factory.loading import load_model

    ran = tmp_path / "ran"
    (olmoe / "own.py").write_text(f"open({str(ran)!r}, 'w')\n")
    change_config(olmoe, auto_map={"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"})
    load_model(olmoe)
    change_config(olmoe, architectures=["Own"])
    with pytest.raises(CheckpointError, match="has no Own; install a version that has it; programs beside weights"):
        load_model(olmoe)
    assert not ran.exists()


@pytest.mark.parametrize(
    ("change", "options"),
    [({"hidden_size": 48}, {}), ({}, {"dtype": "float7"}), ({}, {"device": "nowhere"}), ({"hidden_size": "x"}, {})],
)
def test_what_transformers_refuses_is_said_in_a_sentence(
    change: dict[str, Any], options: dict[str, str], olmoe: Path
) -> None:
    from cadence.factory.loading import load_model

    change_config(olmoe, **change)
    with pytest.raises(CheckpointError) as refused:
        load_model(olmoe, **options)
    assert str(refused.value).startswith("olmoe: ")
    assert "\n" not in str(refused.value)
