"""What is made of the chunks of an answer, sane or not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.models import gathering as module
from cadence.models.chat import Call, ChatMessage, Done, ModelError, ToolCall, Usage
from cadence.models.gathering import Gathering
from tests.models.fake_endpoint import chunk

CALL = Call((ChatMessage("user", "hello you"),), tokens_max=50)


def gathered(*chunks: object) -> tuple[str, Done]:
    gathering = Gathering(CALL, "models/x.toml:1")
    text = "".join(gathering.take(each) for each in chunks)
    return text, gathering.done()


def tool(index: int | None, **function: Any) -> dict[str, Any]:
    id = function.pop("id", None)
    return chunk(tool_calls=[{"index": index, "id": id, "function": function}])


def test_text_and_end() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 8}}
    parts = (chunk("a"), chunk("b"), chunk(finish="length"), {"choices": [], "usage": usage})
    assert gathered(*parts) == ("ab", Done("length", Usage(9, 2, 8)))


def test_calls_of_tools_come_in_parts_and_side_by_side() -> None:
    parts = (
        tool(0, id="x", name="clock", arguments="{"),
        tool(1, id="y", name="post", arguments=""),
        tool(0, arguments="}"),
        tool(1, name="again", arguments="[]"),
    )
    _, done = gathered(*parts, chunk(finish="stop"))
    assert done.finish == "tools"
    assert done.calls == (ToolCall("x", "clock", "{}"), ToolCall("y", "post", "[]"))


def test_a_tool_without_a_name_is_none() -> None:
    assert gathered(tool(0, arguments="{}"), chunk(finish="stop"))[1].finish == "stop"


@pytest.mark.parametrize(
    ("finish", "trouble"),
    [(None, "unreachable"), ("abort", "unreachable"), ("error", "unreachable"), ("content_filter", "invalid")],
)
def test_an_answer_that_broke_off_is_none(finish: str | None, trouble: str) -> None:
    with pytest.raises(ModelError, match="models/x.toml:1") as caught:
        gathered(chunk("a", finish))
    assert caught.value.trouble == trouble


def test_halves_of_characters_are_replaced() -> None:
    text, _ = gathered(chunk("a\ud83dz"), chunk("\ud83d\ude00", "stop"))
    assert text == "a\ufffdz😀" and text.encode()


def test_an_answer_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_CHARS_MAX", 10)
    with pytest.raises(ModelError, match="at most 10 characters"):
        gathered(chunk("x" * 6), tool(0, name="a", arguments="y" * 5))


def test_calls_of_tools_have_a_bound() -> None:
    with pytest.raises(ModelError, match="at most 64 calls of tools"):
        gathered(*(tool(at, name="a") for at in range(65)))


@pytest.mark.parametrize(
    "usage",
    [None, 7, {}, {"prompt_tokens": -1, "completion_tokens": 1}, {"prompt_tokens": "9", "completion_tokens": True}],
)
def test_a_count_that_is_none_is_estimated(usage: object) -> None:
    assert gathered(chunk("x" * 9, "stop"), {"usage": usage})[1].usage == Usage(3, 3)


KEYS = st.sampled_from("choices delta content tool_calls function name arguments index usage finish_reason id".split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@given(st.lists(JSON))
def test_no_chunk_whatever_is_more_than_a_model_error(chunks: list[object]) -> None:
    try:
        text, _ = gathered(*chunks)
    except ModelError:
        return
    text.encode()
