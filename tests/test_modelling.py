"""The commands `cadence models`, as a host types them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cadence.cli import app
from tests.models.serving import dense

GOOD = 'endpoint = "http://127.0.0.1:9/v1"\nserved = "tiny"\n'


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/good.toml").write_text(GOOD)
    return tmp_path


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["models", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_cards_are_listed(place: Path) -> None:
    assert run("list", "--place", place) == (0, "good: tiny at http://127.0.0.1:9/v1, 8192 tokens, free\n", "")
    code, out, _ = run("list", "--place", place, "--json")
    assert code == 0 and json.loads(out)["models"][0]["id"] == "good"


def test_a_broken_card_is_told_beside_the_others(place: Path) -> None:
    (place / "models/bad.toml").write_text(GOOD + 'pirce = "x"\n')
    code, out, err = run("list", "--place", place)
    assert (code, out.count("\n")) == (1, 1)
    assert err == "models/bad.toml:3: `pirce`: unknown key; the nearest known key is `price`\n"
    code, out, _ = run("check", "--place", place, "--json")
    assert json.loads(out)["problems"] == [err.strip()]


def test_no_cards_are_no_error(tmp_path: Path) -> None:
    assert run("list", "--place", tmp_path) == (0, "no model cards\n", "")
    assert run("check", "--place", tmp_path) == (0, "no model cards\n", "")


@pytest.mark.real_time
def test_an_endpoint_where_nobody_is_fails_with_its_line(place: Path) -> None:
    code, out, err = run("check", "good", "--place", place)
    assert (code, out) == (1, "")
    assert err.startswith("fail  models/good.toml:1: expected an answer from http://127.0.0.1:9/v1, but nobody answers")
    finding = json.loads(run("check", "--place", place, "--json")[1])["findings"][0]
    assert (finding["ok"], finding["trouble"], finding["card"]) == (False, "unreachable", "good")


def test_a_card_that_is_not_there_names_the_nearest(place: Path) -> None:
    for command in ("check", "serve"):
        code, _, err = run(command, "goood", "--place", place)
        assert code == 1 and err.endswith("got none; the nearest is `good`\n")


def test_a_broken_card_is_not_served(place: Path) -> None:
    (place / "models/bad.toml").write_text(GOOD + "calls_max = 0\n")
    code, _, err = run("serve", "bad", "--place", place)
    assert code == 1 and err.startswith("models/bad.toml:3: `calls_max`: expected")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "expected a table [serve] with the model to start"),
        (("--cores", "all"), "expected a table [serve]"),
    ],
)
def test_a_card_of_a_hosted_model_is_not_served(place: Path, arguments: tuple[str, ...], said: str) -> None:
    code, _, err = run("serve", "good", "--place", place, *arguments)
    assert code == 1 and said in err


def test_nothing_is_served_to_others_by_accident(place: Path) -> None:
    code, _, err = run("serve", dense(place / "m"), "--host", "0.0.0.0", "--python", sys.executable)
    assert code == 1
    assert err.startswith("expected a loopback address, got 0.0.0.0: anyone who reaches it may use it; say --expose")


def test_bad_cores_and_a_missing_environment_are_told(place: Path) -> None:
    model = dense(place / "m")
    assert "expected cores such as 0-3,6" in run("serve", model, "--cores", "all")[2]
    assert "expected an environment for vllm, got none" in run("serve", model, "--python", place / "nowhere")[2]


def test_a_model_that_would_answer_wrongly_is_not_served(place: Path) -> None:
    model = dense(place / "m")
    (model / "chat_template.jinja").unlink()
    code, _, err = run("serve", model, "--python", sys.executable, "--data", place)
    assert code == 1 and "expected a chat template, got none" in err


def test_the_model_of_a_card_lies_in_models(place: Path) -> None:
    (place / "models/good.toml").write_text(GOOD + '[serve]\nmodel = "shelf/tiny"\n')
    code, _, err = run("serve", "good", "--place", place)
    assert code == 1 and f"expected a model at {place}/models/shelf/tiny" in err
