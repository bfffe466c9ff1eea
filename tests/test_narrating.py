from __future__ import annotations

from pathlib import Path

import pytest

from cadence.models.chat import ChatModel, ModelError
from cadence.models.scripted import ScriptedModel
from cadence.narrating import NoNarrator, narrator_for
from cadence.personas.place import load_place

MODEL = ScriptedModel(lambda call: "", name="tiny")


def models(name: str) -> ChatModel:
    """A place with one model."""
    if name != "tiny":
        raise ModelError("unknown_model", f"expected a model card models/{name}.toml that can be used, got none")
    return MODEL


def place(root: Path, front: str = "") -> Path:
    folder = root / "personas"
    folder.mkdir()
    (folder / "alex.md").write_text(f'+++\nname = "Alex"\npronouns = "they/them"\n{front}+++\nBe brief.\n')
    (folder / "vera.md").write_text('+++\nname = "Vera"\npronouns = "she/her"\n+++\nYou are Vera.\n')
    return root


def test_a_card_without_a_model_leaves_alex_quoting(tmp_path: Path) -> None:
    assert narrator_for(load_place(place(tmp_path)), models) is None
    assert narrator_for(load_place(tmp_path / "none"), models) is None


def test_the_card_sets_the_model_the_voice_and_everybodys_pronouns(tmp_path: Path) -> None:
    narrator = narrator_for(load_place(place(tmp_path, 'model = "tiny"\n')), models)
    assert narrator is not None and narrator.model is MODEL and narrator.voice == "Be brief."
    assert narrator.pronouns == {"alex": "they/them", "vera": "she/her"}


def test_a_model_that_is_not_there_is_told_with_the_card(tmp_path: Path) -> None:
    with pytest.raises(NoNarrator, match=r"personas/alex.md.*: `model`: .*models/tinny.toml.*; Alex quotes"):
        narrator_for(load_place(place(tmp_path, 'model = "tinny"\n')), models)
