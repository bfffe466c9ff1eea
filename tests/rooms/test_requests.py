import pytest

from cadence.rooms.limiter import BURST_S, REQUESTS_PER_S
from cadence.rooms.wire import Covers, Member, Say, Segment, Turn
from tests.rooms.house import HOST_TOKEN, House, settle
from tests.rooms.mediation import FakeMediation

VERA = Member("vera", "Vera", "agent", "member")


async def mediated() -> tuple[House, FakeMediation]:
    mediation = FakeMediation()
    return await House(mediation).start(), mediation


async def test_ping_is_answered_with_its_ref() -> None:
    ann = await (await House().start()).client("Ann")
    assert await ann.ask("ping") == {"type": "pong", "ref": "ref ping"}
    await ann.send("ping")
    assert await ann.receive() == {"type": "pong"}


async def test_a_second_hello_is_a_conflict() -> None:
    ann = await (await House().start()).client("Ann")
    assert (await ann.ask("hello", kind="agent"))["code"] == "conflict"


async def test_leaving_is_answered_whether_one_was_there_or_not() -> None:
    house = await House().start()
    ann = await house.member("Ann")
    for room in ("lab", "lab", "nowhere"):
        assert await ann.ask("leave", room=room) == {"type": "left", "ref": "ref leave", "room": room}
    assert house.hub.rooms()[0].member_count == 0


@pytest.mark.parametrize(
    "request_fields",
    [
        {"type": "say", "id": "m", "text": "x"},
        {"type": "redact", "seq": 1},
        {"type": "history", "stream": "raw"},
        {"type": "view", "cadence_s": 5},
        {"type": "read", "turn": 1},
        {"type": "typing"},
        {"type": "mute", "participant": "x"},
        {"type": "kick", "participant": "x"},
        {"type": "ban", "participant": "x", "for_s": 5},
    ],
)
@pytest.mark.parametrize(("room", "code"), [("lab", "not_joined"), ("nowhere", "no_such_room")])
async def test_one_must_be_in_a_room_to_act_in_it(request_fields: dict[str, object], room: str, code: str) -> None:
    house, _ = await mediated()
    bob = await house.client("Bob", "human")
    error = await bob.ask(**request_fields, room=room)  # type: ignore[arg-type]
    assert (error["type"], error["code"], error["room"]) == ("error", code, room)


@pytest.mark.parametrize(
    "request_fields",
    [
        {"type": "view", "cadence_s": 5},
        {"type": "read", "turn": 1},
        {"type": "ask", "what": "catch_up"},
        {"type": "history", "stream": "turns"},
    ],
)
async def test_agents_are_forbidden_what_only_readers_have(request_fields: dict[str, object]) -> None:
    house, mediation = await mediated()
    vera = await house.member("Vera")
    assert (await vera.ask(**request_fields, room="lab"))["code"] == "forbidden"  # type: ignore[arg-type]
    assert mediation.calls == []


async def test_without_a_mediator_there_is_no_view_to_change() -> None:
    bob = await (await House().start()).member("Bob", "human")
    assert (await bob.ask("view", room="lab", cadence_s=9))["code"] == "unavailable"


async def test_an_answer_goes_to_all_connections_of_the_user_with_the_ref_on_the_asking_one() -> None:
    house, mediation = await mediated()
    host = await house.member("Host", "human", token=HOST_TOKEN)
    other = await house.member("Host", "human", token=HOST_TOKEN)
    await other.drain()
    turn = await host.ask("ask", room="lab", what="question", text="why?")
    assert (turn["type"], turn["mode"], turn["covers"], turn["segments"]) == ("turn", "answer", None, [])
    theirs = [frame for frame in await other.drain() if frame["type"] == "turn"]
    assert theirs == [{name: value for name, value in turn.items() if name != "ref"}]
    assert mediation.told("ask") == [("host", "question")]


async def test_six_questions_a_minute_are_answered_over_all_connections_of_the_user() -> None:
    house, mediation = await mediated()
    host = await house.member("Host", "human", token=HOST_TOKEN)
    other = await house.member("Host", "human", token=HOST_TOKEN)
    for number in range(6):
        assert (await (host, other)[number % 2].ask("ask", room="lab", what="room"))["type"] == "turn"
    error = await other.ask("ask", room="lab", what="room")
    assert (error["code"], error["room"]) == ("rate_limited", "lab")
    assert 9.0 < error["retry_after_s"] <= 10.0
    await settle(error["retry_after_s"])
    assert (await host.ask("ask", room="lab", what="room"))["type"] == "turn"
    assert (await (await house.member("Bob", "human")).ask("ask", room="lab", what="room"))["type"] == "turn"


@pytest.mark.parametrize(
    "fields",
    [{"what": "weather"}, {"what": "room", "words": 9}, {"what": "room", "words": 401}, {"what": "room", "since": -1}]
    + [{"what": "question", "text": "x" * 501}, {}],
)
async def test_a_question_out_of_bounds_is_a_bad_field(fields: dict[str, object]) -> None:
    house, mediation = await mediated()
    bob = await house.member("Bob", "human")
    await bob.send("ask", room="lab", **fields)
    assert (await bob.until("error"))["code"] == "bad_field"
    assert mediation.told("ask") == []


async def test_where_everybody_reads_raw_there_is_nobody_to_ask() -> None:
    bob = await (await House().start()).member("Bob", "human")
    assert (await bob.ask("ask", room="lab", what="room"))["code"] == "unavailable"


async def test_a_view_is_answered_to_the_asker_and_pushed_to_the_readers_other_connections() -> None:
    house, _ = await mediated()
    bob = await house.member("Bob", "human")
    second = await house.client(kind="human", resume=bob.session)
    await second.join()
    await second.drain()
    await bob.drain()
    await bob.send("view", ref="v", room="lab", cadence_s=9)
    (reply,) = await bob.drain()
    assert (reply["view"]["cadence_s"], reply["participant"], reply["set_by"]) == (9.0, bob.id, bob.id)
    assert (reply["type"], reply["ref"]) == ("view", "v")
    pushed = [frame for frame in await second.drain() if frame["type"] == "view"]
    assert pushed == [{key: value for key, value in reply.items() if key != "ref"}]


async def test_a_host_sets_another_readers_view() -> None:
    house, _ = await mediated()
    bob = await house.member("Bob", "human")
    host = await house.member("Grace", "human", token=HOST_TOKEN)
    reply = await host.ask("view", room="lab", cadence_s=9, participant=bob.id)
    assert (reply["participant"], reply["set_by"]) == (bob.id, "host")
    assert (await bob.until("view"))["set_by"] == "host"


async def test_reading_needs_something_read_and_has_no_reply() -> None:
    house, mediation = await mediated()
    bob = await house.member("Bob", "human")
    error = await bob.ask("read", room="lab")
    assert (error["code"], error["field"]) == ("bad_field", "turn")
    await bob.drain()
    await bob.send("read", room="lab", turn=3)
    assert await bob.drain() == []
    assert mediation.told("read") == [(bob.id, 3)]


async def test_history_pages_what_was_said() -> None:
    house, mediation = await mediated()
    for number in range(5):
        await house.hub.say(VERA, Say(room="lab", id=f"m{number}", text=f"text {number}"))
    bob = await house.member("Bob", "human")
    page = await bob.ask("history", room="lab", stream="raw", after=1, limit=2)
    assert [item["seq"] for item in page["items"]] == [2, 3]
    assert (page["type"], page["room"], page["stream"], page["more"]) == ("page", "lab", "raw", True)
    assert mediation.told("opened") == []


async def test_unfolding_tells_the_mediator_what_exists_of_it() -> None:
    house, mediation = await mediated()
    await house.hub.say(VERA, Say(room="lab", id="m", text="x"))
    bob, ann = await house.member("Bob", "human"), await house.member("Ann")
    await bob.ask("history", room="lab", stream="raw", seqs=[1, 2])
    await ann.ask("history", room="lab", stream="raw", seqs=[1])
    assert mediation.told("opened") == [("lab", bob.id, [1])]


async def test_history_asked_in_two_ways_is_a_bad_field() -> None:
    house = await House().start()
    ann = await house.member("Ann")
    error = await ann.ask("history", room="lab", stream="raw", before=5, seqs=[1])
    assert (error["code"], error["field"]) == ("bad_field", "seqs")


def turn(number: int, covers: Covers) -> Turn:
    segment = Segment("quote", ("vera",), "text", (1,), 1.0)
    return Turn(
        room="lab", turn=number, at="", mode="paraphrase", covers=covers, words=1, segments=(segment,), by="embedded"
    )


async def test_turns_are_for_their_reader_and_for_hosts() -> None:
    house, _ = await mediated()
    await house.hub.say(VERA, Say(room="lab", id="m", text="text"))
    bob = await house.member("Bob", "human")
    eve = await house.member("Eve", "human")
    host = await house.member("Grace", "human", token=HOST_TOKEN)
    await house.log.append_turn(bob.id, turn(1, Covers("epoch-0", 1, 1, 1, 1)))
    own = await bob.ask("history", room="lab", stream="turns")
    assert [item["turn"] for item in own["items"]] == [1]
    assert (await bob.ask("history", room="lab", stream="turns", participant=bob.id))["items"] == own["items"]
    assert (await host.ask("history", room="lab", stream="turns", participant=bob.id))["items"] == own["items"]
    assert (await host.ask("history", room="lab", stream="turns"))["items"] == []
    error = await eve.ask("history", room="lab", stream="turns", participant=bob.id)
    assert (error["code"], error["field"]) == ("forbidden", "participant")


async def test_pages_do_not_make_a_slow_reader_a_lost_one() -> None:
    house = await House().start()
    for number in range(4):
        await house.hub.say(VERA, Say(room="lab", id=f"m{number}", text="x" * 60_000))
    ann = await house.member("Ann")
    await ann.drain()
    ann.channel.stall()
    for _ in range(20):
        await ann.send("history", room="lab", stream="raw")
    await settle(60)
    (connection,) = house.hub._connections
    assert 200_000 < connection._outbox.replay_bytes < 300_000
    ann.channel.resume()
    assert [frame["type"] for frame in await ann.drain()] == ["page"] * 20


async def test_a_failure_in_one_request_ends_neither_the_connection_nor_leaks() -> None:
    house, mediation = await mediated()
    bob = await house.member("Bob", "human")
    mediation.failure = ZeroDivisionError("at /secret/path.py")
    error = await bob.ask("view", room="lab", cadence_s=9)
    assert error["code"] == "unavailable"
    assert "secret" not in str(error) and "Division" not in str(error)
    assert (await bob.ask("ping"))["type"] == "pong"


async def test_a_log_that_cannot_be_read_is_unavailable() -> None:
    house = await House().start()
    ann = await house.member("Ann")
    await house.log.close()
    error = await ann.ask("history", room="lab", stream="raw")
    assert (error["code"], error["retry_after_s"]) == ("unavailable", 1.0)


async def test_requests_of_any_kind_are_limited() -> None:
    ann = await (await House().start()).client("Ann")
    for _ in range(int(REQUESTS_PER_S * BURST_S) + 1):
        await ann.send("ping", ref="p")
    frames = await ann.drain()
    assert [frame["type"] for frame in frames[:-1]] == ["pong"] * 800
    assert (frames[-1]["code"], frames[-1]["ref"]) == ("rate_limited", "p")
    assert frames[-1]["retry_after_s"] > 0


async def test_a_user_with_many_connections_has_one_share_of_requests() -> None:
    house = await House().start()
    ann = await house.client("Ann")
    others = [await house.client(kind="agent", resume=ann.session) for _ in range(2)]
    for client in (ann, *others):
        for _ in range(790):
            await client.send("ping")
    answered = [frame["type"] for client in (ann, *others) for frame in await client.drain()]
    assert 1590 < answered.count("pong") < 1620 and answered.count("error") > 700  # 800 a second, of two seconds
    bob = await house.client("Bob")
    await bob.send("ping")
    assert (await bob.receive())["type"] == "pong"


async def test_a_room_name_without_end_is_not_repeated_to_its_sender() -> None:
    ann = await (await House().start()).client("Ann")
    error = await ann.join("x" * 60_000)
    assert len(str(error)) < 500
