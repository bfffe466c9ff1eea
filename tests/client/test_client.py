"""The client against our own gateway in virtual time, and against a hall that misbehaves on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from cadence.client import Client, Cut, Missed, Refused, Room
from cadence.duplex import Duplex
from cadence.personas.inprocess import InProcessDuplex
from cadence.rooms import wire
from cadence.rooms.room import RoomInfo
from cadence.rooms.wire import Member, Message, Redacted, Say, WireError
from tests.personas.hall import Hall
from tests.rooms.house import HOST_TOKEN, House, settle

VERA = Member("vera", "Vera", "agent", "member")


class Site:
    """A house, and the connections that clients have made to it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.connections: list[InProcessDuplex] = []
        self.closed = False

    async def connect(self) -> Duplex:
        if self.closed:
            raise OSError("expected a Cadence, got nothing")
        self.connections.append(await InProcessDuplex.open(self.house.gateway))
        return self.connections[-1]

    def client(self, name: str = "Echo", **options: Any) -> Client:
        return Client(name=name, connect=self.connect, roll=lambda: 1.0, **options)

    async def cut(self) -> None:
        """End the newest connection without a word."""
        await self.connections[-1].close()
        await settle()

    async def say(self, *texts: str) -> None:
        for text in texts:
            await self.house.hub.say(VERA, Say(room="lab", id=f"id of {text}"[:64], text=text))


@asynccontextmanager
async def site(**house: Any) -> AsyncIterator[Site]:
    there = Site(await House(**house).start())
    yield there
    await there.house.hub.close()


async def texts(room: Room, count: int) -> list[str]:
    """The next `count` messages."""
    found: list[str] = []
    async with aclosing(room.events()) as events:  # type: ignore[type-var]
        async for event in events:
            assert isinstance(event, Message), event
            found.append(event.text)
            if len(found) == count:
                return found
    return found


async def test_it_hears_says_and_is_known_by_its_name() -> None:
    async with site() as there, there.client() as client:
        lab = await client.join("lab")
        assert (client.you.name, client.you.kind, lab.title, list(lab.members)) == (
            "Echo", "agent", "The lab", [client.you.id],
        )  # fmt: skip
        await there.say("hello")
        said = await lab.say("hello yourself", reply_to=1)
        assert said.seq == 2
        assert await texts(lab, 2) == ["hello", "hello yourself"]


async def test_after_a_cut_it_is_who_it_was_and_misses_nothing() -> None:
    async with site() as there, there.client() as client:
        lab, id = await client.join("lab"), client.you.id
        await there.say("one")
        assert await texts(lab, 1) == ["one"]
        await there.cut()
        await there.say("two", "three")
        assert await texts(lab, 2) == ["two", "three"]
        assert (client.you.id, len(there.connections)) == (id, 2)
        await there.say("four")
        assert await texts(lab, 1) == ["four"]


async def test_what_was_under_way_at_a_cut_is_said_once() -> None:
    async with site() as there, there.client() as client:
        lab = await client.join("lab")
        append, held = there.house.log.append, asyncio.Event()

        async def slow(draft: Any) -> Any:
            kept = await append(draft)
            await held.wait()
            return kept

        there.house.log.append = slow  # type: ignore[method-assign]
        saying = asyncio.create_task(lab.say("only once"))
        await settle()
        await there.cut()
        there.house.log.append = append  # type: ignore[method-assign]
        held.set()
        assert (await saying).seq == 1
        await there.say("and on")
        assert await texts(lab, 2) == ["only once", "and on"]


async def test_what_is_said_without_a_connection_is_said_when_there_is_one() -> None:
    async with site() as there, there.client() as client:
        lab = await client.join("lab")
        there.closed = True
        await there.cut()
        saying = asyncio.create_task(lab.say("later"))
        await settle(20.0)
        assert not saying.done()
        there.closed = False
        assert (await saying).seq == 1


async def test_whoever_takes_slowly_loses_nothing_and_hoards_nothing() -> None:
    async with site() as there, there.client(items_max=10) as client:
        lab = await client.join("lab")
        for burst in range(5):
            await there.say(*[f"{burst}-{number}" for number in range(50)])
            await settle()
        assert len(lab.inbox) == 10
        assert (await lab.say("I can still be heard")).seq == 251, "answers come, whatever waits"
        assert await texts(lab, 251) == [
            *[f"{burst}-{number}" for burst in range(5) for number in range(50)],
            "I can still be heard",
        ]
        assert len(there.connections) == 1


async def test_more_than_a_server_replays_is_read_from_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cadence.rooms.joining.REPLAY_MESSAGES_MAX", 10)
    async with site() as there, there.client() as client:
        lab = await client.join("lab")
        await there.cut()
        await there.say(*[f"n{number}" for number in range(300)])
        assert await texts(lab, 300) == [f"n{number}" for number in range(300)]


async def test_more_than_one_wants_to_read_is_said_to_be_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cadence.rooms.joining.REPLAY_MESSAGES_MAX", 10)
    async with site() as there, there.client(missed_max=20) as client:
        lab = await client.join("lab")
        await there.cut()
        await there.say(*[f"n{number}" for number in range(300)])
        assert await anext(lab.events()) == Missed(0, 300, False)
        assert [item.seq for item in (await lab.history(after=0, limit=2)).items if isinstance(item, Message)] == [1, 2]


async def test_a_message_taken_back_is_told_after_it_was_taken() -> None:
    async with site() as there, there.client() as client:
        lab = await client.join("lab")
        said = await lab.say("a slip")
        assert await texts(lab, 1) == ["a slip"]
        await lab.redact(said.seq)
        assert await anext(lab.events()) == Redacted(ref="r1", room="lab", seq=1, by=client.you.id)


async def test_a_refusal_is_raised_where_it_was_asked() -> None:
    async with site() as there, there.client() as client:
        lab = await client.join("lab")
        with pytest.raises(WireError, match="nothing was said yet") as caught:
            await lab.say("x", reply_to=99)
        assert caught.value.code == "not_found"
        for what, code in (
            (lambda: client.join("nowhere"), "no_such_room"),
            (lambda: lab.say("x" * 70_000), "too_large"),
            (lambda: lab.say(""), "bad_field"),
            (lambda: lab.set_view(cadence_s=3), "forbidden"),
            (lambda: lab.set_view(cadence_s="x"), "bad_field"),
            (lambda: lab.ask("nonsense"), "bad_field"),  # type: ignore[arg-type]
        ):
            with pytest.raises(WireError) as caught:
                await what()  # type: ignore[no-untyped-call]
            assert caught.value.code == code
        assert (await lab.say("still here")).seq == 1


async def test_a_rate_limit_is_waited_out() -> None:
    async with site() as there, there.client(kind="human") as client:
        lab = await client.join("lab")
        saids = await asyncio.gather(*[lab.say(f"number {number}") for number in range(30)])
        assert sorted(said.seq for said in saids) == list(range(1, 31))
        assert asyncio.get_running_loop().time() > 3.0


async def test_rooms_are_apart() -> None:
    async with site() as there, there.client() as client:
        await there.house.hub.open_room(RoomInfo("porch", "The porch"))
        lab, porch = await client.join("lab"), await client.join("porch")
        await porch.say("outside")
        await there.say("inside")
        assert (await texts(lab, 1), await texts(porch, 1)) == (["inside"], ["outside"])
        await lab.leave()
        assert [message async for message in lab] == []
        with pytest.raises(Cut, match="left the room"):
            await lab.say("x")
        await there.cut()
        await there.house.hub.say(VERA, Say(room="porch", id="p", text="again"))
        assert await texts(porch, 1) == ["again"]


async def test_it_sees_who_comes_and_goes() -> None:
    async with site() as there, there.client() as client:
        lab = await client.join("lab")
        other = await there.house.member("Ann")
        await settle(2.0)
        assert other.id in lab.members
        await other.channel.cut()
        await settle(2.0)
        assert list(lab.members) == [client.you.id]


async def test_a_session_outlives_the_client() -> None:
    async with site() as there:
        async with there.client() as client:
            id, session = client.you.id, client.session
        async with there.client("Other", resume=session) as client:
            assert client.you.id == id


async def test_a_later_run_goes_on_where_the_earlier_one_stood() -> None:
    async with site() as there:
        async with there.client() as client:
            lab = await client.join("lab")
            await there.say("one", "two", "three")
            assert await texts(lab, 2) == ["one", "two"]
            session, after = client.session, lab.after
        await there.say("four")
        async with there.client(resume=session) as client:
            lab = await client.join("lab", after=after)
            assert await texts(lab, 2) == ["three", "four"]


async def test_whoever_was_away_too_long_is_another_guest_and_says_nothing_twice() -> None:
    async with site() as there, there.client() as client:
        lab, before = await client.join("lab"), client.you.id
        there.house.log.append = lambda draft: asyncio.Event().wait()  # type: ignore[assignment, method-assign]
        saying = asyncio.create_task(lab.say("was it said?"))
        await settle()
        there.closed = True
        await there.cut()
        await settle(300.0)
        there.closed = False
        with pytest.raises(Cut, match="look whether it was said"):
            await saying
        assert client.you.id != before


async def test_a_token_says_who_one_is_whatever_one_asked_for() -> None:
    async with site() as there, there.client(token=HOST_TOKEN, kind="agent") as client:
        await client.join("lab")
        assert (client.you.id, client.you.kind, client.you.role) == ("host", "human", "host")


async def test_an_address_where_nobody_is_is_told_at_once() -> None:
    async with site() as there:
        there.closed = True
        with pytest.raises(Refused, match="^expected a Cadence, got nothing$"):
            await there.client().__aenter__()
        assert asyncio.get_running_loop().time() == 0.0


async def test_a_wrong_token_is_refused() -> None:
    async with site() as there:
        with pytest.raises(Refused, match="the token is not valid here"):
            await there.client(token="wrong").__aenter__()


async def test_who_is_asked_to_leave_leaves() -> None:
    async with site() as there, there.client() as client:
        lab = await client.join("lab")
        host = await there.house.member("Hana", kind="human", token=HOST_TOKEN)
        await host.ask("kick", room="lab", participant=client.you.id)
        with pytest.raises(Refused, match="you were asked to leave"):
            await texts(lab, 1)
        with pytest.raises(Refused, match="you were asked to leave"):
            await lab.say("x")


async def test_who_closes_the_client_ends_what_waits() -> None:
    async with site() as there:
        client = await there.client().__aenter__()
        lab = await client.join("lab")
        hearing = asyncio.create_task(texts(lab, 1))
        await settle()
        await client.close()
        assert await hearing == []
        with pytest.raises(Cut, match="closed"):
            await client.join("lab")


async def test_a_server_that_goes_away_is_given_the_time_it_asks_for() -> None:
    async with site() as there, there.client() as client:
        lab = await client.join("lab")
        there.house.hub.draining = False
        began = asyncio.get_running_loop().time()
        await there.house.hub.drain(7.0)
        there.house.hub.draining = False
        await there.say("back")
        assert await texts(lab, 1) == ["back"]
        assert asyncio.get_running_loop().time() - began == pytest.approx(7.0, abs=0.1)


# A server that misbehaves.


def in_hall(hall: Hall, **options: Any) -> Client:
    return Client(name="Ada", connect=lambda: hall.connect("ada"), roll=lambda: 1.0, **options)


async def test_frames_of_the_future_and_nonsense_are_let_pass() -> None:
    hall = Hall()
    async with in_hall(hall) as client:
        room = await client.join("hall")
        for text in ('{"type":"hologram","x":1}', "nonsense", '{"type":"said"}', "[]", '"\\ud800"'):
            hall.doors[0].put(text)
        hall.doors[0].put(wire.Message("elsewhere", "e", 1, "x", wire.Author("b", "B", "agent"), "", "not ours"))
        assert (await room.say("one")).seq == 1


async def test_a_server_that_is_silent_is_left_and_tried_again() -> None:
    hall = Hall()
    hall.on_frame = lambda door, frame: len(hall.doors) == 1
    async with in_hall(hall):
        assert (len(hall.doors), asyncio.get_running_loop().time()) == (2, 10.5)


async def test_a_connection_that_takes_no_frames_is_ended() -> None:
    hall = Hall()

    async def stuck(text: str) -> None:
        await asyncio.Event().wait()

    async with in_hall(hall) as client:
        room = await client.join("hall")
        hall.doors[0].send = stuck  # type: ignore[method-assign]
        assert (await room.say("one")).seq == 1
        assert len(hall.doors) == 2


async def test_a_greeting_that_is_put_off_is_waited_out() -> None:
    hall = Hall()
    hall.on_frame = lambda door, frame: (
        len(hall.doors) < 3 and hall.error(door, frame, "unavailable", retry_after_s=3.0)
    )
    async with in_hall(hall):
        assert asyncio.get_running_loop().time() == 6.0


async def test_a_room_that_is_refused_at_first_may_be_asked_for_again() -> None:
    hall = Hall()
    hall.on_frame = lambda door, frame: isinstance(frame, wire.Join) and hall.error(door, frame, "unavailable")
    async with in_hall(hall) as client:
        with pytest.raises(WireError, match="unavailable"):
            await client.join("hall")
        hall.on_frame = lambda door, frame: False
        assert (await (await client.join("hall")).say("x")).seq == 1


async def test_coming_back_to_a_room_that_is_not_there_yet_is_tried_again() -> None:
    hall = Hall()
    async with in_hall(hall) as client:
        room = await client.join("hall")
        hall.on_frame = lambda door, frame: (
            isinstance(frame, wire.Join) and len(hall.doors) < 3 and hall.error(door, frame, "unavailable")
        )
        hall.doors[0].cut()
        assert (await room.say("x")).seq == 1
        assert len(hall.doors) == 3


async def test_coming_back_to_a_room_that_is_gone_is_the_end() -> None:
    hall = Hall()
    async with in_hall(hall) as client:
        room = await client.join("hall")
        hall.on_frame = lambda door, frame: isinstance(frame, wire.Join) and hall.error(door, frame, "no_such_room")
        hall.doors[0].cut()
        with pytest.raises(Refused, match="no_such_room"):
            await anext(room.events())


async def test_who_is_no_longer_in_the_room_enters_again() -> None:
    hall = Hall()
    hall.on_frame = lambda door, frame: (
        isinstance(frame, wire.Say)
        and len(hall.doors) == 1
        and bool(door.put(wire.Error(ref=frame.ref, code="not_joined", message="no", room="hall")) or True)
    )
    async with in_hall(hall) as client:
        room = await client.join("hall")
        with pytest.raises(WireError, match="no"):
            await room.say("one")
        assert (await room.say("two")).seq == 1


async def test_a_request_without_an_answer_is_cut_with_its_connection() -> None:
    hall = Hall()
    async with in_hall(hall) as client:
        room = await client.join("hall")
        asking = asyncio.create_task(room.history())
        await settle()
        hall.doors[0].cut()
        with pytest.raises(Cut, match="the answer was lost"):
            await asking


async def test_a_cancelled_say_that_was_not_sent_is_not_said() -> None:
    hall = Hall()
    async with in_hall(hall) as client:
        room = await client.join("hall")
        hall.refuse_connections = 3
        hall.doors[0].cut()
        await settle()
        waiting: list[Awaitable[Any]] = [asyncio.wait_for(room.say(f"n{number}"), 0.1) for number in range(5)]
        assert all(isinstance(end, TimeoutError) for end in await asyncio.gather(*waiting, return_exceptions=True))
        assert len(room.saying) == 0
        assert (await room.say("this one")).seq == 1
        assert hall.log == [("Ada", "this one", None)]
