"""Command lines of model servers, and everything that speaks against starting one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cadence.fields import Report
from cadence.models.cards import ModelCard, Serve, parse_model_card
from cadence.models.launch import (
    GIB,
    Launch,
    LaunchError,
    Machine,
    Model,
    Wanted,
    cores_of,
    described,
    launch,
    wanted_by,
)
from cadence.models.onhand import read_model
from tests.models.serving import dense

MACHINE = Machine(frozenset(range(4)), 16.0)
GGUF = Model("/m/smol.gguf", 100_000_000)
CARD = """\
endpoint = "http://127.0.0.1:8123/v1"
served = "tiny"
context_tokens = 2048
calls_max = 6
key_env = "TINY_KEY"

[serve]
model = "shelf/tiny"
cores = "1-2"
cache_gib = 2
memory_gib = 6
dtype = "bfloat16"
tool_parser = "hermes"
"""


def card(text: str) -> ModelCard:
    report = Report("models/local.toml")
    made = parse_model_card("local", text, report)
    assert made is not None, report.all()
    return made


def launched(model: Model, wanted: Wanted, machine: Machine = MACHINE) -> Launch:
    return launch(model, wanted, machine, "/e/bin/python", "/cache", "/p/llama_server.py")


def told(model: Model, wanted: Wanted, machine: Machine = MACHINE) -> str:
    with pytest.raises(LaunchError) as caught:
        launched(model, wanted, machine)
    return str(caught.value)


def test_a_card_says_how_vllm_is_started(tmp_path: Path) -> None:
    model = read_model(dense(tmp_path))
    made = launched(model, wanted_by(card(CARD), "secret"))
    line = " ".join(made.argv)
    assert line.startswith(f"/e/bin/python -m vllm.entrypoints.openai.api_server --model {tmp_path} --host 127.0.0.1")
    for part in (
        "--port 8123",
        "--served-model-name tiny",
        "--max-model-len 2048",
        "--max-num-seqs 6",
        "--dtype bfloat16",
        "--enforce-eager",
        "--enable-prefix-caching",
        "--stream-interval 8",
        "--enable-auto-tool-choice --tool-call-parser hermes",
    ):
        assert part in line
    assert made.environment["HF_HUB_OFFLINE"] == made.environment["VLLM_NO_USAGE_STATS"] == "1"
    assert made.environment["VLLM_CPU_KVCACHE_SPACE"] == "2"
    assert made.environment["VLLM_CPU_OMP_THREADS_BIND"] == "1,2"
    assert made.environment["VLLM_CACHE_ROOT"] == "/cache"
    assert (made.cores, made.memory_gib, made.address) == (frozenset({1, 2}), 6, "http://127.0.0.1:8123/v1")


def test_a_key_is_never_among_the_arguments(tmp_path: Path) -> None:
    for model in (read_model(dense(tmp_path)), GGUF):
        made = launched(model, wanted_by(card(CARD), "secret"))
        assert "secret" not in " ".join(made.argv) and "secret" not in described(made)
        assert "secret" in str(made.environment if model.engine == "vllm" else made.settings)


def test_on_a_gpu_nothing_is_said_of_cpus(tmp_path: Path) -> None:
    made = launched(read_model(dense(tmp_path)), Wanted("tiny"), replace(MACHINE, gpu=True, free_gib=0.1))
    assert "--enforce-eager" not in made.argv
    assert not any("CPU" in name for name in made.environment)


def test_a_folder_alone_is_served_as_is_usual(tmp_path: Path) -> None:
    made = launched(read_model(dense(tmp_path, max_position_embeddings=512)), Wanted("tiny"))
    assert "--max-model-len 512" in " ".join(made.argv)
    assert (made.host, made.port, made.cores) == ("127.0.0.1", 8000, MACHINE.cores)
    longer = read_model(dense(tmp_path, max_position_embeddings=131_072))
    assert "--max-model-len 8192" in " ".join(launched(longer, Wanted("tiny")).argv)


def test_llama_gets_its_settings_apart() -> None:
    made = launched(GGUF, wanted_by(card(CARD), None))
    assert made.argv == ("/e/bin/python", "/p/llama_server.py")
    assert made.settings == {
        "model": "/m/smol.gguf",
        "served": "tiny",
        "host": "127.0.0.1",
        "port": 8123,
        "context_tokens": 2048 * 2,
        "slots": 2,
        "threads": 2,
        "key": None,
    }


def test_every_fault_of_the_files_is_told(tmp_path: Path) -> None:
    model = read_model(dense(tmp_path))
    bare = replace(model, files=frozenset({"config.json"}))
    said = told(bare, Wanted("tiny")).splitlines()
    assert len(said) == 2
    assert "expected a tokenizer (tokenizer.json), got none" in said[0]
    assert "expected a chat template, got none: save one beside it as chat_template.jinja" in said[1]
    launched(
        replace(model, files=frozenset({"tokenizer.json"}), tokenizer_config={"chat_template": "x"}), Wanted("tiny")
    )


def test_a_context_ends_where_the_positions_do(tmp_path: Path) -> None:
    model = read_model(dense(tmp_path, max_position_embeddings=512))
    wanted = Wanted("tiny", context_tokens=1_024)
    assert "expected a context of at most the model's 512 positions, got 1024: lower it" in told(model, wanted)
    for key, scaling in (("rope_scaling", {"type": "yarn"}), ("rope_parameters", {"rope_type": "llama3"})):
        launched(replace(model, config={**model.config, key: scaling}), wanted)


def test_a_broken_mixture_is_not_started(tmp_path: Path) -> None:
    model = read_model(dense(tmp_path))
    assert model.checkpoint is not None
    tensor = next(iter(model.checkpoint.tensors.values()))
    name = "model.layers.0.mlp.experts.5.up_proj.weight"
    broken = replace(model.checkpoint, tensors={name: replace(tensor, name=name)})
    config = {"num_experts": 2, "num_experts_per_tok": 1, "hidden_size": 32}
    said = told(replace(model, checkpoint=broken, config=config), Wanted("tiny"))
    assert "expert 5 lies beyond the 2" in said and "2 of 2 experts are missing" in said


def test_what_does_not_fit_into_memory_is_not_started(tmp_path: Path) -> None:
    model = replace(read_model(dense(tmp_path)), bytes=20 * GIB)
    assert "expected 22.75 GiB of free memory (weights 20.00, cache 1.00, vllm itself), got 16.00" in told(
        model, Wanted("t")
    )
    wider = replace(MACHINE, free_gib=2.75)
    launched(replace(model, bytes=0), Wanted("t", serve=Serve(model="", dtype="bfloat16")), wider)
    assert "expected 2.75 GiB" in told(
        replace(model, bytes=0), Wanted("t", serve=Serve(model="", dtype="float32")), wider
    )
    small = Wanted("t", serve=Serve(model="", memory_gib=1.0))
    assert "expected memory_gib of at least 1.34" in told(GGUF, small)


def test_cores_must_be_there() -> None:
    wanted = Wanted("t", serve=Serve(model="", cores="2-5"))
    assert "expected cores that this process may use (4 cores, 0 to 3), got 4" in told(GGUF, wanted)
    none = Wanted("t", serve=Serve(model="", cores="3-1"))
    assert "expected a list of cores such as 0-3, got 3-1, which names none" in told(GGUF, none)


@pytest.mark.parametrize(("text", "cores"), [("0", {0}), ("0-2,5", {0, 1, 2, 5}), ("3-1", set())])
def test_lists_of_cores(text: str, cores: set[int]) -> None:
    assert cores_of(text) == cores


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('endpoint = "http://127.0.0.1:1/v1"', "models/local.toml: expected a table [serve] with the model to start"),
        ('endpoint = "https://api.example.com/v1"', "models/local.toml:1: expected one endpoint like"),
        ('endpoint = "http://127.0.0.1:1/other"', "models/local.toml:1: expected one endpoint like"),
        (
            'endpoints = ["http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"]',
            "models/local.toml:1: expected one endpoint",
        ),
    ],
)
def test_a_card_of_a_model_elsewhere_is_not_served_here(text: str, said: str) -> None:
    its_own = "" if "[serve]" in said else '\n[serve]\nmodel = "x"'
    with pytest.raises(LaunchError) as caught:
        wanted_by(card(text + its_own), None)
    assert said in str(caught.value)


def test_an_address_of_the_sixth_version_is_bracketed() -> None:
    assert launched(GGUF, Wanted("t", host="::1")).address == "http://[::1]:8000/v1"
    assert described(launched(GGUF, Wanted("t"))) == "t with llama at http://127.0.0.1:8000/v1, 4 cores from 0"
