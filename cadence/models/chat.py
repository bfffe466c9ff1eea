"""What a language model is to the rest of the house: one `Call` goes in, `Piece`s of text and one `Done` come out.

`ChatModel` is all that personas and Alex know of models. What speaks to an endpoint, what picks one of several, and
the scripted fake all keep the same promises, and the same tests hold them to these.

Pure: what streams brings its own loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

TOKEN_CHARS = 4  # English text, about; for planning only, an endpoint counts for itself

Role = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "length", "tools"]
Trouble = Literal[
    "unreachable",  # nobody answers there, or the connection broke
    "forbidden",  # the key is wrong or missing
    "unknown_model",  # the endpoint does not serve this name
    "too_long",  # the call does not fit the model's context
    "overloaded",  # it asks to come back later, or the budget is used up
    "invalid",  # the endpoint understood us and refuses, or answers what is no answer
    "timed_out",
]


class ModelError(Exception):
    """A call that brought no answer. The text is one sentence: what was expected, what came, what to do.

    `passing` tells whether the same call may succeed later or elsewhere; `again_s` is when an endpoint asked to be
    called again, in seconds from now.
    """

    def __init__(self, trouble: Trouble, text: str, *, again_s: float | None = None) -> None:
        super().__init__(text)
        self.trouble = trouble
        self.again_s = again_s

    @property
    def passing(self) -> bool:
        """Whether it is worth trying again."""
        return self.trouble in ("unreachable", "overloaded", "timed_out")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model wants a tool to run; `arguments` is the JSON text as the model wrote it, valid or not."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a model may call; `schema` is the JSON Schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt. `calls` are an assistant's; `answers` is the id of the call that a tool answers."""

    role: Role
    text: str
    calls: tuple[ToolCall, ...] = ()
    answers: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """For whom a call is made, so that what it costs can be counted; an empty string is nobody."""

    room: str = ""
    persona: str = ""
    reader: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. With `schema`, a JSON Schema, the answer's text is JSON; whoever asks checks it all the same."""

    messages: tuple[ChatMessage, ...]
    tokens_max: int  # of the answer
    temperature: float = 0.7
    stop: tuple[str, ...] = ()
    schema: Mapping[str, object] | None = None
    tools: tuple[Tool, ...] = ()
    seed: int | None = None
    account: Account = field(default_factory=Account)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call; `cached_tokens` are those of the prompt that the endpoint had computed before."""

    prompt_tokens: int = 0
    answer_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A further piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end of an answer; `calls` are the tools it wants."""

    finish: Finish
    usage: Usage = field(default_factory=Usage)
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    text: str
    finish: Finish
    usage: Usage
    calls: tuple[ToolCall, ...] = ()


class ChatModel(Protocol):
    """A language model behind a name."""

    @property
    def name(self) -> str:
        """What its card calls it."""
        ...

    @property
    def context_tokens(self) -> int:
        """How much prompt and answer it takes together."""
        ...

    def stream(self, call: Call) -> AsyncIterator[Piece | Done]:
        """Pieces as they come, then one `Done`, which is the last.

        Raises `ModelError`, possibly after some pieces. Cancelling the task that iterates, or closing the iterator,
        ends the call at the endpoint too. Never waits without end: each implementation has a named time limit.
        """
        ...


async def answer_of(model: ChatModel, call: Call) -> Answer:
    """The whole answer of a model. Raises `ModelError`."""
    pieces: list[str] = []
    async for part in model.stream(call):
        if isinstance(part, Done):
            return Answer("".join(pieces), part.finish, part.usage, part.calls)
        pieces.append(part.text)
    raise ModelError("invalid", f"expected an end of the answer from {model.name}, the stream just stopped: try again")


def tokens_about(text: str) -> int:
    """How many tokens a text may be, for planning a prompt; 0 for none."""
    return -(-len(text) // TOKEN_CHARS)
