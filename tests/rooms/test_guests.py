"""Guests who only give a name, over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import Request

from cadence.rooms import guests as limits
from cadence.rooms.guests import Guests, actor
from cadence.rooms.identity import RESUME_SECONDS
from cadence.rooms.wire import Member, Say, WireError
from tests.rooms.house import HOST_TOKEN, House, clock, settle


def request(**headers: str) -> Request:
    pairs = {"host": "127.0.0.1:8765", **headers}
    return Request({"type": "http", "headers": [(name.encode(), value.encode()) for name, value in pairs.items()]})


async def house(**options: Any) -> tuple[House, Guests]:
    there = await House(**options).start()
    return there, Guests(there.identity, clock, ("127.0.0.1", "localhost", "::1"))


async def refused(guests: Guests, name: str, asked: Request) -> str:
    with pytest.raises(WireError) as caught:
        await guests.member(name, asked)
    return caught.value.code


async def test_a_name_is_one_agent_for_all_its_requests() -> None:
    _, guests = await house()
    first = await guests.member("Echo", request())
    assert (first.name, first.kind, first.role) == ("Echo", "agent", "guest")
    await settle(RESUME_SECONDS - 1)
    assert await guests.member("echo", request()) == Member(first.id, "echo", "agent", "guest")
    await settle(RESUME_SECONDS + 1)
    assert (await guests.member("Echo", request())).id != first.id, "too long without a request"


async def test_two_first_requests_make_one_guest() -> None:
    _, guests = await house()
    both = await asyncio.gather(guests.member("Echo", request()), guests.member("Echo", request()))
    assert both[0] == both[1]


async def test_a_name_held_by_somebody_else_is_a_conflict() -> None:
    there, guests = await house()
    await there.client("Ann")
    for name in ("Ann", "ANN", "Host", "alex"):
        assert await refused(guests, name, request()) == "conflict"
    there.identity.persona_token("vera", "Vera")
    assert await refused(guests, "Vera", request()) == "conflict"


async def test_a_guest_of_a_name_keeps_it_from_others_meanwhile() -> None:
    there, guests = await house()
    await guests.member("Echo", request())
    channel = await there.open()
    await channel.send({"type": "hello", "kind": "agent", "name": "Echo"})
    assert (await channel.receive())["code"] == "conflict"
    await settle(RESUME_SECONDS + 1)
    await there.client("Echo")
    assert await refused(guests, "Echo", request()) == "conflict"


@pytest.mark.parametrize("name", ["", " ", "x" * 41, "a\x07b"])
async def test_what_is_no_name_is_a_bad_field(name: str) -> None:
    _, guests = await house()
    assert await refused(guests, name, request()) == "bad_field"


async def test_a_name_in_utf8_is_read_as_such() -> None:
    _, guests = await house()
    assert (await guests.member("Zoë".encode().decode("latin-1"), request())).name == "Zoë"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},  # a page that points its own name at loopback
        {"host": "evil.example", "origin": "http://evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"host": "[::1", "origin": "http://[::1"},
        {"host": ""},
    ],
)
async def test_a_page_of_another_site_speaks_for_nobody(headers: dict[str, str]) -> None:
    _, guests = await house()
    assert await refused(guests, "Echo", request(**headers)) == "forbidden"


@pytest.mark.parametrize(
    "headers", [{"host": "localhost:1"}, {"host": "[::1]:8765"}, {"origin": "http://127.0.0.1:8765"}]
)
async def test_who_asks_on_this_machine_may(headers: dict[str, str]) -> None:
    _, guests = await house()
    assert (await guests.member("Echo", request(**headers))).name == "Echo"


async def test_who_is_banned_does_not_come_back_by_name() -> None:
    there, guests = await house()
    echo = await guests.member("Echo", request())
    host = await there.member("Hana", kind="human", token=HOST_TOKEN)
    await there.hub.say(echo, Say(room="lab", id="1", text="x"))
    await host.ask("ban", room="lab", participant=echo.id)
    assert await refused(guests, "Echo", request()) == "forbidden"


async def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GUESTS_MAX", 2)
    _, guests = await house()
    await guests.member("One", request())
    await guests.member("Two", request())
    assert await refused(guests, "Three", request()) == "unavailable"
    await settle(RESUME_SECONDS + 1)
    assert (await guests.member("Three", request())).name == "Three"


async def test_who_acts_is_a_token_first_then_a_name_then_nobody() -> None:
    there, guests = await house()
    ann = await there.client("Ann")
    identity = there.identity
    assert (await actor(identity, guests, request(), f"Bearer {HOST_TOKEN}", "Echo")).id == "host"
    assert (await actor(identity, guests, request(), f"Bearer {ann.session}", None)).id == ann.id
    assert (await actor(identity, guests, request(), None, "Echo")).name == "Echo"
    for given, authorization, name in (
        (guests, None, None),
        (None, None, "Echo"),
        (guests, "Bearer wrong", "Echo"),
        (guests, "Basic abc", "Echo"),
    ):
        with pytest.raises(WireError) as caught:
            await actor(identity, given, request(), authorization, name)
        assert caught.value.code == "unauthorized"


async def test_where_a_token_is_asked_for_a_name_is_nothing() -> None:
    there, guests = await house(open=False)
    with pytest.raises(WireError) as caught:
        await actor(there.identity, guests, request(), None, "Echo")
    assert caught.value.code == "unauthorized" and "X-Cadence-Name" not in caught.value.message
