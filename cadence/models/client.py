"""One endpoint that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, or a hosted one. Extra `llm`.

A call is one attempt. Whoever wants another, elsewhere or later, is the pool. Only chat completions and the list of
models are used, and nothing is taken from the environment but what the card names and the proxies of the machine.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
import openai

from cadence.models.cards import ModelCard
from cadence.models.chat import Call, Done, ModelError, Piece
from cadence.models.gathering import Gathering
from cadence.models.request import TRIES_MAX, Able, Form, body, lowered
from cadence.models.trouble import Refusal, keyless, refused, unreachable, where

BODY_BYTES_MAX = 32 * 1024 * 1024  # of one response
SCHEMAS_MAX = 256  # remembered with the form in which an endpoint takes them
CHECK_SECONDS = 10.0  # to list the models
LOOPBACK = ("localhost", "127.0.0.1", "::1")

T = TypeVar("T")


class EndpointModel:
    """A `ChatModel` at one `address` of a card. `key` is the value of the variable that the card names."""

    def __init__(self, card: ModelCard, address: str, key: str | None) -> None:
        self.card, self.address = card, address
        self._key = key
        self._able = Able()
        self._forms: dict[str, Form] = {}
        local = urlsplit(address).hostname in LOOPBACK
        self._client = openai.AsyncOpenAI(
            base_url=address,
            api_key=key or "none",  # else OPENAI_API_KEY would be sent to whomever
            default_headers={"Authorization": f"Bearer {key or 'none'}", "Accept-Encoding": "identity"},
            max_retries=0,
            timeout=openai.Timeout(None, connect=card.limits.connect_s),
            http_client=openai.DefaultAsyncHttpxClient(
                follow_redirects=False,  # a key is for this address
                trust_env=not local,
                limits=httpx2.Limits(max_connections=card.calls_max + 1),
                event_hooks={"response": [_bound]},
            ),
        )
        self._client.organization = self._client.project = self._client.admin_api_key = None

    @property
    def name(self) -> str:
        """See `ChatModel`."""
        return self.card.id

    @property
    def context_tokens(self) -> int:
        """See `ChatModel`."""
        return self.card.context_tokens

    async def stream(self, call: Call) -> AsyncIterator[Piece | Done]:
        """See `ChatModel`. The card's limits bound it: first_s, silence_s and answer_s."""
        if self.card.key_env is not None and not self._key:
            raise keyless(self.card)
        loop, limits = asyncio.get_running_loop(), self.card.limits
        start = loop.time()
        gathering = Gathering(call, where(self.card))
        by = start + min(limits.first_s, limits.answer_s)
        chunks = await self._within(by, self._open(call), call)
        try:
            while (chunk := await self._within(by, anext(chunks, None), call)) is not None:
                by = min(loop.time() + limits.silence_s, start + limits.answer_s)
                if text := gathering.take(chunk):
                    yield Piece(text)
        finally:
            await chunks.close()
        yield gathering.done()

    async def served(self) -> tuple[str, ...]:
        """The names of the models that the endpoint says it serves. Raises `ModelError`."""
        if self.card.key_env is not None and not self._key:
            raise keyless(self.card)
        by = asyncio.get_running_loop().time() + CHECK_SECONDS
        page = await self._within(by, self._client.models.list(), None)
        found = getattr(page, "data", None)
        names = [getattr(model, "id", None) for model in found] if isinstance(found, list) else []
        return tuple(name for name in names if isinstance(name, str))

    async def aclose(self) -> None:
        """End all calls and close the connections."""
        await self._client.close()

    async def _open(self, call: Call) -> Any:
        """The stream of chunks, asked for again without what the endpoint refuses to understand."""
        schema = "" if call.schema is None else json.dumps(call.schema, sort_keys=True)
        able = replace(self._able, form=self._forms.get(schema, "schema"))
        for _ in range(TRIES_MAX):
            try:
                chunks = await self._client.post(
                    "/chat/completions",
                    body=body(self.card, call, able),
                    cast_to=object,  # chunks as they are: to make the library's own of each takes most of a call's time
                    stream=True,
                    stream_cls=openai.AsyncStream[object],
                )
            except openai.APIStatusError as error:
                trouble, said = self._refused(error, call), _said(error)
            else:
                self._remember(able, schema)
                return chunks
            lower = lowered(able, call, said) if trouble.trouble == "invalid" else None
            if lower is None:
                raise trouble
            able = lower
        raise AssertionError("a request can be lowered only so often")

    def _remember(self, able: Able, schema: str) -> None:
        """Begin the next request with what was understood; how a schema is taken is remembered of that schema only."""
        self._able = able
        if schema and able.form != "schema":
            if len(self._forms) >= SCHEMAS_MAX:
                self._forms.clear()
            self._forms[schema] = able.form

    async def _within(self, by: float, awaited: Awaitable[T], call: Call | None) -> T:
        """What is awaited, until the loop's time `by`; what goes wrong as a `ModelError`.

        That is raised where nothing else is being handled: the library's errors may quote the key, and a context
        would carry them into whatever prints it.
        """
        try:
            async with asyncio.timeout_at(by):
                return await awaited
        except TimeoutError:
            text = f"{where(self.card)}: expected {self.address} to go on, but it was silent too long: see its load"
            trouble = ModelError("timed_out", text)
        except openai.APIConnectionError:
            trouble = unreachable(self.card, self.address)
        except openai.APIError as error:
            trouble = self._refused(error, call)
        except (ValueError, TypeError, AttributeError, openai.OpenAIError):  # what the library could not read
            text = f"{where(self.card)}: expected chat completions from {self.address}, got something else"
            trouble = ModelError("invalid", f"{text}: is this the address of a model?")
        raise trouble

    def _refused(self, error: openai.APIError, call: Call | None) -> ModelError:
        status, again_s = 500, None
        if isinstance(error, openai.APIStatusError):
            status = error.status_code
            again_s = _seconds(error.response.headers.get("retry-after"))
        elif error.code is not None and error.code.isdecimal() and 400 <= int(error.code) < 600:
            status = int(error.code)  # of an error in the midst of a stream
        return refused(self.card, self.address, call, Refusal(status, _said(error), again_s), self._key)


def _said(error: openai.APIError) -> str:
    """The endpoint's own words, with its code."""
    if isinstance(error.body, dict):
        said = error.body.get("message")
        return f"{said if isinstance(said, str) else ''} {error.code or ''} {error.type or ''}".strip()
    return error.body if isinstance(error.body, str) else ""


def _seconds(header: str | None) -> float | None:
    """Retry-After as seconds; a date is not looked at."""
    try:
        return float(header) if header else None
    except ValueError:
        return None


class _Bounded(httpx2.AsyncByteStream):  # type: ignore[misc]
    """A response that ends with an error when it grows beyond `BODY_BYTES_MAX`."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        async for part in self._inner:
            received += len(part)
            if received > BODY_BYTES_MAX:
                text = (
                    f"expected a response of at most {BODY_BYTES_MAX} bytes, got more: is this the address of a model?"
                )
                raise ModelError("invalid", text)
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _bound(response: httpx2.Response) -> None:
    response.stream = _Bounded(response.stream)
