"""Chunks of a streamed chat completion, gathered to pieces of text and one end, whatever the endpoint sends.

Nothing that comes is trusted: fields may be absent, null or of another type; then they count as absent.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from cadence.models.chat import Call, Done, Finish, ModelError, ToolCall, Usage, tokens_about

ANSWER_CHARS_MAX = 2_000_000  # of one answer, arguments of tools included
TOOL_CALLS_MAX = 64
TOKENS_MAX = 10**12  # a larger count is none
_BROKEN_OFF = ("abort", "error")  # vLLM's words for what went wrong inside
_CHOICES = ("stop", "length", "tool_calls", "function_call")


@dataclass(slots=True)
class _Tool:
    id: str = ""
    name: str = ""
    arguments: str = ""


class Gathering:
    """One answer of the endpoint `where` (how errors call it), as far as it came."""

    def __init__(self, call: Call, where: str) -> None:
        self._call, self._where = call, where
        self._chars = 0
        self._said: str | None = None  # the reason for the end
        self._usage: Usage | None = None
        self._tools: dict[int, _Tool] = {}

    def take(self, chunk: object) -> str:
        """The text that a chunk adds, often none. Raises `ModelError`."""
        self._usage = _usage(_of(chunk, "usage")) or self._usage
        choices = _of(chunk, "choices")
        if not isinstance(choices, list) or not choices:
            return ""
        said = _of(choices[0], "finish_reason")
        if isinstance(said, str) and said:
            self._said = said
        delta = _of(choices[0], "delta")
        tools = _of(delta, "tool_calls")
        for at, tool in enumerate(tools if isinstance(tools, list) else ()):
            self._take_tool(at, tool)
        text = _text(_of(delta, "content"))
        self._count(text)
        return text

    def done(self) -> Done:
        """The end, once no chunk comes any more. Raises `ModelError` where the answer broke off."""
        if self._said is None:
            text = f"{self._where}: expected an answer to its end, but it broke off: try again"
            raise ModelError("unreachable", text)
        if self._said in _BROKEN_OFF:
            raise ModelError("unreachable", f"{self._where}: the endpoint gave the answer up: see its log, try again")
        if self._said == "content_filter":
            text = f"{self._where}: the endpoint's filter withholds the answer: ask otherwise, or use another model"
            raise ModelError("invalid", text)
        calls = tuple(ToolCall(tool.id, tool.name, tool.arguments) for tool in self._tools.values() if tool.name)
        finish: Finish = "tools" if calls else "length" if self._said == "length" else "stop"
        return Done(finish, self._usage or self._estimated(), calls)

    def _estimated(self) -> Usage:
        prompt = sum(tokens_about(message.text) for message in self._call.messages)
        return Usage(prompt, -(-self._chars // 4))

    def _take_tool(self, at: int, tool: object) -> None:
        index = _of(tool, "index")
        number = index if isinstance(index, int) else at
        if number not in self._tools and len(self._tools) >= TOOL_CALLS_MAX:
            text = (
                f"{self._where}: expected at most {TOOL_CALLS_MAX} calls of tools in an answer, got more: ask for less"
            )
            raise ModelError("invalid", text)
        kept = self._tools.setdefault(number, _Tool())
        function = _of(tool, "function")
        kept.id = kept.id or _text(_of(tool, "id"))
        kept.name = kept.name or _text(_of(function, "name"))
        arguments = _text(_of(function, "arguments"))
        kept.arguments += arguments
        self._count(arguments)

    def _count(self, text: str) -> None:
        self._chars += len(text)
        if self._chars > ANSWER_CHARS_MAX:
            text = f"{self._where}: expected an answer of at most {ANSWER_CHARS_MAX} characters, got more: use another"
            raise ModelError("invalid", text)


def _of(thing: object, key: str) -> object:
    """A field of an object or a table."""
    return thing.get(key) if isinstance(thing, dict) else getattr(thing, key, None)


def _text(value: object) -> str:
    """A string that can be encoded: halves of surrogate pairs, which JSON allows, are replaced."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _usage(usage: object) -> Usage | None:
    prompt, answer = _tokens(_of(usage, "prompt_tokens")), _tokens(_of(usage, "completion_tokens"))
    if prompt is None or answer is None:
        return None
    cached = _tokens(_of(_of(usage, "prompt_tokens_details"), "cached_tokens")) or 0
    return Usage(prompt, answer, min(cached, prompt))


def _tokens(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= TOKENS_MAX else None
