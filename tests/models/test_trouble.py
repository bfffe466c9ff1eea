"""What refusals mean, and that no error repeats a key."""

from __future__ import annotations

import pytest

from cadence.models.cards import ModelCard
from cadence.models.chat import Call, ChatMessage, ModelError
from cadence.models.trouble import SAID_CHARS_MAX, Refusal, refused, shown, where

KEY = "sk-a-very-secret-key-0123456789"
LINES = {"endpoints": 1, "served": 2, "context_tokens": 3, "key_env": 4}
CARD = ModelCard("local", ("http://x/v1",), "tiny", "models/local.toml", key_env="TINY_KEY", lines=LINES)
CALL = Call((ChatMessage("user", "hello you"),), tokens_max=50)


def of(status: int, said: str = "", again_s: float | None = None) -> ModelError:
    return refused(CARD, "http://x/v1", CALL, Refusal(status, said, again_s), KEY)


@pytest.mark.parametrize(
    ("status", "said", "trouble"),
    [
        (401, "Incorrect API key", "forbidden"),
        (403, "", "forbidden"),
        (402, "pay first", "forbidden"),
        (404, "The model `nope` does not exist.", "unknown_model"),
        (400, "This model's maximum context length is 512 tokens. However, you requested 600", "too_long"),
        (400, "the request exceeds the available context size exceed_context_size_error", "too_long"),
        (400, "'max_tokens' or 'max_completion_tokens' is too large: 4000.", "too_long"),
        (413, "prompt too long", "too_long"),
        (500, "the prompt exceeds the context window", "too_long"),
        (400, "messages must not be empty", "invalid"),
        (422, "unprocessable", "invalid"),
        (501, "response_format", "invalid"),
        (307, "", "invalid"),
        (408, "", "timed_out"),
        (504, "", "timed_out"),
        (429, "slow down", "overloaded"),
        (429, "You exceeded your quota: insufficient_quota", "overloaded"),
        (503, "loading", "overloaded"),
        (529, "", "overloaded"),
        (500, "boom", "unreachable"),
        (502, "<html>bad gateway</html>", "unreachable"),
    ],
)  # fmt: skip
def test_refusals_are_sorted(status: int, said: str, trouble: str) -> None:
    error = of(status, said)
    assert error.trouble == trouble
    assert str(error).startswith("models/local.toml:")


def test_each_names_the_line_to_look_at() -> None:
    statuses = {500: "", 404: "", 400: "context length", 401: ""}
    lines = [str(of(status, said)).split(":")[1] for status, said in statuses.items()]
    assert lines == ["1", "2", "3", "4"]
    assert where(ModelCard("a", ("http://x",), "a")) == "models/card.toml"


def test_a_call_that_is_too_long_says_how_long_it_was() -> None:
    assert "(a prompt of about 3 tokens and 50 for the answer)" in str(of(400, "context length"))


@pytest.mark.parametrize(("asked", "kept"), [(3.0, 3.0), (-1.0, 0.0), (1e9, 3600.0), (None, None)])
def test_a_wait_that_is_asked_for_has_a_bound(asked: float | None, kept: float | None) -> None:
    assert of(429, "", asked).again_s == kept


@pytest.mark.parametrize(
    "said",
    [KEY, f"key {KEY}!", "sk-proj-abc*****xyz is wrong", "Authorization: Bearer abcdef", f"Bearer {KEY}"],
)
def test_no_key_is_repeated(said: str) -> None:
    for word in (KEY, "abc", "xyz"):
        assert word not in shown(said, KEY)
    assert KEY not in str(of(500, said))


def test_what_was_said_is_short_and_printable() -> None:
    told = shown("a\n\tb\x1b[31m\u202e " + "x" * 1_000, None)
    assert told.startswith("a b [31m x") and len(told) == SAID_CHARS_MAX
