"""Model cards: what a host may write, and what is said of what cannot be used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.fields import Report
from cadence.models.cards import Budget, Limits, ModelCard, Price, Serve, _Fields, parse_model_card
from tests.source import ROOT

SECRET = "sk-live-0123456789"
WHOLE = """\
endpoints = ["http://127.0.0.1:8000/v1/", "http://127.0.0.1:8001/v1"]
served = "Qwen/Qwen3-8B"
context_tokens = 32768
key_env = "QWEN_KEY"
calls_max = 8
tokens_s = 40

[price]
prompt = 0.2
answer = 0.8

[limits]
first_s = 10

[budget]
cost_day = 5

[budget.reader]
tokens_day = 20000

[extra.chat_template_kwargs]
enable_thinking = false

[serve]
model = "shelf/qwen"
cores = "0-3"
"""


def parse(text: str) -> tuple[ModelCard | None, list[str]]:
    report = Report("models/local.toml")
    return parse_model_card("local", text, report), [str(problem) for problem in report.all()]


def test_an_endpoint_is_a_whole_card() -> None:
    card, problems = parse('endpoint = "http://127.0.0.1:11434/v1"')
    assert problems == [] and card is not None
    assert (card.endpoints, card.served, card.context_tokens) == (("http://127.0.0.1:11434/v1",), "local", 8192)
    assert (card.key_env, card.price, card.limits) == (None, Price(), Limits(5, 60, 30, 300))


def test_a_card_says_all_there_is_to_say() -> None:
    card, problems = parse(WHOLE)
    assert problems == [] and card is not None
    assert card.endpoints == ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8001/v1")
    assert (card.served, card.key_env, card.calls_max, card.tokens_s) == ("Qwen/Qwen3-8B", "QWEN_KEY", 8, 40.0)
    assert (card.price, card.limits.first_s) == (Price(prompt=0.2, answer=0.8), 10)
    assert isinstance(card.budget, Budget)
    assert (card.budget.cost_day, card.budget.reader.tokens_day, card.budget.room.tokens_day) == (5, 20000, None)
    assert card.extra == {"chat_template_kwargs": {"enable_thinking": False}}
    assert card.serve == Serve(model="shelf/qwen", cores="0-3")


def test_a_card_knows_where_its_keys_stand() -> None:
    card, _ = parse(WHOLE)
    assert card is not None
    keys = (
        "endpoints",
        "served",
        "limits.first_s",
        "budget.reader.tokens_day",
        "serve.cores",
        "serve",
        "price.currency",
    )
    assert [card.at(key).partition(":")[2] for key in keys] == ["1", "2", "13", "19", "26", "24", ""]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "`endpoint`: missing; expected an address like http://127.0.0.1:8000/v1, or a list of them as endpoints"),
        ('endpont = "http://x/v1"', "1: `endpont`: unknown key; the nearest known key is `endpoint`"),
        ('endpoint = "127.0.0.1:8000"', "1: `endpoint`: expected an address like http://127.0.0.1:8000/v1, got"),
        ('endpoint = "http://x:99999/v1"', "1: `endpoint`: expected an address like"),
        ('endpoint = "http://x/v1/chat/completions"', "1: `endpoint`: expected the address before /chat/completions"),
        ("endpoints = []", "1: `endpoints`: expected a list of 1 to 64 addresses"),
        ('endpoint = "http://x"\nendpoints = ["http://y"]', "2: `endpoints`: expected endpoint or endpoints, got both"),
        ('endpoint = "http://x"\nserved = "a b"', "2: `served`: expected 1 to 200 visible characters, got"),
        ('endpoint = "http://x"\ncontext_tokens = 1', "2: `context_tokens`: expected"),
        (
            'endpoint = "http://x"\n[price]\npromt = 1',
            "3: `price.promt`: unknown key; the nearest known key is `prompt`",
        ),
        ('endpoint = "http://x"\n[price]\nanswer = -1', "3: `price.answer`: expected"),
        ('endpoint = "http://x"\n[budget.rooms]\n', "2: `budget.rooms`: unknown key; the nearest known key is `room`"),
        ('endpoint = "http://x"\n[extra]\nmodel = "y"', "3: `extra.model`: this field follows from the call"),
        ('endpoint = "http://x"\n[serve]\nmodel = "y"\ncores = "all"', "4: `serve.cores`: expected cores such as"),
        ('endpoint = "http://x', "1: expected TOML, but"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_line(text: str, problem: str) -> None:
    card, problems = parse(text)
    assert card is None
    assert any(problem in told and told.startswith("models/local.toml:") for told in problems), problems


@pytest.mark.parametrize(
    "line",
    [
        f'key_env = "{SECRET}"',
        f'key_env = ["{SECRET}"]',
        f'key = "{SECRET}"',
        f'api_key = "{SECRET}"',
        f'endpoint = "http://user:{SECRET}@x/v1"',
        f'endpoint = "http://x/v1?key={SECRET}"',
        f'endpoint = ["{SECRET}"]',
        f'endpoints = ["http://x/v1#{SECRET}"]',
        f"key_env = {SECRET}",
    ],
)
def test_a_key_in_a_card_is_refused_and_never_repeated(line: str) -> None:
    card, problems = parse(line if "endpoint" in line else f'endpoint = "http://x/v1"\n{line}')
    assert card is None and problems
    assert SECRET not in " ".join(problems)


@given(st.text() | st.text(alphabet='\n="[]{}.endpoitkyhp:/', max_size=60).map(lambda text: f'endpoint = "{text}"'))
def test_no_text_whatever_makes_parsing_fail(text: str) -> None:
    card, problems = parse(text)
    assert (card is None) == bool(problems)


def test_the_guide_names_every_key() -> None:
    guide = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    keys = [key for kind in (_Fields, Price, Limits, Budget, Serve) for key in kind.__struct_encode_fields__]
    assert [key for key in keys if f"`{key}`" not in guide and f"{key}]" not in guide and f"{key} =" not in guide] == []
