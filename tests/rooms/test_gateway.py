import asyncio
import json

import pytest

from cadence.rooms.connection import SAYING_MAX
from cadence.rooms.gateway import BAD_FRAMES_MAX, HELLO_TRIES_MAX, Gateway
from cadence.rooms.log import Appended, Draft
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.wire import FRAME_BYTES_MAX
from tests.asgi import Channel, Closed, Refused
from tests.rooms.house import HOST_TOKEN, House, clock, settle


async def closed(channel: Channel) -> Closed:
    """How the server ended this connection; frames before it are dropped."""
    with pytest.raises(Closed) as caught:
        while True:
            await channel.receive()
    await channel.served()
    return caught.value


async def test_two_agents_talk() -> None:
    house = await House().start()
    ann, bob = await house.member("Ann"), await house.member("Bob")
    assert (await ann.say("hello @Bob"))["seq"] == 1
    message = await bob.until("message")
    assert message["from"] == {"id": ann.id, "name": "Ann", "kind": "agent"}
    assert message["mentions"] == [bob.id]


async def test_welcome_says_who_one_is_and_what_holds() -> None:
    house = await House().start()
    ann = await house.client("Ann", ref="h", client="tests")
    assert ann.welcome == {
        "type": "welcome",
        "ref": "h",
        "you": {"id": ann.id, "name": "Ann", "kind": "agent", "role": "guest"},
        "session": ann.session,
        "resumed": False,
        "heartbeat_s": 20.0,
        "limits": {"frame_bytes": 65536, "messages_per_s": 200.0, "rooms": 64},
        "features": [
            "paraphrase",
            "paced",
            "raw",
            "view",
            "read",
            "ask",
            "history",
            "redact",
            "typing",
            "mute",
            "kick",
            "ban",
        ],
        "server": {"name": "cadence", "version": "1.2.3"},
    }
    bob = await house.client("Bob", "human")
    assert bob.welcome["limits"]["messages_per_s"] == 5.0


async def test_coming_back_with_a_session_is_being_the_same() -> None:
    house = await House().start()
    ann = await house.client("Ann")
    await ann.channel.cut()
    again = await house.client(resume=ann.session)
    assert (again.id, again.session, again.welcome["resumed"]) == (ann.id, ann.session, True)
    await again.channel.cut()
    await settle(121)
    late = await house.client("Ann", resume=ann.session)
    assert (late.id == ann.id, late.welcome["resumed"]) == (False, False)


# The handshake.


async def test_the_subprotocol_is_chosen_or_left_out() -> None:
    house = await House().start()
    assert (await house.open(subprotocols=["chat", "cadence.v1"])).subprotocol == "cadence.v1"
    assert (await house.open(subprotocols=[])).subprotocol is None
    with pytest.raises(Refused):
        await house.open(subprotocols=["chat"])


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8765", "https://127.0.0.1:8765", "https://friend.example"])
async def test_own_and_allowed_pages_may_connect(origin: str) -> None:
    house = await House().start()
    gateway = Gateway(
        house.hub, house.identity, clock, version="1", origins=["https://friend.example"], hosts=["127.0.0.1"]
    )
    assert await Channel(gateway, headers={"origin": origin}).open()


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://[", "host": "["},
        {"origin": "http://evil.example", "host": ""},
        {"origin": "http://evil.example:8765", "host": "evil.example:8765"},
    ],
)
async def test_other_pages_are_refused_before_they_are_heard(headers: dict[str, str]) -> None:
    house = await House().start()
    gateway = Gateway(house.hub, house.identity, clock, version="1", hosts=["127.0.0.1"])
    with pytest.raises(Refused):
        await Channel(gateway, headers=headers).open()


async def test_a_full_server_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cadence.rooms.gateway.CONNECTIONS_MAX", 1)
    house = await House().start()
    ann = await house.client("Ann")
    with pytest.raises(Refused):
        await house.open()
    await ann.channel.cut()
    assert await house.open()


# Before welcome.


async def test_no_hello_within_five_seconds_is_4001() -> None:
    house = await House().start()
    channel = await house.open()
    await settle(4.9)
    assert channel.pending() == 0
    await settle(0.2)
    assert (await closed(channel)).code == 4001


async def test_another_frame_before_hello_is_4001() -> None:
    house = await House().start()
    channel = await house.open()
    await channel.send({"type": "join", "room": "lab"})
    assert (await closed(channel)).code == 4001


async def test_nonsense_before_hello_is_explained_and_4001() -> None:
    house = await House().start()
    channel = await house.open()
    await channel.send("hello?")
    assert (await channel.receive())["code"] == "bad_frame"
    assert (await closed(channel)).code == 4001
    assert asyncio.get_running_loop().time() < 0.1


async def test_a_bad_token_is_unauthorized_and_4003() -> None:
    house = await House().start()
    channel = await house.open()
    await channel.send({"type": "hello", "kind": "human", "token": "wrong", "ref": "1"})
    error = await channel.receive()
    assert (error["code"], error["ref"]) == ("unauthorized", "1")
    assert (await closed(channel)).code == 4003


async def test_elsewhere_strangers_are_4003() -> None:
    house = await House(open=False).start()
    channel = await house.open()
    await channel.send({"type": "hello", "kind": "human"})
    assert (await closed(channel)).code == 4003
    assert (await house.client(kind="human", token=HOST_TOKEN)).id == "host"


async def test_a_hello_that_is_refused_may_be_said_again() -> None:
    house = await House().start()
    await house.client("Ann")
    channel = await house.open()
    for hello, code in (({"kind": "robot"}, "bad_field"), ({"kind": "agent", "name": "ANN"}, "conflict")):
        await channel.send({"type": "hello", "ref": "1", **hello})
        error = await channel.receive()
        assert (error["code"], error["ref"]) == (code, "1")
    await channel.send({"type": "hello", "kind": "agent", "name": "Bob"})
    assert (await channel.receive())["you"]["name"] == "Bob"


async def test_twenty_refused_hellos_are_4001() -> None:
    house = await House().start()
    channel = await house.open()
    for _ in range(HELLO_TRIES_MAX):
        await channel.send({"type": "hello", "kind": "robot"})
    assert (await closed(channel)).code == 4001


async def test_leaving_before_hello_is_quiet() -> None:
    house = await House().start()
    channel = await house.open()
    await channel.cut()


async def test_one_who_does_not_read_before_welcome_is_let_go() -> None:
    house = await House().start()
    channel = await house.open()
    channel.stall()
    await channel.send({"type": "hello", "kind": "robot"})
    await settle(7)
    await channel.served()


# Bad frames.


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "bad_frame"),
        ("[]", "bad_frame"),
        ('"hello"', "bad_frame"),
        (b"\x00\x01", "bad_frame"),
        ({"no": "type"}, "bad_frame"),
        ({"type": "dance"}, "unknown_type"),
        ({"type": "say", "room": "lab", "id": "", "text": "x"}, "bad_field"),
        ({"type": "say", "room": "lab", "id": "m", "text": "x" * FRAME_BYTES_MAX}, "too_large"),
        ({"type": "say", "room": "lab", "id": "m", "text": "x" * 8 * FRAME_BYTES_MAX}, "too_large"),
        (
            json.dumps(
                {"type": "say", "room": "lab", "id": "m", "text": "é" * (FRAME_BYTES_MAX // 2)}, ensure_ascii=False
            ),
            "too_large",
        ),
    ],
)
async def test_a_bad_frame_is_answered_and_the_connection_lives(
    frame: dict[str, object] | str | bytes, code: str
) -> None:
    house = await House().start()
    ann = await house.member("Ann")
    await ann.channel.send(frame)
    error = await ann.until("error")
    assert error["code"] == code
    assert len(str(error)) < 1000
    assert (await ann.ask("ping"))["type"] == "pong"


async def test_a_frame_of_exactly_the_limit_is_served() -> None:
    house = await House().start()
    ann = await house.member("Ann")
    empty = json.dumps({"type": "say", "room": "lab", "id": "m", "text": ""})
    await ann.channel.send(empty.replace('""', f'"{"x" * (FRAME_BYTES_MAX - len(empty))}"'))
    assert (await ann.until("said"))["seq"] == 1


async def test_twenty_bad_frames_in_a_minute_are_4000() -> None:
    house = await House().start()
    ann = await house.client("Ann")
    for _ in range(BAD_FRAMES_MAX - 1):
        await ann.channel.send("{")
    assert len(await ann.drain()) == 19
    assert (await ann.ask("ping"))["type"] == "pong"
    await ann.channel.send("{")
    assert (await ann.receive())["code"] == "bad_frame"
    assert (await closed(ann.channel)).code == 4000


async def test_twenty_bad_frames_in_a_longer_time_are_forgiven() -> None:
    house = await House().start()
    ann = await house.client("Ann")
    for _ in range(2 * BAD_FRAMES_MAX):
        await ann.channel.send("{")
        await settle(3.2)
    assert (await ann.ask("ping"))["type"] == "pong"


# Slow and lost peers.


async def test_a_stalled_receiver_is_closed_and_the_room_goes_on() -> None:
    house = await House().start()
    ann, bob, slow = await house.member("Ann"), await house.member("Bob"), await house.member("Slow")
    await bob.drain()
    await slow.drain()
    slow.channel.stall()
    for number in range(30):
        await ann.say("x" * 60_000, f"m{number}")
    await settle(2)
    await slow.channel.served()
    assert [f["seq"] for f in await bob.drain() if f["type"] == "message"] == list(range(1, 31))
    assert [m.name for m in house.hub.rooms()[0].members()] == ["Ann", "Bob"]


async def test_a_slow_one_resumes_and_misses_nothing() -> None:
    house = await House().start()
    ann, slow = await house.member("Ann"), await house.member("Slow")
    await ann.say("first")
    await slow.until("message")
    slow.channel.stall()
    for number in range(30):
        await ann.say("x" * 60_000, f"m{number}")
    await settle(0.5)
    slow.channel.resume()
    frames = []
    with pytest.raises(Closed) as caught:
        while True:
            frames.append(await slow.receive())
    assert caught.value.code == 4008
    got = [f["seq"] for f in frames if f["type"] == "message"]
    again = await house.client(resume=slow.session)
    await again.join(after={"epoch": "epoch-0", "seq": max(got, default=1)})
    missed = [f["seq"] for f in await again.drain() if f["type"] == "message"]
    assert got + missed == list(range(2, 32))


async def test_a_cut_takes_the_member_out_of_its_rooms() -> None:
    house = await House().start()
    ann = await house.member("Ann")
    await ann.channel.cut()
    assert house.hub.rooms()[0].member_count == 0
    assert house.gateway._open == 0


async def test_requests_of_one_connection_are_served_in_order() -> None:
    house = await House().start()
    ann = await house.client("Ann")
    await ann.send("join", room="lab", ref="1")
    await ann.send("say", room="lab", id="m", text="x", ref="2")
    await ann.send("history", room="lab", stream="raw", ref="3")
    await ann.send("leave", room="lab", ref="4")
    replies = [frame for frame in await ann.drain() if "ref" in frame]
    assert [(frame["type"], frame["ref"]) for frame in replies] == [
        ("joined", "1"),
        ("said", "2"),
        ("page", "3"),
        ("left", "4"),
    ]


class GatedLog(MemoryLog):
    """Answers no append before its gate is opened."""

    def __init__(self) -> None:
        super().__init__(clock)
        self.gate, self.appended = asyncio.Event(), 0

    async def append(self, draft: Draft) -> Appended:
        self.appended += 1
        appended = await super().append(draft)
        await self.gate.wait()
        return appended


async def test_what_one_says_does_not_wait_for_the_log_and_all_else_waits_for_what_was_said() -> None:
    log = GatedLog()
    house = await House(log=log).start()
    ann = await house.member("Ann")
    await ann.drain()
    for number in range(3):
        await ann.send("say", room="lab", id=f"m{number}", text="x", ref=f"s{number}")
    await ann.send("say", room="lab", id="m3", text="", ref="refused")
    await ann.send("ping", ref="p")
    assert [frame.get("ref") for frame in await ann.drain()] == ["refused"]
    assert log.appended == 3, "they share a commit"
    log.gate.set()
    frames = [(frame["type"], frame.get("ref", frame.get("seq"))) for frame in await ann.drain()]
    said = [("said", "s0"), ("message", 1), ("said", "s1"), ("message", 2), ("said", "s2"), ("message", 3)]
    assert frames == [*said, ("pong", "p")]


async def test_one_connection_has_a_bounded_number_of_messages_in_the_log() -> None:
    log = GatedLog()
    house = await House(log=log).start()
    ann = await house.member("Ann")
    for number in range(SAYING_MAX + 10):
        await ann.send("say", room="lab", id=f"m{number}", text="x")
    await settle()
    assert log.appended == SAYING_MAX
    log.gate.set()
    assert len([frame for frame in await ann.drain() if frame["type"] == "said"]) == SAYING_MAX + 10


async def test_who_is_cut_while_the_log_works_leaves_when_it_has_answered() -> None:
    log = GatedLog()
    house = await House(log=log).start()
    ann, bob = await house.member("Ann"), await house.member("Bob")
    await ann.send("say", room="lab", id="m", text="x")
    await settle()
    cutting = asyncio.ensure_future(ann.channel.cut())
    await settle()
    assert house.hub.rooms()[0].is_member(ann.id), "so that nothing of who has left is still under way"
    log.gate.set()
    await cutting
    assert not house.hub.rooms()[0].is_member(ann.id)
    assert [frame["id"] for frame in await bob.drain() if frame["type"] == "message"] == ["m"]


async def test_a_log_that_refuses_answers_each_message_it_refused() -> None:
    house = await House().start()
    ann = await house.member("Ann")
    house.log.available = False
    for number in range(3):
        await ann.send("say", room="lab", id=f"m{number}", text="x", ref=f"{number}")
    answers = [(frame["code"], frame["ref"]) for frame in await ann.drain() if frame["type"] == "error"]
    assert answers == [("unavailable", "0"), ("unavailable", "1"), ("unavailable", "2")]


async def test_a_server_that_fails_at_hello_says_so_and_nothing_more() -> None:
    house = await House().start()

    async def broken(hello: object) -> None:
        raise ZeroDivisionError("secret")

    house.identity.greet = broken  # type: ignore[method-assign, assignment]
    channel = await house.open()
    await channel.send({"type": "hello", "kind": "agent"})
    error = await channel.receive()
    assert (error["code"], "secret" in str(error)) == ("unavailable", False)
