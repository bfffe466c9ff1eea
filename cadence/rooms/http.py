"""HTTP beside the websocket: what can be read without joining, tickets; and where the rest of HTTP is put together.

Every error is {error: {code, message, field?}}. What the protocol lists and this version does not offer
answers 503 `unavailable`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import structlog
from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from cadence.rooms import completions, export, history, hosting, twins
from cadence.rooms.access import Authorization, asker, bearer, host
from cadence.rooms.bodies import answer, describe, gives
from cadence.rooms.completions import add_completions
from cadence.rooms.guests import Guests
from cadence.rooms.health import Metrics, add_health
from cadence.rooms.hosting import Office, add_hosting
from cadence.rooms.hub import Hub
from cadence.rooms.identity import TICKET_SECONDS, Identity
from cadence.rooms.limiter import SEARCHES_PER_S, Shares, admit, retry_after_s
from cadence.rooms.log import LogUnavailable
from cadence.rooms.query import parse
from cadence.rooms.twins import Limit, Position, Seqs, add_twins, numbers
from cadence.rooms.wire import ErrorCode, Page, WireError
from cadence.rooms.wire.completions import Models

STATUS: Mapping[str, int] = {
    "bad_frame": 400,
    "bad_field": 400,
    "unknown_type": 400,
    "not_joined": 403,
    "forbidden": 403,
    "unauthorized": 401,
    "no_such_room": 404,
    "not_found": 404,
    "conflict": 409,
    "too_large": 413,
    "rate_limited": 429,
    "unavailable": 503,
}
NOT_OFFERED = (("POST", "/api/rooms"),)

log = structlog.get_logger(__name__)


def create_api(
    hub: Hub,
    identity: Identity,
    version: str,
    metrics: Metrics | None = None,
    office: Office | None = None,
    guests: Guests | None = None,
    models: Sequence[Models] = (),
) -> FastAPI:
    """The HTTP application; the websocket is mounted beside it by whoever wires both.

    `metrics` writes `/metrics`; with an `office` hosts can make rooms, tokens and invitations; with `guests` a name is
    enough to speak; `models` answer at `/v1`.
    """
    api = FastAPI(title="Cadence", version=version)
    _add_errors(api)
    add_health(api, hub, identity, metrics)
    _add_rooms(api, hub, identity)
    _add_search(api, hub, identity)
    if office is not None:
        add_hosting(api, hub, identity, office)
    add_twins(api, hub, identity, guests)
    _add_why(api, hub, identity)
    add_completions(api, hub, identity, guests, models)
    describe(api, (*twins.TYPES, *completions.TYPES, *hosting.TYPES), twins.BODIES)
    for method, path in NOT_OFFERED:
        api.add_api_route(path, _not_offered, methods=[method], include_in_schema=False)
    return api


def _add_rooms(api: FastAPI, hub: Hub, identity: Identity) -> None:
    @api.get("/api/rooms")
    async def rooms(authorization: Authorization = None) -> list[dict[str, Any]]:
        """The rooms you may enter: {room, title, members (how many), head, epoch, public}."""
        reader = asker(identity, authorization)
        return [
            {
                "room": room.info.room,
                "title": room.info.title,
                "members": room.member_count,
                "head": room.head,
                "epoch": room.epoch,
                "public": room.info.public,
            }
            for room in hub.rooms()
            if room.admits(reader)
        ]

    @api.get("/api/rooms/{room}/messages", response_class=Response, responses=gives(Page))
    async def messages(
        room: str,
        before: Position = None,
        after: Position = None,
        seqs: Seqs = None,
        limit: Limit = 50,
        authorization: Authorization = None,
    ) -> Response:
        """A page of messages, ascending; `seqs` is a list with commas. Returns a `page` frame."""
        found = hub.find(room, asker(identity, authorization))
        query = history.Query(before, after, numbers(seqs), limit)
        items, more = await history.messages(hub.store, found.info.room, query)
        return answer(Page(room=found.info.room, stream="raw", items=items, more=more))

    @api.get("/api/rooms/{room}/export")
    async def exported(room: str, authorization: Authorization = None) -> Response:
        """All messages, a `message` frame per line, up to the last when asked; erased where taken back. Hosts only."""
        found = hub.find(room, host(identity, authorization, "export a room"))
        lines = await export.lines(hub.store, found.info.room, found.head)
        name = f'attachment; filename="{found.info.room}.jsonl"'
        return StreamingResponse(lines, media_type=export.MEDIA_TYPE, headers={"Content-Disposition": name})

    @api.post("/api/tickets")
    async def tickets(authorization: Authorization = None) -> dict[str, Any]:
        """A single-use token that makes one `hello` yours. For whoever has a token: the host, and who was given one."""
        you = bearer(identity, authorization)
        return {"ticket": identity.ticket(you), "expires_in_s": TICKET_SECONDS}


def _add_search(api: FastAPI, hub: Hub, identity: Identity) -> None:
    searches = Shares(SEARCHES_PER_S)

    @api.get("/api/rooms/{room}/search", response_class=Response, responses=gives(Page))
    async def search(
        room: str,
        q: Annotated[str, Query(max_length=1000)],
        from_: Annotated[str | None, Query(alias="from", max_length=64)] = None,
        limit: Limit = 50,
        authorization: Authorization = None,
    ) -> Response:
        """The newest messages that hold all words of `q`, ascending, said by the user `from` if given.

        "A phrase" in quotes, and beginnings of words with a star. Returns a `page` frame; `more`: there are older ones.
        """
        who = asker(identity, authorization)
        found = hub.find(room, who)
        wait = admit([searches.of("" if who is None else who.id)], hub.clock())
        if wait > 0:
            message = f"expected at most {SEARCHES_PER_S:g} searches a second: wait {wait:.1f} s"
            raise WireError("rate_limited", message, retry_after_s=retry_after_s(wait))
        items, more = await history.found(hub.store, found.info.room, parse(q), from_, limit)
        return answer(Page(room=found.info.room, stream="raw", items=items, more=more))


def _add_why(api: FastAPI, hub: Hub, identity: Identity) -> None:
    @api.get("/api/rooms/{room}/turns/{reader}/{turn}/why")
    async def why(
        room: str,
        reader: Annotated[str, Path(max_length=64)],
        turn: Annotated[int, Path(ge=1, le=2**53)],
        authorization: Authorization = None,
    ) -> dict[str, Any]:
        """Why a turn is as it is: units, attention, prompts, answers and verdicts. For its reader and for hosts."""
        by = asker(identity, authorization)
        found = hub.find(room, by)
        if by is None:
            raise WireError("unauthorized", "expected the token of the reader or of a host, got none")
        if hub.mediation is None:
            raise WireError("unavailable", "nobody paces the readers of this server")
        return await hub.mediation.why(by, found.info.room, reader, turn)


async def _not_offered(request: Request) -> Response:
    raise WireError("unavailable", f"{request.method} {request.url.path} is not offered by this server")


def _add_errors(api: FastAPI) -> None:
    @api.exception_handler(WireError)
    async def refused(request: Request, error: WireError) -> Response:
        return _error(STATUS[error.code], error)

    @api.exception_handler(LogUnavailable)
    async def no_log(request: Request, error: LogUnavailable) -> Response:
        log.warning("log unavailable", path=request.url.path, error=str(error))
        return _error(503, WireError("unavailable", "the server's log cannot be used now: try again"))

    @api.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        field = str(first["loc"][-1])
        return _error(400, WireError("bad_field", f"`{field}`: {first['msg']}", field=field))

    @api.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> Response:
        code: ErrorCode = "not_found" if error.status_code in (404, 405) else "bad_frame"
        what = f"expected a request that this server knows, got {request.method} {request.url.path}: {error.detail}"
        return _error(error.status_code, WireError(code, what))

    @api.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        log.error("request failed", path=request.url.path, exc_info=error)
        return _error(503, WireError("unavailable", "the server failed at this request: try again"))


def _error(status: int, error: WireError) -> Response:
    body = {"code": error.code, "message": error.message}
    if error.field is not None:
        body["field"] = error.field
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))  # whole seconds, as HTTP has it
    return JSONResponse({"error": body}, status_code=status, headers=headers)
