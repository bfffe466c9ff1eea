"""The HTTP side of a small server on which hosts may do everything; who asks is a token or a session."""

from __future__ import annotations

import json
from typing import Any

from cadence.rooms.hosting import Office
from cadence.rooms.http import create_api
from cadence.rooms.making import RoomBook
from cadence.rooms.room import RoomInfo
from cadence.rooms.wire.hosting import RoomSettings
from tests.asgi import Answer, fetch
from tests.rooms.house import HOST_TOKEN, House, clock


class Desk:
    """A house with its office; `ask` is by the host unless another token is given."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.book = RoomBook(house.log, clock, self._open)
        self._api = create_api(
            house.hub, house.identity, "1.2.3", office=Office(self.book, lambda: ["log.db.version-1"])
        )

    @classmethod
    async def start(cls, house: House | None = None, filed: tuple[str, ...] = ("lab", "attic")) -> Desk:
        desk = cls(await (house or House()).start())
        await desk.book.load()
        await desk.book.open_all(filed)
        return desk

    async def _open(self, room: str, settings: RoomSettings) -> None:
        await self.house.hub.open_room(
            RoomInfo(room, settings.title, settings.public, settings.pods, keep_days=settings.keep_days)
        )

    async def call(self, method: str, path: str, body: object = None, token: str | None = HOST_TOKEN) -> Answer:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return await fetch(self._api, method, path, sent, **headers)

    async def ask(self, method: str, path: str, body: object = None, token: str | None = HOST_TOKEN) -> Any:
        """The answer's JSON (None for 204); anything but a success is an error of the test."""
        answer = await self.call(method, path, body, token)
        assert answer.status in (200, 201, 204), (answer.status, answer.body)
        return answer.json() if answer.body else None

    async def refusal(
        self, method: str, path: str, body: object = None, token: str | None = HOST_TOKEN
    ) -> tuple[int, str]:
        """Status and code of an error."""
        answer = await self.call(method, path, body, token)
        return answer.status, answer.json()["error"]["code"]
