"""A message that is taken back is nowhere any more: not in a turn, a memory, a cache, a page, nor on the heap.

The whole server in virtual time, with readers of each mode, a room next door, vectors and a pyramid. Afterwards every
object that can be reached from it is looked at. What lies on disk is looked at beside the log (`tests/rooms/log`).
"""

from __future__ import annotations

import asyncio
import gc
import types
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cadence.lod.pyramid import SLOT_SECONDS
from cadence.rooms.forgetting import forget
from cadence.rooms.housekeeping import Housekeeping
from cadence.rooms.http import create_api
from cadence.rooms.room import RoomInfo
from cadence.rooms.wire import Member, ViewPatch
from tests.actors import ROOM
from tests.asgi import fetch
from tests.mortal import HOST_TOKEN, Server, Site, vectors
from tests.rooms.house import clock, settle
from tests.stranger import Stranger

SECRET = "The purple xylophone hides beneath the lighthouse stairs."
MARK = "xylophone hides"
STEM = b"xylophon"  # what the pyramid keeps of it
IN_PART = "secret_xylophone = 'hides'"
FILLER = "The {0} ledger was reconciled against the {1} replica before the {2} migration began in earnest."
NEXT_DOOR = "attic"
# Clients of the tests and the loop itself: what was sent to somebody is theirs, and not the server's to erase.
OTHERS = ("tests.", "asyncio", "_asyncio", "cadence.conform", "_pytest", "pytest", "weakref", "structlog")


def reach(*roots: object) -> Iterable[object]:
    """Everything that can be reached from `roots`, but for programs, types and the clients of the tests."""
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | types.ModuleType | types.CodeType | types.BuiltinFunctionType):
            continue
        seen.add(id(one))
        if type(one).__module__.startswith(OTHERS) and one not in roots:
            continue
        yield one
        if isinstance(one, types.FunctionType):
            waiting += [cell for cell in one.__closure__ or ()]
        else:
            waiting += gc.get_referents(one)


def holding(text: str, *roots: object) -> list[str]:
    """What on the heap has `text` in it, in brief."""
    found = []
    for one in reach(*roots):
        held = one if isinstance(one, str) else bytes(one).decode("utf-8", "replace") if _is_bytes(one) else ""
        if text in held:
            found.append(held[:80])
    return found


def _is_bytes(one: object) -> bool:
    return isinstance(one, bytes | bytearray)


class Scene:
    """A server with two rooms in hearing; Vera talks, humans of every mode read, Nia next door overhears."""

    def __init__(self) -> None:
        self.server = Server(
            clock, ViewPatch(cadence_s=1.0, pace_wpm=1000.0, sigma=3.0), vectors,
            rooms=(Site(ROOM, "north"), Site(NEXT_DOOR, "north")),
        )  # fmt: skip
        self.readers: list[Stranger] = []
        self.said = 0

    async def guest(self, name: str, kind: str, room: str = ROOM, **view: Any) -> Stranger:
        stranger = Stranger(name, kind, token=view.pop("token", None))
        await stranger.open(self.server.connect())
        await stranger.join(room, view=view or None)
        return stranger

    async def chatter(self, count: int) -> None:
        """So much talk by others, half a second apart."""
        words = "amber,birch,cobalt,dune,ember,fjord,granite,harbour,indigo,juniper,kelp,lagoon".split(",")
        for number in range(self.said, self.said + count):
            line = FILLER.format(*(words[(number * step) % len(words)] for step in (1, 5, 7)))
            await self.idris.say(ROOM, f"{line} ({number})", id=f"f{number}")
            await settle(0.5)
        self.said += count

    async def play(self) -> int:
        """The secret is said, quoted, read, asked for, searched and overheard; returns its seq."""
        await self.server.start()
        self.vera, self.idris = [await self.guest(name, "agent") for name in ("Vera", "Idris")]
        interests = ["xylophone lighthouse"]
        self.readers = [
            await self.guest("Rea", "human", interests=interests),
            await self.guest("Pat", "human", mode="paced"),
            await self.guest("Raw", "human", mode="raw"),
            await self.guest("Nia", "human", NEXT_DOOR, interests=interests, whisper="heavy", sigma=10.0),
        ]
        await self.chatter(5)
        parts = [{"kind": "code", "body": IN_PART}]
        said = await self.vera.say(ROOM, SECRET, id="secret", parts=parts)
        await self.chatter(40)
        await settle(2 * SLOT_SECONDS)
        await self.chatter(5)  # closes the slot of the pyramid in which the secret was said
        await settle(60.0)
        await self.readers[0].request({"type": "ask", "room": ROOM, "what": "question", "text": "xylophone?"})
        away = await self.guest("Away", "human")
        await away.cut()
        return int(said["seq"])

    def roots(self) -> tuple[object, ...]:
        server = self.server
        return server.hub, server.driver, server.identity, server.log, server.gateway

    def shown(self) -> list[str]:
        """The kinds in which the secret was shown to somebody."""
        return [
            segment["kind"]
            for reader in self.readers
            for turn in reader.received("turn")
            for segment in turn["segments"]
            if MARK in segment["text"]
        ]

    async def pages(self, seq: int) -> str:
        """Everything that may be asked of the server over HTTP and its sockets, as one text."""
        api = create_api(self.server.hub, self.server.identity, "1")
        paths = [f"rooms/{ROOM}/messages?limit=200", f"rooms/{ROOM}/messages?seqs={seq}", f"rooms/{ROOM}/export"]
        paths.append(f"rooms/{ROOM}/search?q=xylophone")
        bodies = [
            (await fetch(api, "GET", f"/api/{path}", authorization=f"Bearer {HOST_TOKEN}")).body.decode()
            for path in paths
        ]
        asked = [
            await reader.request({"type": "ask", "room": room, "what": what, **more})
            for reader, room in ((self.readers[0], ROOM), (self.readers[3], NEXT_DOOR))
            for what, more in (("room", {}), ("question", {"text": "Where is the xylophone?"}))
        ]
        turns = [
            await reader.request({"type": "history", "room": ROOM, "stream": "turns", "limit": 200})
            for reader in self.readers[:3]
        ]
        return "\n".join([*bodies, *map(str, (*asked, *turns))])


@asynccontextmanager
async def scene() -> AsyncIterator[tuple[Scene, int]]:
    made = Scene()
    seq = await made.play()
    try:
        yield made, seq
    finally:
        await made.server.stop()


async def by_its_author(made: Scene, seq: int) -> None:
    await made.vera.redact(ROOM, seq)


async def by_its_age(made: Scene, seq: int) -> None:
    await settle(86_400.0)
    await made.server.hub.open_room(RoomInfo(ROOM, "The room", keep_days=0.5))
    await Housekeeping(made.server.hub, made.server.identity).sweep()


async def by_forgetting_its_author(made: Scene, seq: int) -> None:
    host = Member("host", "Host", "human", "host")
    await forget(made.server.hub, made.server.identity, host, str(made.vera.id), dry_run=False)


async def test_before_it_is_taken_back_it_is_found_in_all_these_places() -> None:
    async with scene() as (made, seq):
        assert {"quote", "verbatim"} & set(made.shown()), "shown to nobody: the scene proves nothing"
        assert len(holding(MARK, *made.roots())) >= 3 and MARK in await made.pages(seq)
        assert holding(IN_PART, *made.roots())
        assert any(STEM in node.body for node in await made.server.log.nodes(ROOM))


@pytest.mark.parametrize("erase", [by_its_author, by_its_age, by_forgetting_its_author])
async def test_it_is_nowhere_any_more(erase: Callable[[Scene, int], Any]) -> None:
    async with scene() as (made, seq):
        await erase(made, seq)
        await settle(60.0)
        gc.collect()
        assert holding(MARK, *made.roots()) == [] and holding(IN_PART, *made.roots()) == []
        pages = await made.pages(seq)
        assert MARK not in pages and IN_PART not in pages
        assert not any(STEM in node.body for node in await made.server.log.nodes(ROOM))
        covers = [turn["covers"] for turn in made.readers[0].received("turn") if turn["covers"]]
        kept = await made.server.log.turns(ROOM, str(made.readers[0].id), limit=200)
        told = [(turn.covers.from_, turn.covers.to) for turn in kept if turn.covers]
        assert told[: len(covers)] == [(one["from"], one["to"]) for one in covers]


async def test_who_is_forgotten_stands_nowhere_but_in_what_alex_has_already_introduced() -> None:
    async with scene() as (made, _):
        vera, rea = str(made.vera.id), str(made.readers[0].id)
        assert holding(vera, *made.roots()) and holding(rea, *made.roots())
        host = Member("host", "Host", "human", "host")
        for user in (vera, rea):
            await forget(made.server.hub, made.server.identity, host, user, dry_run=False)
        await settle(60.0)
        gc.collect()
        assert holding(rea, *made.roots()) == [] == holding(vera, made.server.log)
        assert len(holding(vera, *made.roots())) <= 1  # Nia was told who Vera is, and is not told again


async def test_the_look_at_the_heap_would_find_it_in_closures_tasks_and_structs() -> None:
    hidden = SECRET.encode()

    async def keeps() -> None:
        await asyncio.Event().wait()
        print(hidden)

    coroutine = keeps()
    coroutine.send(None)
    for holder in ({"a": [SECRET]}, lambda: hidden, coroutine, ViewPatch(interests=(SECRET,))):
        assert holding(MARK, holder), holder
    coroutine.close()
    assert holding(MARK, {"a": ["the xylophone of others"]}) == []
