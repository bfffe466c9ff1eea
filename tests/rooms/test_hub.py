import asyncio

import pytest

from cadence.rooms.hub import CONNECTIONS_PER_USER_MAX, Hub
from cadence.rooms.log import Appended, Draft
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.room import RoomInfo
from cadence.rooms.wire import Author, Member, Say, WireError
from tests.asgi import Closed, Refused
from tests.rooms.house import HOST_TOKEN, House, clock, settle
from tests.rooms.mediation import FakeMediation, alex

VERA = Member("vera", "Vera", "agent", "member")


def say(id: str, text: str = "hi") -> Say:
    return Say(room="lab", id=id, text=text)


async def test_said_comes_before_ones_own_message_and_repeats_the_ref() -> None:
    house = await House().start()
    ann = await house.member("Ann")
    await ann.send("say", room="lab", id="m1", text="hello", ref="7")
    frames = [frame for frame in await ann.drain() if frame["type"] != "presence"]
    assert [frame["type"] for frame in frames] == ["said", "message"]
    assert frames[0] == {
        "type": "said",
        "ref": "7",
        "room": "lab",
        "id": "m1",
        "seq": 1,
        "epoch": "epoch-0",
        "at": frames[1]["at"],
    }
    assert "ref" not in frames[1]


async def test_a_message_is_the_same_bytes_for_all() -> None:
    house = await House().start()
    ann, bob, cid = [await house.member(name) for name in ("Ann", "Bob", "Cid")]
    await ann.say("hello")
    texts = []
    for member in (bob, cid):
        while '"message"' not in (text := await member.channel.receive_text())[:20]:
            pass
        texts.append(text)
    assert texts[0] == texts[1]


async def test_all_that_was_said_is_in_the_message() -> None:
    house = await House().start()
    ann, bob = await house.member("Ann"), await house.member("Bob")
    await ann.say("first")
    parts = [{"kind": "code", "body": "x = 1\n", "lang": "python"}]
    await ann.say("@Bob see", "m2", parts=parts, reply_to=1, pod="desk", spoken=True)
    await bob.until("message")
    message = await bob.until("message")
    assert message == {
        "type": "message",
        "room": "lab",
        "epoch": "epoch-0",
        "seq": 2,
        "id": "m2",
        "from": {"id": ann.id, "name": "Ann", "kind": "agent"},
        "at": message["at"],
        "text": "@Bob see",
        "parts": parts,
        "reply_to": 1,
        "pod": "desk",
        "spoken": True,
        "mentions": [bob.id],
    }


async def test_saying_the_same_again_is_answered_and_not_said_twice() -> None:
    house = await House().start()
    ann, bob = await house.member("Ann"), await house.member("Bob")
    first = await ann.say("hello", "m1")
    again = await ann.say("hello", "m1")
    assert again == first
    assert (await ann.say("other", "m1"))["code"] == "conflict"
    assert (await bob.say("other", "m1"))["seq"] == 2
    assert [f["seq"] for f in await ann.drain() if f["type"] == "message"] == [2]


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"text": ""}, "bad_field", "text"),
        ({"text": "x", "reply_to": 1}, "not_found", "reply_to"),
        ({"text": "x", "reply_to": 0}, "not_found", "reply_to"),
        ({"text": "x", "pod": "roof"}, "not_found", "pod"),
    ],
)
async def test_what_cannot_be_said_names_its_field(fields: dict[str, object], code: str, field: str) -> None:
    house = await House().start()
    ann = await house.member("Ann")
    error = await ann.ask("say", room="lab", id="m1", **fields)
    assert (error["type"], error["code"], error["field"], error["room"]) == ("error", code, field, "lab")
    assert house.hub.rooms()[0].head == 0


async def test_a_message_of_parts_needs_no_text() -> None:
    house = await House().start()
    ann = await house.member("Ann")
    assert (await ann.ask("say", room="lab", id="m", text="", parts=[{"kind": "data", "body": ""}]))["type"] == "said"


async def test_when_the_log_cannot_write_the_sender_learns_it_and_nobody_else() -> None:
    house = await House().start()
    ann, bob = await house.member("Ann"), await house.member("Bob")
    house.log.available = False
    error = await ann.say("hello", "m1")
    assert (error["code"], error["retry_after_s"]) == ("unavailable", 1.0)
    assert "again with the same id" in error["message"]
    house.log.available = True
    assert (await ann.say("hello", "m1"))["seq"] == 1
    assert [f["seq"] for f in await bob.drain() if f["type"] == "message"] == [1]


async def test_people_may_say_five_messages_a_second() -> None:
    house = await House().start()
    bob = await house.member("Bob", kind="human")
    replies = [await bob.say(f"m{number}") for number in range(11)]
    assert [reply["type"] for reply in replies] == ["said"] * 10 + ["error"]
    assert (replies[-1]["code"], 0 < replies[-1]["retry_after_s"] <= 0.2) == ("rate_limited", True)
    await settle(replies[-1]["retry_after_s"])
    assert (await bob.say("m11"))["type"] == "said"


async def test_two_connections_do_not_double_what_a_user_may_say() -> None:
    house = await House().start()
    first = await house.member("Bob", kind="human")
    second = await house.client(kind="human", resume=first.session)
    await second.join()
    replies = [await (first, second)[number % 2].say(f"m{number}") for number in range(11)]
    assert replies[-1]["code"] == "rate_limited"


class SlowLog(MemoryLog):
    """Acknowledges in the order a test opens its gates."""

    def __init__(self) -> None:
        super().__init__(clock)
        self.gates: dict[str, asyncio.Event] = {}

    async def append(self, draft: Draft) -> Appended:
        appended = await super().append(draft)
        if draft.id in self.gates:
            await self.gates[draft.id].wait()
        return appended


async def test_no_message_overtakes_one_with_a_lower_seq() -> None:
    log = SlowLog()
    log.gates = {"a": asyncio.Event(), "b": asyncio.Event(), "c": asyncio.Event()}
    house = await House(log=log).start()
    ann, bob, cid, eve = [await house.member(name) for name in ("Ann", "Bob", "Cid", "Eve")]
    for member, id in ((ann, "a"), (bob, "b"), (cid, "c")):
        await member.send("say", room="lab", id=id, text=id)
        await settle()
    log.gates["c"].set()
    await settle()
    log.gates["b"].set()
    assert [f for f in await eve.drain() if f["type"] == "message"] == []
    log.gates["a"].set()
    assert [f["seq"] for f in await eve.drain() if f["type"] == "message"] == [1, 2, 3]
    kinds = [f["type"] for f in await cid.drain() if f["type"] in ("said", "message")]
    assert kinds == ["message", "message", "said", "message"]


async def test_what_was_committed_is_told_even_if_its_sender_is_cut_meanwhile() -> None:
    log = SlowLog()
    log.gates = {"a": asyncio.Event()}
    house = await House(log=log).start()
    bob = await house.member("Bob")
    saying = house.hub.say(VERA, say("a"))
    await settle()
    saying.cancel()
    await settle()
    log.gates["a"].set()
    assert [f["id"] for f in await bob.drain() if f["type"] == "message"] == ["a"]


async def test_a_message_this_hub_never_heard_of_does_not_stop_the_room() -> None:
    house = await House().start()
    bob = await house.member("Bob")
    await house.log.append(Draft("lab", Author("vera", "Vera", "agent"), "ghost", clock(), "boo"))
    await house.hub.say(VERA, say("b"))
    assert [f["id"] for f in await bob.drain() if f["type"] == "message"] == ["ghost", "b"]


async def test_agents_speech_is_withheld_from_mediated_humans_and_peoples_is_not() -> None:
    house = await House(FakeMediation()).start()
    vera, bob, eve = await house.member("Vera"), await house.member("Bob", "human"), await house.member("Eve", "human")
    await vera.say("machine speed")
    await eve.say("hello")
    assert [f["seq"] for f in await bob.drain() if f["type"] == "message"] == [2]
    assert [f["seq"] for f in await vera.drain() if f["type"] == "message"] == [1, 2]


async def test_a_mediator_that_fails_hides_nothing() -> None:
    mediation = FakeMediation()
    house = await House(mediation).start()
    bob = await house.member("Bob", "human")
    mediation.failure = RuntimeError("broken")
    await house.hub.say(VERA, say("a"))
    assert [f["seq"] for f in await bob.drain() if f["type"] == "message"] == [1]


async def test_a_frame_is_told_to_all_connections_of_its_reader_only() -> None:
    house = await House(FakeMediation()).start()
    bob, eve = await house.member("Bob", "human"), await house.member("Eve", "human")
    second = await house.client(kind="human", resume=bob.session)
    await second.join()
    for client in (bob, eve, second):
        await client.drain()
    house.hub.tell("lab", bob.id, alex("lab", 3))
    house.hub.tell("lab", "nobody", alex("lab", 4))
    house.hub.tell("nowhere", bob.id, alex("lab", 4))
    assert [f["type"] for f in await bob.drain()] == ["alex"]
    assert [f["type"] for f in await second.drain()] == ["alex"]
    assert await eve.drain() == []


async def test_presence_comes_at_most_once_a_second_and_gathers() -> None:
    house = await House().start()
    ann = await house.member("Ann")
    await settle(2)
    await ann.drain()
    bob = await house.member("Bob")
    assert [m["id"] for m in (await ann.until("presence"))["joined"]] == [bob.id]
    cid = await house.member("Cid", "human")
    await settle(0.9)
    assert await ann.drain() == []
    await settle(0.2)
    assert [m["id"] for m in (await ann.until("presence"))["joined"]] == [cid.id]
    await bob.channel.cut()
    await cid.channel.cut()
    await settle(0.7)
    assert await ann.drain() == []
    await settle(0.3)
    assert await ann.drain() == [{"type": "presence", "room": "lab", "left": [bob.id, cid.id]}]


async def test_a_user_is_one_member_until_the_last_connection_closes() -> None:
    house = await House().start()
    ann = await house.member("Ann")
    bob = await house.member("Bob")
    second = await house.client(resume=bob.session)
    joined = await second.join()
    assert [m["id"] for m in joined["members"]] == [ann.id, bob.id]
    assert joined["member_count"] == 2
    await settle(2)
    await ann.drain()
    await bob.channel.cut()
    await settle(2)
    assert await ann.drain() == []
    await second.channel.cut()
    await settle(2)
    assert [f["left"] for f in await ann.drain()] == [[bob.id]]


async def test_redacting_tells_everybody_and_the_mediator() -> None:
    mediation = FakeMediation()
    house = await House(mediation).start()
    ann, bob, eve = await house.member("Ann"), await house.member("Bob"), await house.member("Eve", "human")
    await ann.say("secret")
    await bob.drain()
    reply = await ann.ask("redact", room="lab", seq=1)
    assert reply == {"type": "redacted", "ref": "ref redact", "room": "lab", "seq": 1, "by": ann.id}
    for member in (bob, eve):
        frames = [f for f in await member.drain() if f["type"] == "redacted"]
        assert frames == [{"type": "redacted", "room": "lab", "seq": 1, "by": ann.id}]
    assert mediation.told("redacted") == [("lab", 1)]
    (message,) = await house.log.messages("lab", limit=1)
    assert (message.text, message.redacted) == ("", True)


async def test_redacting_again_is_answered_to_the_asker_alone() -> None:
    house = await House().start()
    ann, bob = await house.member("Ann"), await house.member("Bob")
    await ann.say("secret", "m1")
    await ann.ask("redact", room="lab", seq=1)
    await bob.drain()
    assert (await ann.ask("redact", room="lab", seq=1))["type"] == "redacted"
    assert await bob.drain() == []
    assert (await ann.say("secret", "m1"))["seq"] == 1


async def test_only_the_author_or_a_host_redacts() -> None:
    house = await House().start()
    ann, bob = await house.member("Ann"), await house.member("Bob")
    host = await house.member("Grace", "human", token=HOST_TOKEN)
    await ann.say("mine")
    await ann.say("mine too")
    assert (await bob.ask("redact", room="lab", seq=1))["code"] == "forbidden"
    assert (await host.ask("redact", room="lab", seq=1))["by"] == "host"
    for seq in (0, 3):
        error = await ann.ask("redact", room="lab", seq=seq)
        assert (error["code"], error["field"]) == ("not_found", "seq")


async def test_one_user_has_a_bounded_number_of_connections() -> None:
    house = await House().start()
    clients = [await house.client("Grace", token=HOST_TOKEN) for _ in range(CONNECTIONS_PER_USER_MAX)]
    channel = await house.open()
    await channel.send({"type": "hello", "kind": "human", "token": HOST_TOKEN})
    assert (await channel.receive())["code"] == "unavailable"
    with pytest.raises(Closed):
        await channel.receive()
    await clients[0].channel.cut()
    assert (await house.client("Grace", token=HOST_TOKEN)).id == "host"


async def test_draining_asks_everybody_back_and_lets_nobody_in() -> None:
    house = await House().start()
    ann, bob = await house.member("Ann"), await house.client("Bob")
    bob.channel.stall()
    await house.hub.drain(after_s=2.5)
    assert (await ann.until("reconnect"))["after_s"] == 2.5
    with pytest.raises(Closed) as caught:
        await ann.until("nothing")
    assert caught.value.code == 1012
    await bob.channel.served()
    with pytest.raises(Refused):
        await house.open()
    await house.hub.close()


async def test_a_room_can_be_changed_while_it_is_open() -> None:
    house = await House().start()
    ann = await house.member("Ann")
    await ann.say("hello")
    await house.hub.open_room(RoomInfo("lab", "The laboratory", pods=("roof",)))
    joined = await ann.join()
    assert (joined["title"], joined["head"]) == ("The laboratory", 1)
    assert (await ann.say("up here", pod="roof"))["type"] == "said"


async def test_a_new_hub_over_the_same_log_goes_on_where_the_old_one_was() -> None:
    house = await House().start()
    await house.hub.say(VERA, say("a"))
    hub = Hub(house.log, clock)
    await hub.open_room(RoomInfo("lab", "The lab"))
    assert (hub.rooms()[0].epoch, hub.rooms()[0].head) == ("epoch-0", 1)
    assert (await hub.say(VERA, say("b"))).seq == 2
    with pytest.raises(WireError, match="used before|said before"):
        await hub.say(VERA, say("a", "other"))


async def test_a_crowd_is_asked_to_come_back_one_after_the_other() -> None:
    house = await House().start()
    crowd = [await house.client(f"Guest {number}") for number in range(41)]
    await house.hub.drain(2.0)
    waits = [(await each.until("reconnect"))["after_s"] for each in crowd]
    assert waits == sorted(waits) and (waits[0], waits[1], waits[40]) == (2.0, 2.005, 2.2)
