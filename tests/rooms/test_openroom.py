import asyncio
import json
from typing import Any

import pytest
from msgspec import UNSET

from cadence.counts import HubCounts
from cadence.rooms.burst import BURST_BYTES_MAX
from cadence.rooms.connection import Connection
from cadence.rooms.openroom import GATHER_SECONDS, OpenRoom
from cadence.rooms.outbox import Bundle, Encoded
from cadence.rooms.room import RoomInfo
from cadence.rooms.wire import Member, Pong, Say, WireError
from tests.rooms.house import EPOCH_S, clock, settle


def lab(head: int = 3, pods: tuple[str, ...] = ("desk", "bench")) -> OpenRoom:
    return OpenRoom(RoomInfo("lab", "The lab", pods=pods), "e", head, clock, HubCounts())


class Inbox(Connection):
    """A connection that only remembers what it was offered."""

    def __init__(self, name: str) -> None:
        super().__init__(Member(name, name.title(), "agent"), clock, self._send, lambda room: None)
        self.offered: list[tuple[float, Encoded]] = []
        self.bundles: list[Bundle] = []

    async def _send(self, event: Any) -> None: ...

    def deliver_all(self, frames: Bundle, room: str) -> None:
        self.bundles.append(frames)
        self.offered += [(asyncio.get_running_loop().time(), frame) for frame in frames.frames]

    def texts(self) -> list[str]:
        return [json.loads(frame.text)["ref"] for _, frame in self.offered]


async def test_a_frame_is_encoded_once_for_all() -> None:
    room, inboxes = lab(), [Inbox(name) for name in ("ann", "bob", "cid", "dan")]
    for inbox in inboxes:
        room.join(inbox, inbox.member)
    room.fan_out(Pong(), withheld={"bob"}, but=[inboxes[2]])
    await settle()
    assert [len(inbox.offered) for inbox in inboxes] == [1, 0, 0, 1]
    assert inboxes[0].offered[0][1] is inboxes[3].offered[0][1]


async def test_what_is_told_in_one_turn_leaves_in_the_next_joined_once() -> None:
    room, ann, bob = lab(), Inbox("ann"), Inbox("bob")
    for inbox in (ann, bob):
        room.join(inbox, inbox.member)
    for number in range(3):
        room.fan_out(Pong(ref=str(number)))
    assert ann.offered == []
    await settle()
    assert ann.texts() == ["0", "1", "2"]
    assert ann.bundles[0] is bob.bundles[0]
    assert len(ann.bundles) == 1


async def test_who_is_settled_has_what_was_told_and_gets_the_rest_later_once() -> None:
    room, ann, bob = lab(), Inbox("ann"), Inbox("bob")
    for inbox in (ann, bob):
        room.join(inbox, inbox.member)
    room.fan_out(Pong(ref="0"))
    room.settle(ann)
    room.settle(ann)
    assert (ann.texts(), bob.texts()) == (["0"], [])
    room.fan_out(Pong(ref="1"))
    room.flush()
    room.flush()
    await settle()
    assert (ann.texts(), bob.texts()) == (["0", "1"], ["0", "1"])


async def test_many_bytes_do_not_wait_for_the_turn_to_end() -> None:
    room, ann = lab(), Inbox("ann")
    room.join(ann, ann.member)
    for _ in range(5):
        room.fan_out(Pong(ref="x" * (BURST_BYTES_MAX // 2)))
    assert len(ann.offered) == 4
    await settle()
    assert len(ann.offered) == 5


async def test_a_busy_room_gathers_for_two_milliseconds_and_one_at_rest_does_not() -> None:
    room, slow = lab(), Inbox("slow")
    room.join(slow, slow.member)
    loop = asyncio.get_running_loop()
    room._free_at = loop.time() + GATHER_SECONDS  # as a burst that took long leaves it
    for ref in ("0", "1"):
        room.fan_out(Pong(ref=ref))
        await settle(GATHER_SECONDS / 4)
    assert slow.offered == []
    await settle(GATHER_SECONDS)
    assert (slow.texts(), len(slow.bundles)) == (["0", "1"], 1)
    began = loop.time()
    room.fan_out(Pong(ref="2"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (slow.texts(), loop.time()) == (["0", "1", "2"], began)


async def test_a_burst_is_counted_with_its_deliveries_and_the_lag_of_its_messages() -> None:
    counts = HubCounts()
    room = OpenRoom(RoomInfo("lab", "The lab"), "e", 0, clock, counts)
    for name in ("ann", "bob"):
        inbox = Inbox(name)
        room.join(inbox, inbox.member)
    room.said_at.append(clock())
    room.fan_out(Pong())
    room.fan_out(Pong(), withheld={"bob"})
    await settle()
    assert (counts.bursts, counts.deliveries) == (1, 3)
    assert counts.lag.cumulative()[-1] == ("+Inf", 1.0)


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
