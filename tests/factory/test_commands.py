"""`cadence forge` as people and programs use it: what it prints, what it refuses, and what it never leaves behind."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cadence.cli import app
from cadence.factory.plan import Plan
from cadence.factory.profile.sums import Profile
from tests.factory import giants
from tests.factory.profile.made import profile, tally
from tests.factory.test_estimate import TINY

MADE = profile({2: {"all": tally([2, 1, 1, 0], [0.4, 0.3, 0.2, 0.0])}, 3: {"all": tally([1] * 4, [0.1] * 4)}})
TEXT = [f"the {name} of number {at} is near" for at in range(40) for name in ("cat", "dog")]
CORPUS = "".join(json.dumps({"text": text, "domain": text.split()[1]}) + "\n" for text in TEXT)
PIN = hashlib.sha256(CORPUS.encode()).hexdigest()


def forge(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["forge", *map(str, arguments)])


def read(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def refused(result: Result, sentence: str) -> None:
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture
def known(tmp_path: Path) -> Path:
    (tmp_path / "p.json").write_text(MADE.to_json())
    return tmp_path / "p.json"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "corpus.jsonl").write_text(CORPUS)
    return tmp_path / "corpus.jsonl"


def test_several_plans_of_one_profile(known: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan-{keep}.json"
    made = read(forge("plan", known, "--keep", 3, "--keep", 2, "--no-protect", "--out", out, "--json"))["plans"]
    plans = [Plan.from_json(Path(each["file"]).read_text()) for each in made]
    assert [plan.uniform for plan in plans] == [3, 2]
    assert [plan.sha256 for plan in plans] == [each["sha256"] for each in made]
    assert made[1]["overlap"]["count"] == 1.0
    assert made[1]["findings"]["2"]["traffic"] == 0.75


def test_a_plan_tells_what_it_costs(known: Path, tmp_path: Path) -> None:
    result = forge("plan", known, "--keep", 2, "--no-protect", "--layers", "--out", tmp_path / "a.json")
    assert "keeps 2 of 4 experts in 2 layers" in result.stdout
    assert "layer 3 loses most: it keeps 50.0%" in result.stdout
    assert "experts in common with other metrics: weighted_ean 100%" in result.stdout
    assert "never asked" in result.stdout


def test_a_plan_that_cannot_be_made_writes_nothing(known: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan-{keep}.json"
    refused(forge("plan", known, "--keep", 3, "--keep", 1, "--out", out), "each token is sent to 2")
    refused(forge("plan", known, "--keep", 3, "--metric", "l1", "--out", out), "expected a metric of reap")
    refused(forge("plan", known, "--keep", 3, "--keep", 2, "--out", tmp_path / "x.json"), "put {keep} into --out")
    refused(forge("plan", tmp_path / "none", "--keep", 3, "--out", out), "none: No such file or directory")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.json"]
    (tmp_path / "plan-3.json").write_text("mine")
    refused(forge("plan", known, "--keep", 3, "--out", out), "plan-3.json exists; nothing is overwritten")
    assert (tmp_path / "plan-3.json").read_text() == "mine"


def test_parts_are_joined_to_the_bytes_of_the_whole(tmp_path: Path) -> None:
    tokens = {"all": 4}
    layer = {"all": tally([2, 1, 1, 0], [0.4, 0.3, 0.2, 0.0])}
    halves = [profile({2: layer}, done=done, mix=tokens) for done in (((0, 2),), ((2, 4),))]
    for at, half in enumerate(halves):
        (tmp_path / f"{at}.json").write_text(half.to_json())
    joined = read(forge("join", tmp_path / "1.json", tmp_path / "0.json", "--out", tmp_path / "all.json", "--json"))
    assert joined["whole"]
    assert (tmp_path / "all.json").read_text() == halves[0].plus(halves[1]).to_json()
    refused(
        forge("join", tmp_path / "1.json", tmp_path / "1.json", "--out", tmp_path / "b.json"), "a batch counts once"
    )
    refused(forge("plan", tmp_path / "0.json", "--keep", 2), "join its parts, or resume")
    assert not (tmp_path / "b.json").exists()


def test_everything_can_be_looked_at(known: Path, tmp_path: Path) -> None:
    assert read(forge("inspect", known, "--json"))["kind"] == "profile"
    for metric in ("reap", "random"):
        forge("plan", known, "--keep", 2, "--metric", metric, "--out", tmp_path / metric)
    assert read(forge("inspect", tmp_path / "random", "--json"))["metric"] == "random"
    both = read(forge("inspect", tmp_path / "reap", tmp_path / "random", "--json"))
    assert set(both["layers"]) == {"2", "3"}
    folder = giants.write(tmp_path / "model", TINY)
    assert read(forge("inspect", folder, "--json"))["experts"] == 32
    assert "2 layers of 32 experts" in forge("inspect", folder).stdout


def test_what_is_none_of_these_is_said_to_be_none(known: Path, tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"\xff" * 100)
    refused(forge("inspect", tmp_path / "weights.safetensors"), "neither a profile nor a plan")
    refused(forge("inspect", tmp_path), "config.json: the file is missing")
    refused(forge("inspect", known, known), "expected a plan with schema")
    refused(forge("inspect", known, known, known), "expected one path, or two plans, got 3")


def test_a_dry_run_needs_no_weights(tmp_path: Path) -> None:
    folder = giants.write(tmp_path / "model", TINY)
    found = read(forge("surgery", folder, "--dry-run", "--keep", 16, "--json"))
    assert [size["keep"] for size in found["sizes"]] == [32, 16]
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors.index.json"]
    refused(forge("surgery", folder), "surgery needs --plan and --out")
    refused(forge("surgery", folder, "--remote-code", "run"), "--remote-code is refuse, carry or drop, not 'run'")


def test_a_corpus_is_looked_at_before_torch_is(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    refused(forge("profile", tmp_path, "--corpus", corpus, "--out", out), "corpus.jsonl is not pinned; look at it")
    refused(
        forge("profile", tmp_path, "--corpus", corpus, "--out", out, "--sha256", "ab"), "expected ab; it is another"
    )
    bench = tmp_path / "bench.jsonl"
    bench.write_text(json.dumps({"prompt": TEXT[6]}))
    pinned = ("--corpus", corpus, "--sha256", PIN, "--out", out)
    refused(
        forge("profile", tmp_path, *pinned, "--benchmark", bench), "cat document 4 holds text of bench.jsonl, line 1"
    )
    refused(forge("profile", tmp_path, *pinned[:-1], corpus), "corpus.jsonl exists; nothing is overwritten")
    assert not out.exists()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    import tokenizers
    import transformers

    from tests.factory.tiny import make

    folder = make("olmoe", tmp_path / "tiny-olmoe")
    words = sorted({word for text in TEXT for word in text.split()})
    vocabulary = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, **{word: 4 + at for at, word in enumerate(words)}}
    splitter = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    splitter.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=splitter, eos_token="</s>").save_pretrained(folder)
    return folder


@pytest.mark.forge
@pytest.mark.filterwarnings("default")
def test_from_a_model_and_a_text_to_a_smaller_model(model: Path, corpus: Path, tmp_path: Path) -> None:
    out, half = tmp_path / "profile.json", tmp_path / "half"
    pinned = ("--corpus", corpus, "--sha256", PIN, "--length", 16, "--batch", 4)
    made = read(forge("profile", model, *pinned, "--out", out, "--json"))
    assert (made["model"], made["examples"], made["mix"]) == ("tiny-olmoe", 80, {"cat": 320, "dog": 320})
    assert hashlib.sha256(out.read_bytes()).hexdigest() == made["sha256"]
    for part in (1, 2):
        read(forge("profile", model, *pinned, "--part", f"{part}/2", "--out", tmp_path / f"{part}.json", "--json"))
    read(forge("join", tmp_path / "2.json", tmp_path / "1.json", "--out", tmp_path / "joined.json", "--json"))
    assert (tmp_path / "joined.json").read_bytes() == out.read_bytes()
    read(forge("plan", out, "--keep", 4, "--out", tmp_path / "plan.json", "--json"))
    exact = read(forge("surgery", model, "--plan", tmp_path / "plan.json", "--dry-run", "--json"))
    guessed = read(forge("surgery", model, "--dry-run", "--keep", 4, "--json"))["sizes"][1]["bytes"]
    assert exact["bytes"] == guessed
    read(forge("surgery", model, "--plan", tmp_path / "plan.json", "--out", half, "--json"))
    assert read(forge("inspect", half, "--json"))["experts"] == 4
    assert read(forge("inspect", half, "--json"))["bytes"] == exact["bytes"]
    proof = read(forge("prove", model, half, "--plan", tmp_path / "plan.json", "--json"))
    assert (proof["holds"], proof["astray"]) == (True, 0)
    read(forge("plan", out, "--keep", 4, "--metric", "random", "--out", tmp_path / "other.json", "--json"))
    other = forge("prove", model, half, "--plan", tmp_path / "other.json", "--float32")
    assert other.exit_code == 1
    assert "do not use it" in other.stderr
    assert Profile.from_json(out.read_bytes()).whole
    assert not list(tmp_path.glob("*.partial*"))


@pytest.mark.forge
@pytest.mark.filterwarnings("default")
def test_a_tokenizer_of_another_model_is_refused(model: Path, corpus: Path, tmp_path: Path) -> None:
    file = model / "tokenizer.json"
    read_file = json.loads(file.read_text())
    read_file["model"]["vocab"]["cat"] = 9_999
    file.write_text(json.dumps(read_file))
    result = forge("profile", model, "--corpus", corpus, "--sha256", PIN, "--out", tmp_path / "x.json", "--length", 16)
    refused(result, "the tokenizer says token 9999, the model knows 96")


@pytest.mark.forge
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("tensor", ["layers.1.mlp.experts.3.down_proj", "layers.0.input_layernorm"])
def test_a_weight_that_is_no_number_is_named_by_file_and_tensor(
    model: Path, corpus: Path, tmp_path: Path, tensor: str
) -> None:
    import safetensors.torch

    file = model / "model.safetensors"
    tensors = safetensors.torch.load_file(file)
    tensors[f"model.{tensor}.weight"][1] = float("nan")
    safetensors.torch.save_file(tensors, file, metadata={"format": "pt"})
    result = forge("profile", model, "--corpus", corpus, "--sha256", PIN, "--out", tmp_path / "x.json", "--length", 16)
    refused(result, f"model.safetensors: model.{tensor}.weight: a weight is NaN or infinite; download the file again")
    assert not (tmp_path / "x.json").exists()
