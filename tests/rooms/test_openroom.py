import asyncio
from typing import Any

import pytest
from msgspec import UNSET

from cadence.counts import HubCounts
from cadence.rooms.connection import Connection
from cadence.rooms.openroom import OpenRoom
from cadence.rooms.room import RoomInfo
from cadence.rooms.wire import Member, Pong, Say, WireError
from tests.rooms.house import EPOCH_S, clock, settle


def lab(head: int = 3, pods: tuple[str, ...] = ("desk", "bench")) -> OpenRoom:
    return OpenRoom(RoomInfo("lab", "The lab", pods=pods), "e", head, clock, HubCounts())


class Inbox(Connection):
    """A connection that only remembers what it was offered."""

    def __init__(self, name: str) -> None:
        super().__init__(Member(name, name.title(), "agent"), clock, self._send, lambda room: None)
        self.offered: list[tuple[float, Any]] = []

    async def _send(self, event: Any) -> None: ...

    def deliver(self, frame: Any, room: str) -> None:
        self.offered.append((asyncio.get_running_loop().time(), frame))


async def test_a_frame_is_encoded_once_for_all() -> None:
    room, inboxes = lab(), [Inbox(name) for name in ("ann", "bob", "cid", "dan")]
    for inbox in inboxes:
        room.join(inbox, inbox.member)
    room.fan_out(Pong(), withheld={"bob"}, but=inboxes[2])
    assert [len(inbox.offered) for inbox in inboxes] == [1, 0, 0, 1]
    assert inboxes[0].offered[0][1] is inboxes[3].offered[0][1]


async def test_presence_goes_out_at_once_and_then_once_a_second() -> None:
    room, ann = lab(), Inbox("ann")
    room.join(ann, ann.member)
    room.gather_presence()
    for number in range(30):
        await settle(0.1)
        room.join(Inbox(f"u{number}"), Member(f"u{number}", f"U{number}", "agent"))
        room.gather_presence()
    assert [round(at, 3) for at, _ in ann.offered] == [0.0, 1.0, 2.0]


async def test_a_timer_that_is_early_by_the_rooms_clock_waits_on() -> None:
    room, ann = (
        OpenRoom(RoomInfo("lab", "The lab"), "e", 0, lambda: 100.0 + 0.8 * (clock() - EPOCH_S), HubCounts()),
        Inbox("ann"),
    )
    room.join(ann, ann.member)
    room.gather_presence()
    await settle(0.1)
    room.join(Inbox("bob"), Member("bob", "Bob", "agent"))
    room.gather_presence()
    await settle(2)
    assert [round(at, 3) for at, _ in ann.offered] == [0.0, 1.25]


async def test_a_closed_room_tells_nothing_more() -> None:
    room, ann = lab(), Inbox("ann")
    room.join(ann, ann.member)
    room.gather_presence()
    room.close()
    await settle(2)
    assert ann.offered == []


@pytest.mark.parametrize(
    ("fields", "head", "pods", "sentence"),
    [
        ({"text": ""}, 3, (), "expected a text or parts, got neither"),
        ({"reply_to": 4}, 3, (), "1 to 3; got 4"),
        ({"reply_to": 1}, 0, (), "nothing was said yet; got 1"),
        ({"pod": "roof"}, 3, ("desk", "bench"), "one of desk, bench; got `roof`"),
        ({"pod": "desk"}, 3, (), "this room has none; got `desk`"),
    ],
)
def test_what_cannot_be_said_is_explained(
    fields: dict[str, Any], head: int, pods: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(WireError, match=sentence):
        lab(head, pods).check(Say(**{"room": "lab", "id": "m", "text": "x", **fields}))


def test_what_can_be_said_passes() -> None:
    lab().check(Say(room="lab", id="m", text="x", reply_to=3, pod="desk"))
    lab().check(Say(room="lab", id="m", text="x", reply_to=UNSET))
