"""`/v1/models` and `/v1/chat/completions`: whatever speaks OpenAI's chat completions can ask a persona, or Alex.

Who answers is a `Models` that the application passes in. An answer is bounded in length, in time and in how many are
under way; it may be streamed as server-sent events, and whoever hangs up ends it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from cadence.rooms.access import Authorization, asker
from cadence.rooms.bodies import read_body, takes
from cadence.rooms.guests import GuestName, Guests, actor
from cadence.rooms.hub import Hub
from cadence.rooms.identity import Identity
from cadence.rooms.limiter import COMPLETIONS_PER_MINUTE, Shares, admit, retry_after_s
from cadence.rooms.wire import Member, WireError
from cadence.rooms.wire.completions import Completion, Delta, End, Models, decode_completion

BODY_BYTES_MAX = 1024 * 1024
ANSWER_SECONDS_MAX = 120.0  # the whole of it, slow receivers included
UNDER_WAY_MAX = 64  # of the server
UNDER_WAY_USER_MAX = 4
CLIENT_GONE = 499  # nobody reads it
STRANGER = ""  # whose rate all who give no name share
TYPES = (Completion,)

log = structlog.get_logger(__name__)


def add_completions(
    api: FastAPI, hub: Hub, identity: Identity, guests: Guests | None, models: Sequence[Models]
) -> None:
    """Add the routes to `api`."""
    desk = _Desk(hub, models)

    async def asking(request: Request, authorization: str | None, name: str | None) -> Member | None:
        if authorization is None and name is not None:
            return await actor(identity, guests, request, authorization, name)
        return asker(identity, authorization)

    @api.get("/v1/models")
    async def listed(request: Request, authorization: Authorization = None, name: GuestName = None) -> dict[str, Any]:
        """The models you may ask: `alex`, `alex/ROOM` for each room you may read, and personas."""
        who = await asking(request, authorization, name)
        each = {"object": "model", "created": 0, "owned_by": "cadence"}
        return {"object": "list", "data": [{"id": known, **each} for one in models for known in one.names(who)]}

    @api.post("/v1/chat/completions", response_class=Response, openapi_extra=takes(Completion))
    async def complete(request: Request, authorization: Authorization = None, name: GuestName = None) -> Response:
        """One answer, as OpenAI's chat completions have it; with `stream` as server-sent events.

        A persona answers as its card says. `alex` condenses the messages given, `alex/ROOM` what was said in a room:
        what answers the last message if that is a question, else all of it, or what was said `since`. Every line
        names who said it, and `cadence.segments` has the sources. 60 a minute.
        """
        who = await asking(request, authorization, name)
        desk.admit(who)
        asked = decode_completion(await read_body(request, BODY_BYTES_MAX))
        return await _unless_gone(desk.answer(asked, who), request.receive)


class _Desk:
    """Counts who is being answered."""

    def __init__(self, hub: Hub, models: Sequence[Models]) -> None:
        self._hub, self._models = hub, models
        self._rates = Shares(COMPLETIONS_PER_MINUTE / 60.0, burst_s=10.0)
        self._under_way: dict[str, int] = {}

    def admit(self, who: Member | None) -> None:
        """Raise `WireError` if `who` asks too often."""
        wait = admit([self._rates.of(who.id if who else STRANGER)], self._hub.clock())
        if wait > 0:
            sentence = f"expected at most {COMPLETIONS_PER_MINUTE:g} completions a minute: wait {wait:.1f} s"
            raise WireError("rate_limited", sentence, retry_after_s=retry_after_s(wait))

    async def answer(self, asked: Completion, who: Member | None) -> Response:
        """The response; raises `WireError` for what is refused before the first piece."""
        found = next((one for one in self._models if asked.model in one.names(who)), None)
        if found is None:
            sentence = f"expected one of GET /v1/models, got `{asked.model[:64]}`: is it there, and for you?"
            raise WireError("not_found", sentence, field="model")
        pieces = self._counted(found.complete(asked, who), who.id if who else STRANGER)
        head: dict[str, Any] = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(self._hub.clock()),
            "model": asked.model,
        }
        usage = bool(asked.stream_options and asked.stream_options.include_usage)
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                if asked.stream:  # what is refused at once is an ordinary error
                    return _Events(head, await anext(pieces), pieces, usage=usage)
                async with aclosing(pieces):
                    return JSONResponse(await _whole(head, pieces))
        except TimeoutError:
            raise WireError("unavailable", f"expected an answer within {ANSWER_SECONDS_MAX:g} s, got none") from None

    async def _counted(self, pieces: AsyncIterator[Delta | End], user: str) -> AsyncGenerator[Delta | End]:
        """The pieces, while `user` counts as being answered."""
        mine = self._under_way.get(user, 0)
        if mine >= UNDER_WAY_USER_MAX or sum(self._under_way.values()) >= UNDER_WAY_MAX:
            sentence = f"expected at most {UNDER_WAY_USER_MAX} answers of yours under way, {UNDER_WAY_MAX} of all: wait"
            raise WireError("rate_limited", sentence, retry_after_s=1.0)
        self._under_way[user] = mine + 1
        try:
            async with aclosing(pieces):  # type: ignore[type-var]
                async for piece in pieces:
                    yield piece
                    if isinstance(piece, End):
                        return
            raise WireError("unavailable", "the answer broke off: try again")
        finally:
            left = self._under_way[user] - 1
            if left:
                self._under_way[user] = left
            else:
                del self._under_way[user]


async def _whole(head: dict[str, Any], pieces: AsyncIterator[Delta | End]) -> dict[str, Any]:
    texts: list[str] = []
    end = End()
    async for piece in pieces:
        if isinstance(piece, Delta):
            texts.append(piece.text)
        else:
            end = piece
    message = {"role": "assistant", "content": "".join(texts)}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": end.finish}
    return {**head, "object": "chat.completion", "choices": [choice], "usage": _usage(end), **_sources(end)}


class _Events(Response):
    """An answer as server-sent events. Ends at `ANSWER_SECONDS_MAX`, or when the receiver hangs up."""

    def __init__(
        self, head: dict[str, Any], first: Delta | End, pieces: AsyncGenerator[Delta | End], *, usage: bool
    ) -> None:
        super().__init__(None, 200, {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}, "text/event-stream")
        del self.headers["content-length"]
        self._head, self._first, self._pieces, self._usage = head, first, pieces, usage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send_all(send))
        leaving = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait([sending, leaving], timeout=ANSWER_SECONDS_MAX, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_all(self, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            try:
                await self._send_pieces(send)
            except WireError as error:
                await _send(send, {"error": {"code": error.code, "message": error.message}})
            except Exception:
                log.exception("completion failed", model=self._head["model"][:64])
                await _send(send, {"error": {"code": "unavailable", "message": "the answer broke off: try again"}})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except OSError as error:  # how servers say that the peer is gone
            log.info("peer lost", error=type(error).__name__)
        finally:
            await self._pieces.aclose()

    async def _send_pieces(self, send: Send) -> None:
        await self._chunk(send, {"role": "assistant", "content": ""})
        piece: Delta | End | None = self._first
        while isinstance(piece, Delta):
            await self._chunk(send, {"content": piece.text})
            piece = await anext(self._pieces, None)
        end = piece or End()
        await self._chunk(send, {}, end)
        if self._usage:
            await _send(send, {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(end)})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": True})

    async def _chunk(self, send: Send, delta: dict[str, Any], end: End | None = None) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": end.finish if end else None}
        more = {} if end is None else _sources(end)
        await _send(send, {**self._head, "object": "chat.completion.chunk", "choices": [choice], **more})


async def _send(send: Send, data: dict[str, Any]) -> None:
    body = b"data: " + msgspec.json.encode(data) + b"\n\n"
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _unless_gone(work: Coroutine[Any, Any, Response], receive: Receive) -> Response:
    """What `work` returns, or nothing worth sending once the client has hung up, which ends `work`."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else Response(status_code=CLIENT_GONE)
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _usage(end: End) -> dict[str, int]:
    prompt, answer = end.prompt_tokens, end.answer_tokens
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _sources(end: End) -> dict[str, Any]:
    """What we say beyond OpenAI's fields, under our own name."""
    return {} if end.segments is None else {"cadence": {"segments": msgspec.to_builtins(end.segments)}}
