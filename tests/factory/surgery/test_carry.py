"""What goes along with the weights, what stays, and programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cadence.factory.surgery import carry
from cadence.factory.surgery.carry import allowed_config, carried
from cadence.models.checkpoint import CheckpointError
from cadence.models.shards import read_index
from tests.factory.checkpoints import weights, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "hub" / "snapshots" / "abc"
    home.parent.mkdir(parents=True)
    return write(home, {}, {"a": weights("U8", (2,), 0), "b": weights("U8", (2,), 1)})


def test_all_files_go_along_but_other_copies_of_the_weights(folder: Path) -> None:
    for name in ("chat_template.jinja", "README.md", ".gitattributes", "assets/logo.png", "original/params.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    left = ["consolidated.safetensors", "original/consolidated.00.pth", "pytorch_model.bin.index.json", "q4.gguf"]
    for name in left:
        (folder / name).write_text(name)
    (folder / ".cache").mkdir()
    (folder / ".cache" / "lock").write_text("")
    found = carried(folder, read_index(folder), "refuse")
    assert sorted(found.files) == sorted(
        [".gitattributes", "LICENSE", "README.md", "assets/logo.png", "chat_template.jinja", "original/params.json"]
        + ["tokenizer.json"]
    )
    assert sorted(found.left_out) == left
    assert found.rewritten == {}


def test_programs_are_refused_unless_the_caller_decides(folder: Path) -> None:
    (folder / "modeling_tiny.py").write_text("print('hello')")
    index = read_index(folder)
    with pytest.raises(
        CheckpointError, match="modeling_tiny.py: the model comes with a program; read the program first"
    ):
        carried(folder, index, "refuse")
    assert "modeling_tiny.py" in carried(folder, index, "carry").files
    assert "modeling_tiny.py" in carried(folder, index, "drop").left_out


def test_what_would_load_a_program_is_refused_carried_or_taken_out(folder: Path) -> None:
    text = json.dumps({"auto_map": {"AutoTokenizer": "x.Y"}, "pad": "é"})
    (folder / "tokenizer_config.json").write_text(text)
    index = read_index(folder)
    with pytest.raises(CheckpointError, match="tokenizer_config.json: auto_map names programs"):
        carried(folder, index, "refuse")
    assert carried(folder, index, "carry").rewritten == {}
    dropped = carried(folder, index, "drop")
    assert "tokenizer_config.json" not in dropped.files
    assert json.loads(dropped.rewritten["tokenizer_config.json"]) == {"pad": "é"}


def test_the_config_is_held_to_the_same(folder: Path) -> None:
    config = {"model_type": "x", "auto_map": {"AutoModel": "y.Z"}}
    with pytest.raises(CheckpointError, match="config.json: auto_map names programs.*--remote-code"):
        allowed_config(config, "refuse")
    assert allowed_config(config, "carry") == config
    assert allowed_config(config, "drop") == {"model_type": "x"}
    assert allowed_config({"a": 1}, "refuse") == {"a": 1}


def test_links_of_a_download_cache_are_followed_and_others_refused(folder: Path) -> None:
    blobs = folder.parent.parent / "blobs"
    blobs.mkdir()
    (blobs / "1234").write_text("vocabulary")
    (folder / "vocab.txt").symlink_to("../../blobs/1234")
    index = read_index(folder)
    assert "vocab.txt" in carried(folder, index, "refuse").files
    secret = folder.parent.parent.parent / "secret"
    secret.write_text("mine")
    (folder / "notes.txt").symlink_to(secret)
    with pytest.raises(CheckpointError, match="notes.txt: the link points out of the model's folder"):
        carried(folder, index, "refuse")


def test_what_is_no_file_is_left_out(folder: Path, tmp_path: Path) -> None:
    (folder / "gone.txt").symlink_to("nowhere")
    (folder / "others").symlink_to(tmp_path)
    assert carried(folder, read_index(folder), "refuse").left_out == ("gone.txt", "others")


def test_a_name_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "a\nb").write_text("")
    with pytest.raises(CheckpointError, match="a name must be printable"):
        carried(folder, read_index(folder), "refuse")


def test_a_folder_of_everything_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry, "FILES_MAX", 3)
    with pytest.raises(CheckpointError, match="more than 3 files"):
        carried(folder, read_index(folder), "refuse")
