from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec import UNSET
from structlog.testing import capture_logs

from cadence.duplex import Closed
from cadence.personas.cast import Cast
from cadence.personas.play import Audience, Connected, Event, Lost, Refused, Said, Speak
from cadence.personas.speaker import ATTEMPTS_MAX, NAMES_MAX, Speaker, StageError
from cadence.rooms import wire
from tests.personas.hall import Door, Hall

ADA = Cast("ada", "Ada")
LINE = Speak("ada", "run-0-1", "one")


class Stand:
    """A speaker of its own in a hall, and what it told."""

    def __init__(self, hall: Hall, cast: Cast, attempts_max: int = ATTEMPTS_MAX) -> None:
        self.hall = hall
        self.told: asyncio.Queue[Event] = asyncio.Queue(100)
        self.speaker = Speaker(cast, "hall", hall.connect, self.told.put, attempts_max=attempts_max)

    async def next(self) -> Event:
        return await asyncio.wait_for(self.told.get(), 100)

    async def entered(self) -> None:
        assert isinstance(await self.next(), Connected)
        assert isinstance(await self.next(), Audience)


@asynccontextmanager
async def standing(hall: Hall, cast: Cast = ADA) -> AsyncIterator[Stand]:
    stand = Stand(hall, cast)
    task = asyncio.create_task(stand.speaker.run())
    try:
        with capture_logs():
            yield stand
    finally:
        task.cancel()
        await asyncio.wait([task])


async def end_of(hall: Hall, cast: Cast = ADA, attempts_max: int = ATTEMPTS_MAX) -> str:
    """Why a speaker gives up."""
    with pytest.raises(StageError) as caught, capture_logs():
        await Stand(hall, cast, attempts_max).speaker.run()
    return str(caught.value)


async def test_a_speaker_greets_as_an_agent_and_enters_the_room() -> None:
    async with standing(Hall("Pip"), Cast("ada", "Ada", token="t")) as stand:
        assert await stand.next() == Connected("ada", 0)
        assert await stand.next() == Audience("ada", True)
    hello, join = stand.hall.doors[0].seen
    assert isinstance(hello, wire.Hello) and (hello.kind, hello.name, hello.token) == ("agent", "Ada", "t")
    assert isinstance(join, wire.Join) and (join.room, join.view, join.after) == ("hall", UNSET, UNSET)


async def test_what_it_says_is_sent_as_written_and_the_answer_told() -> None:
    part = wire.Part("code", "x = 1", lang="python")
    async with standing(Hall()) as stand:
        await stand.entered()
        await stand.speaker.say(Speak("ada", "i", "t", (part,), 7, True))
        assert await stand.next() == Said("i", 1)
        frame = stand.hall.doors[0].seen[-1]
        assert frame == wire.Say(room="hall", id="i", text="t", parts=(part,), reply_to=7, spoken=True, ref="i")


async def test_an_error_for_a_message_is_told_with_how_long_to_wait() -> None:
    hall = Hall()
    hall.on_frame = lambda door, frame: (
        isinstance(frame, wire.Say) and hall.error(door, frame, "rate_limited", retry_after_s=2.0)
    )
    async with standing(hall) as stand:
        await stand.entered()
        await stand.speaker.say(LINE)
        expected = Refused("run-0-1", "rate_limited", "expected something else than rate_limited", 2.0)
        assert await stand.next() == expected


async def test_it_tells_when_humans_come_and_go() -> None:
    async with standing(Hall()) as stand:
        await stand.entered()
        stand.hall.human_comes("Pip")
        assert await stand.next() == Audience("ada", True)
        stand.hall.human_goes("Pip")
        assert await stand.next() == Audience("ada", False)
        stand.hall.doors[0].put(wire.Presence(room="hall", members=(), member_count=700))
        assert await stand.next() == Audience("ada", True)


async def test_it_drains_what_does_not_concern_it_and_frames_of_the_future() -> None:
    async with standing(Hall()) as stand:
        await stand.entered()
        door = stand.hall.doors[0]
        author = wire.Author("bo", "Bo", "agent")
        for n in range(900):
            door.put(wire.Message("hall", "e", n + 1, "x", author, "2026-01-01T00:00:00.000Z", "hello"))
        for text in ('{"type":"hologram","x":1}', "nonsense", '{"type":"said"}', "[]", '"\\ud800"'):
            door.put(text)
        door.put(wire.Presence(room="elsewhere", joined=(wire.Member("p", "P", "human"),)))
        await stand.speaker.say(LINE)
        assert await stand.next() == Said("run-0-1", 1)


async def test_after_a_cut_it_comes_back_and_resumes() -> None:
    async with standing(Hall()) as stand:
        await stand.entered()
        stand.hall.doors[0].cut(1006)
        assert await stand.next() == Lost("ada")
        await stand.entered()
        hello = stand.hall.doors[1].seen[0]
        assert isinstance(hello, wire.Hello) and hello.resume == "secret of Ada"
        assert asyncio.get_running_loop().time() == 0.5


async def test_who_has_a_token_needs_no_resuming() -> None:
    async with standing(Hall(), Cast("ada", "Ada", "t")) as stand:
        await stand.entered()
        stand.hall.doors[0].cut()
        await stand.next()
        await stand.entered()
        hello = stand.hall.doors[1].seen[0]
        assert isinstance(hello, wire.Hello) and (hello.token, hello.resume) == ("t", UNSET)


async def test_a_server_that_goes_away_is_given_the_time_it_asks_for() -> None:
    async with standing(Hall()) as stand:
        await stand.entered()
        stand.hall.doors[0].put(wire.Reconnect(after_s=7.0))
        stand.hall.doors[0].cut(1012)
        await stand.next()
        await stand.entered()
        assert asyncio.get_running_loop().time() == 7.0


async def test_attempts_are_further_and_further_apart_and_end() -> None:
    hall = Hall()
    doors: list[float] = []

    def cut_at_once(door: Door, frame: wire.ClientFrame) -> bool:
        doors.append(asyncio.get_running_loop().time())
        door.cut(1006)
        return True

    hall.on_frame = cut_at_once
    why = await end_of(hall, attempts_max=9)
    assert why == (
        "Ada cannot speak in the room `hall`: gave up after 9 attempts in a row; "
        "the last one: the server closed the connection with 1006"
    )
    assert [later - earlier for earlier, later in zip(doors, doors[1:], strict=False)] == [
        0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0,
    ]  # fmt: skip


async def test_a_steady_connection_makes_attempts_count_anew() -> None:
    async with standing(Hall()) as stand:
        for n in range(3):
            await stand.entered()
            began = asyncio.get_running_loop().time()
            asyncio.get_running_loop().call_later(11.0, stand.hall.doors[-1].cut, 1006)
            assert await stand.next() == Lost("ada"), n
        await stand.entered()
        assert asyncio.get_running_loop().time() - began == 11.5


async def test_a_server_that_is_silent_is_left_and_tried_again() -> None:
    hall = Hall()
    hall.on_frame = lambda door, frame: True
    assert "expected an answer to hello and join within 10 s, got none" in await end_of(hall, attempts_max=2)
    assert len(hall.doors) == 2


async def test_a_wrong_address_is_told_at_once() -> None:
    hall = Hall()
    hall.refuse_connections = 1
    assert await end_of(hall) == "expected a Cadence, got nothing for ada"
    assert asyncio.get_running_loop().time() == 0.0


async def test_a_server_that_was_there_is_waited_for() -> None:
    async with standing(Hall()) as stand:
        await stand.entered()
        stand.hall.refuse_connections = 3
        stand.hall.doors[0].cut(1006)
        await stand.next()
        await stand.entered()
        assert asyncio.get_running_loop().time() == 0.5 + 1.0 + 2.0 + 4.0


async def test_a_guest_whose_name_is_taken_asks_for_the_next() -> None:
    hall = Hall()
    hall.on_frame = lambda door, frame: (
        isinstance(frame, wire.Hello) and frame.name in ("Ada", "Ada 2") and hall.error(door, frame, "conflict")
    )
    async with standing(hall) as stand:
        await stand.entered()
    assert [door.name for door in hall.doors] == ["", "", "Ada 3"]


async def test_names_end_somewhere() -> None:
    hall = Hall()
    hall.on_frame = lambda door, frame: hall.error(door, frame, "conflict")
    assert await end_of(hall) == "Ada cannot speak in the room `hall`: 50 names like it are taken"
    assert len(hall.doors) == NAMES_MAX


@pytest.mark.parametrize("code", ["unauthorized", "no_such_room", "forbidden", "bad_field"])
async def test_a_refusal_for_good_ends_it(code: wire.ErrorCode) -> None:
    hall = Hall()
    hall.on_frame = lambda door, frame: isinstance(frame, wire.Join) and hall.error(door, frame, code)
    assert await end_of(hall) == f"Ada cannot speak in the room `hall`: expected something else than {code}"


async def test_a_refusal_that_passes_is_waited_out() -> None:
    hall = Hall()
    hall.on_frame = lambda door, frame: (
        len(hall.doors) < 3 and hall.error(door, frame, "rate_limited", retry_after_s=3.0)
    )
    async with standing(hall) as stand:
        await stand.entered()
        assert asyncio.get_running_loop().time() == 6.0


@pytest.mark.parametrize("code", [4000, 4003, 4010, 4011])
async def test_a_close_that_forbids_coming_back_ends_it(code: int) -> None:
    hall = Hall()

    def close(door: Door, frame: wire.ClientFrame) -> bool:
        door.cut(code)
        return True

    hall.on_frame = close
    assert str(code) in await end_of(hall)
    assert len(hall.doors) == 1


async def test_who_is_no_longer_in_the_room_enters_again() -> None:
    hall = Hall()
    hall.on_frame = lambda door, frame: (
        isinstance(frame, wire.Say) and len(hall.doors) == 1 and hall.error(door, frame, "not_joined")
    )
    async with standing(hall) as stand:
        await stand.entered()
        await stand.speaker.say(LINE)
        assert isinstance(await stand.next(), Refused)
        assert await stand.next() == Lost("ada")
        await stand.entered()


async def test_saying_without_a_connection_is_harmless() -> None:
    await Stand(Hall(), ADA).speaker.say(LINE)


async def test_a_connection_that_takes_no_frames_is_ended() -> None:
    hall = Hall()

    async def stuck(text: str) -> None:
        await asyncio.Event().wait()

    async with standing(hall) as stand:
        await stand.entered()
        hall.doors[0].send = stuck  # type: ignore[method-assign]
        await stand.speaker.say(LINE)
        assert asyncio.get_running_loop().time() == 10.0
        assert await stand.next() == Lost("ada")


async def test_who_is_cancelled_closes_the_door() -> None:
    async with standing(Hall()) as stand:
        await stand.entered()
    assert stand.hall.inside == []
    with pytest.raises(Closed):
        await stand.hall.doors[0].send("x")


async def test_who_listens_gets_every_frame_and_asks_for_what_was_missed() -> None:
    hall = Hall("Pip")
    heard: list[wire.ServerFrame] = []

    async def hear(frame: wire.ServerFrame) -> None:
        heard.append(frame)

    told: asyncio.Queue[Event] = asyncio.Queue(100)
    after = wire.After(epoch="e", seq=7)
    speaker = Speaker(ADA, "hall", hall.connect, told.put, hear=hear, after=lambda: after)
    task = asyncio.create_task(speaker.run())
    assert isinstance(await asyncio.wait_for(told.get(), 100), Connected) and speaker.connected
    assert [type(frame) for frame in heard] == [wire.Joined], "before anything is told"
    (door,) = hall.doors
    assert [frame.after for frame in door.seen if isinstance(frame, wire.Join)] == [after]
    await speaker.request(wire.History(room="hall", stream="raw", ref="page-1"))
    hall.human_comes("Qui")
    while len(heard) < 2:
        await told.get()
    assert isinstance(heard[1], wire.Presence)
    assert [frame.ref for frame in door.seen if isinstance(frame, wire.History)] == ["page-1"]
    task.cancel()
    await asyncio.wait([task])
