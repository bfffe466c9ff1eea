"""The line over a real pair of sockets."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from cadence.alex.remote import line as lines
from cadence.alex.remote.line import Line
from cadence.rooms.wire import (
    Alex,
    Author,
    Behind,
    Covers,
    Message,
    Mood,
    Part,
    Segment,
    SegmentPart,
    Turn,
    ViewPatch,
)

pytestmark = pytest.mark.real_time


class Ends:
    """Two lines over one pair; what comes to the far one is in `got`."""

    def __init__(self) -> None:
        self.near, self.far = Line(), Line()
        self.got: asyncio.Queue[Any] = asyncio.Queue(100)
        self.gone = asyncio.Event()

    async def open(self) -> Ends:
        here, there = socket.socketpair()
        await self.near.open(here, lambda _: None, lambda: None)
        await self.far.open(there, self.got.put_nowait, self.gone.set)
        return self


async def test_frames_arrive_whole_and_in_order_whatever_their_size() -> None:
    ends = await Ends().open()
    frames: list[Any] = [("cast", n, "x" * size, ()) for n, size in enumerate((1, 70_000, 3_000_000, 2, 0))]
    for frame in frames:
        ends.near.send(frame)
    assert [await asyncio.wait_for(ends.got.get(), 10) for _ in frames] == frames
    ends.near.close()


async def test_what_is_unset_stays_unset() -> None:
    ends = await Ends().open()
    ends.near.send(ViewPatch(mode="raw"))
    patch = await asyncio.wait_for(ends.got.get(), 10)
    assert patch.fields() == {"mode": "raw"} and patch.sigma is UNSET
    ends.near.close()


async def test_a_message_arrives_as_it_was_whatever_is_in_it() -> None:
    ends = await Ends().open()
    plain = Message("lab", "e", 7, "m", Author("ana", "Ana", "agent"), "2026-01-01T00:00:00.000Z", "hé\n")
    full = msgspec.structs.replace(plain, parts=(Part("code", "x = 1", lang="py"),), reply_to=3, mentions=("bo",))
    ends.near.send(("cast", 1, "posted", (plain, full)))
    _, _, _, arrived = await asyncio.wait_for(ends.got.get(), 10)
    assert arrived == (plain, full) and arrived[0].reply_to is UNSET
    ends.near.close()


async def test_a_turn_and_a_report_arrive_as_they_were() -> None:
    ends = await Ends().open()
    part = SegmentPart(3, 0, "code", 9, "ab", folded=True, lang="py")
    segments = (
        Segment("quote", ("ana",), "hé …", (1, 2), 0.25, again=2),
        Segment("verbatim", ("bo",), "x", (3,), 1.0, part=part),
    )
    turn = Turn(room="lab", turn=7, at="2026-01-01T00:00:00.000Z", mode="paraphrase", covers=Covers("e", 1, 9, 9, 70),
                words=17, segments=segments, by="embedded")  # fmt: skip
    alex = Alex(room="lab", state="paraphrasing", behind=Behind(3, 40, 2.5), mood=Mood(0.5, -0.25, insight=True))
    ends.near.send((turn, alex))
    arrived = await asyncio.wait_for(ends.got.get(), 10)
    assert arrived == (turn, alex) and arrived[0].ref is UNSET and arrived[0].segments[0].part is UNSET
    ends.near.close()


async def test_a_closed_line_tells_the_other_end_and_takes_no_more() -> None:
    ends = await Ends().open()
    ends.near.send("last")
    ends.near.close()
    ends.near.send("too late")
    await asyncio.wait_for(ends.gone.wait(), 10)
    assert [ends.got.get_nowait() for _ in range(ends.got.qsize())] == ["last"]


async def test_a_line_that_is_not_open_loses_what_is_sent() -> None:
    Line().send("nobody hears")
    Line().close()


async def test_a_frame_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "FRAME_BYTES_MAX", 1_000)
    with pytest.raises(ValueError, match="at most 1000 bytes, got 2"):
        Line().send("x" * 2_000)
