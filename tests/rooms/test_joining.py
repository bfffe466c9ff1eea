import asyncio

import pytest

from cadence.rooms.joining import REPLAY_MESSAGES_MAX, ROOMS_MAX, can_replay
from cadence.rooms.log import Draft
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.room import RoomInfo
from cadence.rooms.wire import After, Author, Member, Message, Pong, Say, ViewPatch
from tests.asgi import Closed
from tests.rooms.house import HOST_TOKEN, Client, House, clock, settle
from tests.rooms.mediation import FakeMediation

VERA = Member("vera", "Vera", "agent", "member")
AFTER = {"epoch": "epoch-0", "seq": 2}


async def house_of(count: int, mediation: FakeMediation | None = None) -> House:
    """A house in whose lab `count` messages were said."""
    house = await House(mediation).start()
    for number in range(1, count + 1):
        await house.hub.say(VERA, Say(room="lab", id=f"m{number}", text=f"text {number}"))
        if number % 300 == 0:
            await settle(2)
    return house


async def come_back(house: House, kind: str = "agent", **join: object) -> tuple[Client, list[dict[str, object]]]:
    """A client that joins, and the frames from `joined` on but without presence."""
    client = await house.client("Bob", kind)
    await client.send("join", room="lab", **join)
    return client, [frame for frame in await client.drain() if frame["type"] != "presence"]


async def test_joined_says_where_one_is() -> None:
    house = await house_of(3)
    bob, (joined,) = await come_back(house, ref="1")
    member = {"id": bob.id, "name": "Bob", "kind": "agent", "role": "guest"}
    assert joined == {
        "type": "joined",
        "ref": "1",
        "room": "lab",
        "title": "The lab",
        "epoch": "epoch-0",
        "head": 3,
        "recovered": True,
        "members": [member],
        "member_count": 1,
        "view": None,
    }


async def test_without_a_mediator_people_read_the_raw_stream() -> None:
    house = await house_of(1)
    bob, (joined,) = await come_back(house, "human")
    assert joined["view"]["mode"] == "raw"  # type: ignore[index]
    await house.hub.say(VERA, Say(room="lab", id="next", text="x"))
    assert (await bob.until("message"))["seq"] == 2


async def test_what_was_missed_comes_in_order_and_then_the_live_frames() -> None:
    house = await house_of(200)
    bob = await house.client("Bob")
    bob.channel.stall()
    await bob.send("join", room="lab", after=AFTER)
    await settle()
    await house.hub.say(VERA, Say(room="lab", id="live", text="x"))
    bob.channel.resume()
    frames = [frame for frame in await bob.drain() if frame["type"] != "presence"]
    assert (frames[0]["type"], frames[0]["head"], frames[0]["recovered"]) == ("joined", 200, True)
    assert [frame["seq"] for frame in frames[1:]] == list(range(3, 202))


async def test_redactions_of_what_one_has_come_first() -> None:
    house = await house_of(4)
    ann = await house.member("Grace", "human", token=HOST_TOKEN)
    for seq in (1, 3):
        await ann.ask("redact", room="lab", seq=seq)
    _, frames = await come_back(house, after=AFTER)
    assert [(f["type"], f.get("seq"), f.get("redacted")) for f in frames[1:]] == [
        ("redacted", 1, None),
        ("message", 3, True),
        ("message", 4, None),
    ]


@pytest.mark.parametrize(
    ("epoch", "seq", "head", "possible"),
    [
        ("e", 5, 5, True),
        ("e", 0, REPLAY_MESSAGES_MAX, True),
        ("e", 0, REPLAY_MESSAGES_MAX + 1, False),
        ("other", 5, 5, False),
        ("e", 6, 5, False),
    ],
)
def test_what_can_be_replayed(epoch: str, seq: int, head: int, possible: bool) -> None:
    assert can_replay(After(epoch, seq), "e", head) is possible


@pytest.mark.parametrize("after", [{"epoch": "other", "seq": 1}, {"epoch": "epoch-0", "seq": 9}])
async def test_what_cannot_be_replayed_is_not_recovered_and_nothing_comes(after: dict[str, object]) -> None:
    house = await house_of(3)
    bob, frames = await come_back(house, after=after)
    assert [(f["type"], f.get("recovered")) for f in frames] == [("joined", False)]
    await house.hub.say(VERA, Say(room="lab", id="live", text="x"))
    assert (await bob.until("message"))["seq"] == 4


async def test_joining_again_replays_only_what_is_asked() -> None:
    house = await house_of(3)
    bob, _ = await come_back(house)
    await bob.send("join", room="lab")
    assert [f["type"] for f in await bob.drain() if f["type"] != "presence"] == ["joined"]
    await bob.send("join", room="lab", after={"epoch": "epoch-0", "seq": 2})
    assert [f["type"] for f in await bob.drain() if f["type"] != "presence"] == ["joined", "message"]
    await house.hub.say(VERA, Say(room="lab", id="live", text="x"))
    assert [f["seq"] for f in await bob.drain()] == [4]


async def test_joining_again_without_after_replays_nothing_to_a_reader() -> None:
    mediation = FakeMediation()
    house = await House(mediation).start()
    bob, _ = await come_back(house, "human")
    mediation.backfill = [[Pong(ref="missed")]]
    await bob.send("join", room="lab")
    assert [f["type"] for f in await bob.drain() if f["type"] != "presence"] == ["joined"]


async def test_a_backfill_keeps_nobody_from_speaking() -> None:
    house = await house_of(1000)
    bob = await house.client("Bob")
    bob.channel.stall()
    await bob.send("join", room="lab", after=AFTER)
    await bob.send("say", room="lab", id="mine", text="I am back")
    await settle()
    assert house.hub.rooms()[0].head == 1001
    bob.channel.resume()
    frames = [frame for frame in await bob.drain() if frame["type"] not in ("presence", "said")]
    assert [frame["seq"] for frame in frames[1:]] == list(range(3, 1002))


async def test_leaving_in_the_middle_of_a_backfill_ends_it() -> None:
    house = await house_of(1000)
    bob = await house.client("Bob")
    bob.channel.stall()
    await bob.send("join", room="lab", after=AFTER)
    await bob.send("leave", room="lab")
    await settle()
    bob.channel.resume()
    frames = await bob.drain()
    assert frames[0]["type"] == "joined"
    assert "left" in [frame["type"] for frame in frames]
    assert len(frames) < 100
    assert (await bob.say("still here?"))["code"] == "not_joined"


async def test_a_private_room_is_as_if_it_were_not_there() -> None:
    house = await House().start()
    ann = await house.client("Ann")
    refused, unknown = await ann.join("attic"), await ann.join("cellar")
    assert refused["code"] == unknown["code"] == "no_such_room"
    assert unknown["room"] == "cellar"
    vera = await house.client(token=house.identity.persona_token("vera", "Vera"))
    assert (await vera.join("attic"))["type"] == "joined"
    host = await house.client(kind="human", token=HOST_TOKEN)
    assert (await host.join("attic"))["type"] == "joined"


async def test_one_connection_joins_a_bounded_number_of_rooms() -> None:
    house = await House().start()
    for number in range(ROOMS_MAX + 1):
        await house.hub.open_room(RoomInfo(f"r{number}", "A room"))
    ann = await house.client("Ann")
    for number in range(ROOMS_MAX):
        assert (await ann.join(f"r{number}"))["type"] == "joined"
    assert (await ann.join(f"r{ROOMS_MAX}"))["code"] == "conflict"
    assert (await ann.join("r0"))["type"] == "joined"
    await ann.ask("leave", room="r0")
    assert (await ann.join(f"r{ROOMS_MAX}"))["type"] == "joined"


async def test_a_reader_is_attached_with_the_head_before_its_live_frames() -> None:
    mediation = FakeMediation()
    house = await house_of(3, mediation)
    mediation.gate = asyncio.Event()
    bob = await house.client("Bob", "human")
    await bob.send("join", room="lab", after={"epoch": "epoch-0", "seq": 1, "turn": 4}, view={"cadence_s": 8})
    await settle()
    await house.hub.say(Member("eve", "Eve", "human"), Say(room="lab", id="live", text="hello"))
    mediation.backfill = [[Pong(ref="turn 5")]]
    mediation.gate.set()
    frames = [frame for frame in await bob.drain() if frame["type"] != "presence"]
    assert mediation.told("attach") == [("lab", bob.id, After("epoch-0", 1, 4), ViewPatch(cadence_s=8.0), 3)]
    assert [f["type"] for f in frames] == ["joined", "pong", "message"]
    assert (frames[0]["head"], frames[0]["view"]["mode"]) == (3, "paraphrase")


async def test_each_connection_is_attached_once_and_detached_once() -> None:
    mediation = FakeMediation()
    house = await House(mediation).start()
    bob, _ = await come_back(house, "human")
    key = ("lab", bob.id)
    assert mediation.readers[key] == 1
    await bob.join()
    assert mediation.readers[key] == 1
    second = await house.client(kind="human", resume=bob.session)
    await second.join()
    assert mediation.readers[key] == 2
    await second.ask("leave", room="lab")
    assert mediation.readers[key] == 1
    await bob.channel.cut()
    assert mediation.readers[key] == 0


async def test_agents_are_never_attached() -> None:
    mediation = FakeMediation()
    house = await House(mediation).start()
    bob, _ = await come_back(house, "agent")
    await bob.channel.cut()
    assert mediation.calls == []


async def test_a_join_that_fails_leaves_one_outside() -> None:
    mediation = FakeMediation()
    house = await House(mediation).start()
    mediation.failure = OSError("disk")
    bob, (error,) = await come_back(house, "human")
    assert error["code"] == "unavailable"
    assert "disk" not in str(error)
    assert (await bob.say("hello"))["code"] == "not_joined"
    assert mediation.told("detach") == []
    mediation.failure = None
    assert (await bob.join())["type"] == "joined"


async def test_a_join_again_that_fails_keeps_one_inside() -> None:
    mediation = FakeMediation()
    house = await House(mediation).start()
    bob, _ = await come_back(house, "human")
    mediation.failure = OSError("disk")
    assert (await bob.join(after={"epoch": "epoch-0", "seq": 0}))["code"] == "unavailable"
    mediation.failure = None
    await house.hub.say(Member("eve", "Eve", "human"), Say(room="lab", id="live", text="hello"))
    assert [f["type"] for f in await bob.drain() if f["type"] != "presence"] == ["message"]
    assert mediation.readers["lab", bob.id] == 1


async def test_a_reader_cut_while_it_arrives_is_detached() -> None:
    mediation = FakeMediation()
    house = await House(mediation).start()
    mediation.gate = asyncio.Event()
    bob = await house.client("Bob", "human")
    await bob.send("join", room="lab")
    await settle()
    cut = asyncio.create_task(bob.channel.cut())
    await settle()
    mediation.gate.set()
    await cut
    assert mediation.readers["lab", bob.id] == 0
    assert house.hub.rooms()[0].member_count == 0


async def test_a_backfill_that_fails_ends_the_connection_so_that_it_comes_back() -> None:
    mediation = FakeMediation()
    house = await House(mediation).start()
    mediation.backfill = [[Pong()], []]
    bob = await house.client("Bob", "human")
    await bob.send("join", room="lab")
    with pytest.raises(Closed) as caught:
        await bob.until("nothing")
    assert caught.value.code == 1012


class ShortLog(MemoryLog):
    """Has lost what it said it had."""

    async def messages(
        self, room: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> list[Message]:
        return []


async def test_a_log_that_lacks_messages_is_not_passed_over_in_silence() -> None:
    house = await House(log=ShortLog(clock, epochs=iter(["epoch-0", "epoch-1"]))).start()
    for number in range(3):
        await house.log.append(Draft("lab", Author("vera", "Vera", "agent"), f"m{number}", clock(), "x"))
    house = await House(log=house.log).start()
    bob = await house.client("Bob")
    await bob.send("join", room="lab", after={"epoch": "epoch-0", "seq": 0})
    with pytest.raises(Closed) as caught:
        await bob.until("message")
    assert caught.value.code == 1012
