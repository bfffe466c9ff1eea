"""The desk of an assistant, at the HTTP side of a real server in virtual time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from cadence.answering import models_of
from cadence.mcp.desk import SAY_TRIES_MAX, Desk, DeskError
from cadence.rooms.guests import Guests
from cadence.rooms.http import create_api
from cadence.rooms.wire import Member, Say, ViewPatch, WireError
from tests import mortal
from tests.actors import ROOM
from tests.asgi import fetch
from tests.rooms.house import clock, settle

VERA = Member("vera", "Vera", "agent", "member")


class Site:
    """A server, and how often it was asked. `fault` is raised instead of the next so many answers."""

    def __init__(self, server: mortal.Server) -> None:
        self.server = server
        guests = Guests(server.identity, clock, ("127.0.0.1",))
        self._api = create_api(
            server.hub, server.identity, "1", guests=guests, models=models_of(server.hub, server.driver, dict)
        )
        self.asked: list[tuple[str, str, Any]] = []
        self.faults = 0
        self.desk = Desk(self.http, asyncio.get_running_loop().time)

    async def http(self, method: str, path: str, fields: Any) -> Any:
        self.asked.append((method, path, fields))
        body = b"" if fields is None else json.dumps(fields).encode()
        answer = await fetch(self._api, method, path, body, **{"x-cadence-name": "Helper"})
        if self.faults:
            self.faults -= 1
            raise OSError("the connection was cut")
        if answer.status >= 400:
            error = answer.json()["error"]
            raise WireError(error["code"], error["message"])
        return answer.json()

    async def say(self, *texts: str) -> None:
        for text in texts:
            await self.server.hub.say(VERA, Say(room=ROOM, id=f"id of {text}"[:64], text=text))


async def site() -> Site:
    server = mortal.Server(clock, ViewPatch())
    await server.start()
    return Site(server)


async def test_rooms_are_listed() -> None:
    there = await site()
    assert await there.desk.list_rooms() == [{"room": ROOM, "title": ROOM.title(), "members": 0, "head": 0}]


async def test_what_is_posted_is_read_raw() -> None:
    there = await site()
    await there.say("hello")
    posted = await there.desk.post(ROOM, "hello yourself", reply_to=1)
    assert (posted["room"], posted["seq"]) == (ROOM, 2)
    found = await there.desk.read_raw(ROOM, after=0)
    assert [(one["seq"], one["from"], one["kind"], one["text"], one.get("reply_to")) for one in found["messages"]] == [
        (1, "Vera", "agent", "hello", None), (2, "Helper", "agent", "hello yourself", 1),
    ]  # fmt: skip
    assert found["more"] is False
    assert [one["seq"] for one in (await there.desk.read_raw(ROOM, limit=-5))["messages"]] == [2]


async def test_what_may_not_have_arrived_is_said_again_and_heard_once() -> None:
    there = await site()
    there.faults = SAY_TRIES_MAX - 1
    assert (await there.desk.post(ROOM, "only once"))["seq"] == 1
    assert len({fields["id"] for _, _, fields in there.asked}) == 1
    there.faults = SAY_TRIES_MAX
    with pytest.raises(DeskError, match="the connection was cut"):
        await there.desk.post(ROOM, "never heard of again")


async def test_a_digest_goes_on_where_the_last_one_ended() -> None:
    there = await site()
    await there.say("The ledger double-books appointments every Tuesday.", "Two servers write the same slot.")
    first = await there.desk.read_digest(ROOM)
    quoted = "Vera: The ledger double-books appointments every Tuesday. … Two servers write the same slot."
    assert first["text"] == quoted
    assert (first["since"], first["head"], first["segments"][0]["sources"][0]) == (0, 2, 1)
    assert (await there.desk.read_digest(ROOM))["text"] == "Nothing new."
    await there.say("A unique constraint refuses the second booking.")
    await settle(30.0)
    second = await there.desk.read_digest(ROOM)
    assert (second["text"], second["since"]) == ("Vera: A unique constraint refuses the second booking.", 2)
    assert (await there.desk.read_digest(ROOM, from_start=True))["since"] == 0


async def test_the_pace_decides_how_much_is_told() -> None:
    there = await site()
    for number in range(60):
        await there.say(f"Item {number} of the {chr(97 + number % 26) * 5} list concerns {chr(98 + number % 25) * 6}.")
    await there.desk.read_digest(ROOM)
    tokens = [fields["max_tokens"] for _, _, fields in there.asked if fields]
    assert tokens == [160]
    assert await there.desk.set_pace(476) == {"words_per_minute": 476, "default": 238.0}
    for seconds in (1.0, 30.0, 3600.0):
        await there.say(f"and on, {seconds}")
        await settle(seconds)
        await there.desk.read_digest(ROOM)
    assert [fields["max_tokens"] for _, _, fields in there.asked if fields][1:] == [13, 317, 533]
    for pace in (0, 59, 1001, float("nan")):
        with pytest.raises(DeskError, match="expected 60 to 1000 words a minute"):
            await there.desk.set_pace(pace)


async def test_a_question_is_answered_and_moves_nothing() -> None:
    there = await site()
    await there.say("The ledger double-books appointments every Tuesday.", "My cat is grey.")
    answer = await there.desk.read_digest(ROOM, question="When does the ledger double-book")
    assert "Tuesday" in answer["text"]
    assert (await there.desk.read_digest(ROOM))["since"] == 0


@pytest.mark.parametrize("room", ["nowhere", "../../livez", "a?b#c", "\n"])
async def test_a_room_that_is_not_there_is_a_sentence(room: str) -> None:
    there = await site()
    for ask in (there.desk.read_digest(room), there.desk.read_raw(room), there.desk.post(room, "x")):
        with pytest.raises(DeskError, match="expected"):
            await ask


async def test_a_refusal_is_a_sentence() -> None:
    there = await site()
    with pytest.raises(DeskError, match="expected a text or parts, got neither"):
        await there.desk.post(ROOM, "")
