from __future__ import annotations

import json

import pytest

from cadence.models.chat import ToolCall
from cadence.personas.tools import ARGUMENT_CHARS_MAX, KEYS, TOOLS, ToolResult, ToolRun, part_of, read_call


def call(name: str, arguments: str) -> ToolCall:
    return ToolCall("c1", name, arguments)


def test_a_call_is_read_as_the_text_that_the_tool_works_on() -> None:
    asked = call("calculate", '{"expression": "6*7"}')
    assert read_call(asked, ["calculate"]) == ToolRun(asked, "calculate", "6*7")


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("python", '{"code": "1"}', "expected one of the tools calculate, got 'python'"),
        ("rm", "{}", "expected one of the tools calculate, got 'rm'"),
        ("calculate", "{", 'expected the arguments as JSON, {"expression": "..."}, got something else'),
        ("calculate", "[" * 100_000, 'expected the arguments as JSON, {"expression": "..."}, got something else'),
        ("calculate", '["6*7"]', 'expected a text in "expression", got none'),
        ("calculate", '{"expression": 42}', 'expected a text in "expression", got none'),
        ("calculate", '{"expression": " "}', 'expected a text in "expression", got none'),
        (
            "calculate",
            json.dumps({"expression": "1" * (ARGUMENT_CHARS_MAX + 1)}),
            'expected at most 8000 characters in "expression", got 8001',
        ),
    ],
)
def test_a_wrong_call_is_answered_with_what_is_wrong(name: str, arguments: str, error: str) -> None:
    asked = call(name, arguments)
    assert read_call(asked, ["calculate"]) == ToolResult(asked, error=error)


def test_a_mind_without_tools_is_told_so() -> None:
    found = read_call(call("calculate", "{}"), [])
    assert isinstance(found, ToolResult) and found.error == "expected one of the tools (none), got 'calculate'"


def test_everybody_sees_call_and_outcome() -> None:
    asked = call("calculate", '{"expression": "6*7"}')
    assert json.loads(part_of(ToolResult(asked, "42")).body) == {"call": {"expression": "6*7"}, "result": "42"}
    failed = part_of(ToolResult(call("calculate", "{"), error="nonsense"))
    assert (failed.kind, failed.name) == ("tool", "calculate")
    assert json.loads(failed.body) == {"call": "{", "error": "nonsense"}


def test_the_model_is_told_of_errors_as_errors() -> None:
    assert ToolResult(call("calculate", ""), "42").told == "42"
    assert ToolResult(call("calculate", ""), error="nonsense").told == "error: nonsense"


def test_every_tool_has_one_argument_which_its_schema_requires() -> None:
    assert {name: [key] for name, key in KEYS.items()} == {
        name: tool.schema["required"] for name, tool in TOOLS.items()
    }
