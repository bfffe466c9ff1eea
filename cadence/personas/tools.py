"""Tools that a card may give its mind, and what becomes of a call: a program's input, then a `tool` part.

A card names tools, it never brings its own: nothing in a place is run. What a tool runs, it runs in a sandbox.

Pure: no clock, no processes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from cadence.models.chat import Tool, ToolCall
from cadence.rooms.wire import Part

ARGUMENT_CHARS_MAX = 8_000
RESULT_CHARS_MAX = 4_000  # that the model is told and the room is shown

TOOLS: dict[str, Tool] = {
    "calculate": Tool(
        "calculate",
        "Work out an arithmetic expression exactly, such as (17 * 23) ** 2 / 3 or round(sqrt(2), 5).",
        {
            "type": "object",
            "properties": {"expression": {"type": "string"}},
            "required": ["expression"],
            "additionalProperties": False,
        },
    ),
    "python": Tool(
        "python",
        "Run a short Python program (standard library only, no network, no files, 5 seconds) and get what it prints.",
        {
            "type": "object",
            "properties": {"code": {"type": "string"}},
            "required": ["code"],
            "additionalProperties": False,
        },
    ),
}

KEYS = {"calculate": "expression", "python": "code"}  # the one argument of each


@dataclass(frozen=True, slots=True)
class ToolRun:
    """A call that can be run: the tool and the text it works on."""

    call: ToolCall
    tool: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a call; `error` says why nothing did."""

    call: ToolCall
    output: str = ""
    error: str | None = None

    @property
    def told(self) -> str:
        """What the model is told."""
        return self.output if self.error is None else f"error: {self.error}"


def read_call(call: ToolCall, allowed: Iterable[str]) -> ToolRun | ToolResult:
    """The run that a model asks for, or a result that says what is wrong with the call."""
    names = list(allowed)
    if call.name not in names:
        return ToolResult(
            call, error=f"expected one of the tools {', '.join(names) or '(none)'}, got {call.name[:40]!r}"
        )
    key = KEYS[call.name]
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return ToolResult(call, error=f'expected the arguments as JSON, {{"{key}": "..."}}, got something else')
    text = arguments.get(key) if isinstance(arguments, dict) else None
    if not isinstance(text, str) or not text.strip():
        return ToolResult(call, error=f'expected a text in "{key}", got none')
    if len(text) > ARGUMENT_CHARS_MAX:
        return ToolResult(call, error=f'expected at most {ARGUMENT_CHARS_MAX} characters in "{key}", got {len(text)}')
    return ToolRun(call, call.name, text)


def part_of(result: ToolResult) -> Part:
    """A call and what came of it, as everybody in the room may see it."""
    try:
        arguments = json.loads(result.call.arguments)
    except (ValueError, RecursionError):
        arguments = result.call.arguments[:RESULT_CHARS_MAX]
    outcome = {"result": result.output} if result.error is None else {"error": result.error}
    body = json.dumps({"call": arguments, **outcome}, ensure_ascii=False)
    return Part("tool", body, name=result.call.name[:100])
