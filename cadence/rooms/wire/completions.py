"""What goes over `/v1`, in the shape that clients of OpenAI's chat completions know; and what answers it here.

Only what is used is decoded, other fields are ignored. A field that would change the answer and is not offered here is
an error rather than silently dropped.

Pure: no clock, no files.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from cadence.rooms.wire.server import WireError
from cadence.rooms.wire.values import Member, Seq

MESSAGES_MAX = 2_000
ANSWER_TOKENS_MAX = 4_096

Tokens = Annotated[int, Meta(ge=1, le=ANSWER_TOKENS_MAX)]
Finish = Literal["stop", "length"]


class TextPart(Struct, frozen=True, tag_field="type", tag="text"):
    text: str


class ChatMessage(Struct, frozen=True):
    """One message. `name` tells speakers of one role apart."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | tuple[TextPart, ...]
    name: Annotated[str, Meta(max_length=64)] | None = None

    @property
    def text(self) -> str:
        """The content as one text."""
        return self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)


class StreamOptions(Struct, frozen=True):
    include_usage: bool = False


class Completion(Struct, frozen=True, kw_only=True):
    """`POST /v1/chat/completions`. `since` (a seq or a time) is ours: from where on `alex/ROOM` condenses the room."""

    model: Annotated[str, Meta(min_length=1, max_length=200)]
    messages: Annotated[tuple[ChatMessage, ...], Meta(min_length=1, max_length=MESSAGES_MAX)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    stop: Annotated[str, Meta(max_length=200)] | Annotated[tuple[str, ...], Meta(max_length=4)] | None = None
    seed: int | None = None
    n: int | None = None
    tools: tuple[Any, ...] | None = None
    response_format: dict[str, Any] | None = None
    since: Seq | str | UnsetType = UNSET

    @property
    def tokens_max(self) -> int | None:
        """How long the answer may be, None if nothing was said."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def stops(self) -> tuple[str, ...]:
        """What ends the answer."""
        return () if self.stop is None else (self.stop,) if isinstance(self.stop, str) else self.stop


class Delta(Struct, frozen=True):
    """A further piece of an answer."""

    text: str


class Source(Struct, frozen=True):
    """What a piece of a condensed answer stands on: who said it, and in which messages."""

    speakers: tuple[str, ...]
    text: str
    sources: tuple[int, ...]


class End(Struct, frozen=True):
    """The end of an answer. `segments` are those of an answer of Alex, so that every claim leads to its source."""

    finish: Finish = "stop"
    prompt_tokens: int = 0
    answer_tokens: int = 0
    segments: tuple[Source, ...] | None = None


class Models(Protocol):
    """Something that answers under some names: the personas of the house, or Alex."""

    def names(self, asker: Member | None) -> Sequence[str]:
        """The models that `asker` (None: a stranger) may use."""

    def complete(self, request: Completion, asker: Member | None) -> AsyncIterator[Delta | End]:
        """Pieces of the answer, then one `End`. Raises `WireError`, also after some pieces.

        Never waits without end; closing the iterator ends the work.
        """


_MISSING = re.compile(r"missing required field `(\w+)`")
_decoder = msgspec.json.Decoder(Completion)


def decode_completion(data: bytes) -> Completion:
    """The request in a body. Raises `WireError` that names the field."""
    try:
        request = _decoder.decode(data)
    except msgspec.ValidationError as error:
        raise _explained(str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise WireError("bad_frame", "expected one JSON object as the body, got something else") from None
    kind = (request.response_format or {}).get("type", "text")
    for field, offered in (
        ("n", request.n in (None, 1)),
        ("tools", not request.tools),
        ("response_format", kind == "text"),
    ):
        if not offered:
            raise WireError("bad_field", f"`{field}`: not offered here: leave it out", field=field)
    return request


def _explained(reason: str) -> WireError:
    """What the decoder said, in our words."""
    expected, _, path = reason.partition(" - at `$")
    if missing := _MISSING.search(expected):
        path, expected = f"{path.rstrip('`')}.{missing[1]}", "expected this field, got nothing"
    field = path.rstrip("`").lstrip(".")[:64]
    if not field:
        return WireError("bad_frame", "expected one JSON object as the body, got another kind of value")
    return WireError("bad_field", f"`{field}`: {expected[:1].lower()}{expected[1:200]}", field=field)
