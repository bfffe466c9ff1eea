"""A whole run over real sockets: what `cadence conform URL` does."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from cadence.conform import admitting, entry, hosting, returning, speaking, streams, twins, v1, web
from cadence.conform.kit import Http, Rule, Server, judge
from cadence.conform.report import Report, Result
from cadence.conform.stranger import dial

RULES: Sequence[Rule] = (
    *entry.RULES,
    *speaking.RULES,
    *streams.RULES,
    *returning.RULES,
    *hosting.RULES,
    *admitting.RULES,
    *web.RULES,
    *twins.RULES,
    *v1.RULES,
)
HTTP_SECONDS_MAX = 15.0
BODY_BYTES_MAX = 1 << 20


class RunError(Exception):
    """The run cannot begin; the text is one sentence."""


def conform(
    websocket: str, site: str, room: str | None, token: str | None, told: Callable[[Result], None] | None = None
) -> Report:
    """Judge the server at `websocket` (its HTTP at `site`), speaking in `room` or in the first there is. Blocks.

    Raises `RunError` if there is no server or no room.
    """
    return asyncio.run(_conform(websocket, site, room, token, told))


async def _conform(
    websocket: str, site: str, room: str | None, token: str | None, told: Callable[[Result], None] | None
) -> Report:
    http = partial(_fetch, site)
    chosen = room if room is not None else await _first_room(http, token)
    server = Server(partial(dial, websocket), http, chosen, token, secrets.token_hex(3))
    return await judge(server, websocket, RULES, told)


async def _first_room(http: Http, token: str | None) -> str:
    try:
        status, body = await http(
            "GET", "/api/rooms", {} if token is None else {"Authorization": f"Bearer {token}"}, None
        )
        rooms = json.loads(body) if status == 200 else []
        return str(rooms[0]["room"])
    except (OSError, ValueError, LookupError, TypeError):
        raise RunError(f"expected rooms at {site_of(http)}/api/rooms, got none: name one with --room") from None


def site_of(http: Http) -> str:
    """The site that `http` asks."""
    return str(http.args[0]) if isinstance(http, partial) else ""


async def _fetch(site: str, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, bytes]:
    return await asyncio.to_thread(_blocking, f"{site}{path}", method, headers, body)


def _blocking(url: str, method: str, headers: dict[str, str], body: bytes | None) -> tuple[int, bytes]:
    request = Request(url, data=body, headers=headers, method=method)
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=HTTP_SECONDS_MAX) as answer:
            return answer.status, answer.read(BODY_BYTES_MAX)
    except HTTPError as error:
        with error:
            return error.code, error.read(BODY_BYTES_MAX)
    except HTTPException as error:
        raise OSError(f"no HTTP: {error!r}") from None
