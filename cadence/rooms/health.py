"""How a server is: alive, ready, and its figures. For load balancers and those who watch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.responses import Response

from cadence.rooms.access import Authorization, operator
from cadence.rooms.hub import Hub
from cadence.rooms.identity import Identity
from cadence.rooms.log import LogUnavailable
from cadence.rooms.wire import WireError

READY_SECONDS = 1.0  # how long an answer of `/readyz` holds, however many ask


@dataclass(frozen=True, slots=True)
class Metrics:
    """Writes the figures; `media_type` is theirs. `open` lets anyone read them who reaches the server."""

    write: Callable[[], bytes]
    media_type: str
    open: bool


class Readiness:
    """Whether rooms are open and the log can be read, asked of the log at most once in `READY_SECONDS`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._until = float("-inf")
        self._trouble = ""
        self._asking = asyncio.Lock()

    async def check(self) -> None:
        """Return if the server is ready; raises `WireError`."""
        if self._hub.draining or not self._hub.rooms():
            raise WireError("unavailable", "the server is starting or going away: ask again")
        async with self._asking:
            if self._hub.clock() >= self._until:
                self._trouble = await self._look()
                self._until = self._hub.clock() + READY_SECONDS
        if self._trouble:
            raise WireError("unavailable", self._trouble)

    async def _look(self) -> str:
        try:
            await self._hub.store.messages(self._hub.rooms()[0].info.room, limit=1)
        except LogUnavailable:
            return "the server's log cannot be used now: try again"
        return ""


def add_health(api: FastAPI, hub: Hub, identity: Identity, metrics: Metrics | None) -> None:
    """Add `/livez`, `/readyz` and `/metrics` to `api`."""
    readiness = Readiness(hub)

    @api.get("/livez")
    async def livez() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @api.get("/readyz")
    async def readyz() -> dict[str, str]:
        """Rooms are open, the log can be read, and the server is not going away. 503 if not."""
        await readiness.check()
        return {"status": "ok"}

    @api.get("/metrics")
    async def figures(authorization: Authorization = None) -> Response:
        """The server's figures, for Prometheus. Off loopback only with a host's token or the server's own."""
        if metrics is None:
            raise WireError("unavailable", "this server keeps no figures")
        if not metrics.open:
            operator(identity, authorization)
        return Response(metrics.write(), media_type=metrics.media_type)
