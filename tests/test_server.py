"""The server as strangers meet it: a process of its own, real sockets, a real disk, kill -9."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from tests import checks
from tests.checks import Log, log_of, manners
from tests.served import Served
from tests.stranger import Closed, Frame, Refused, Stranger

pytestmark = pytest.mark.real_time
ROOM = "hall"
PROMPT_S = 5.0  # a busy machine with two cores is not late
ACKNOWLEDGED = 200
KIB = 1024


@pytest.fixture
def place(tmp_path: Path) -> Path:
    rooms = tmp_path / "place" / "rooms"
    rooms.mkdir(parents=True)
    (rooms / f"{ROOM}.toml").write_text('title = "The hall"\n')
    return tmp_path / "place"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


async def leave_all(*strangers: Stranger) -> None:
    for stranger in strangers:
        await stranger.cut()


def is_message(text: str) -> Any:
    return lambda frame: frame["type"] == "message" and frame["text"] == text


def no_traceback(server: Served, *strangers: Stranger) -> None:
    frames = json.dumps([seen.frame for stranger in strangers for seen in stranger.diary])
    assert "Traceback" not in "\n".join(server.lines) + frames, "\n".join(server.lines[-40:])
    assert 'File "' not in frames


def judge(log: Log, agents: list[Stranger], readers: list[Stranger]) -> None:
    violations = []
    for agent in agents:
        violations += checks.agent(str(agent.name), agent.diary, log, agent.id, calm=[]).violations
    for reader in readers:
        calm = [(0.0, float("inf"))] if reader.connection == 1 else []
        verdict = checks.reader(str(reader.name), reader.diary, log, reader.id, calm=calm, prompt_s=PROMPT_S)
        violations += verdict.violations
    assert violations == []


@pytest.mark.parametrize("mediators", ["0", "2"])
async def test_strangers_live_in_a_room_of_a_real_server(place: Path, data: Path, mediators: str) -> None:
    async with Served(place, data, "--mediators", mediators) as server:
        ada, bob = await server.guest("Ada", "agent"), await server.guest("Bob", "agent")
        rae, host = await server.guest("Rae"), await server.guest("Hana", token=server.host_token)
        for agent in (ada, bob):
            await agent.join(ROOM)
        await rae.join(ROOM, view={"cadence_s": 1.0})
        await host.join(ROOM, view={"mode": "raw"})
        assert host.you["role"] == "host" and rae.you["role"] == "guest"
        await ada.say(ROOM, "Two appointments were lost on Tuesday.")
        code = [{"kind": "code", "lang": "sql", "body": "select *\nfrom ledger;\n"}]
        answer = await bob.say(ROOM, "@Ada which ones?", parts=code, reply_to=1)
        await rae.say(ROOM, "I am here now.")
        slip = await ada.say(ROOM, "Their names are secret.")
        await rae.until(lambda frame: frame["type"] == "turn" and frame["covers"]["to"] >= answer["seq"])
        await ada.redact(ROOM, slip["seq"])
        for stranger in (bob, rae, host):
            await stranger.until(lambda frame: frame["type"] == "redacted" and frame["seq"] == slip["seq"])
        narrowed = await host.view(ROOM, participant=rae.id, cadence_s=30, lock=["cadence_s"])
        assert narrowed["locked"] == ["cadence_s"]
        await rae.until(lambda frame: frame["type"] == "view" and frame["set_by"] == "host")
        with pytest.raises(Refused, match="forbidden"):
            await rae.view(ROOM, cadence_s=2)
        assert (await rae.request({"type": "ping"}))["type"] == "pong"
        log = log_of(ROOM, [host.diary, bob.diary])
        assert manners.gone_from_history("Rae", await rae.messages(ROOM), log) == []
        assert (await bob.leave(ROOM))["type"] == "left"
        judge(log, [ada], [rae, host])
        no_traceback(server, ada, bob, rae, host)
        await leave_all(ada, bob, rae, host)


async def _flood(agent: Stranger, stop: asyncio.Event, acknowledged: list[Frame]) -> None:
    """Talk until the connection is lost; remember what was acknowledged."""
    number = 0
    with suppress(Closed):
        while not stop.is_set():
            number += 1
            text = f"{agent.name} says number {number}, and shard {number % 7} moved {number * 3} rows."
            acknowledged.append(await agent.say(ROOM, text, id=f"{agent.name}-{number}"))


@pytest.mark.parametrize("mediators", ["0", "2"])
async def test_kill_9_under_load_loses_nothing_that_was_acknowledged(place: Path, data: Path, mediators: str) -> None:
    async with Served(place, data, "--mediators", mediators) as server:
        agents = [await server.guest(name, "agent") for name in ("Ada", "Bob", "Cyd")]
        rae, ron = await server.guest("Rae"), await server.guest("Ron")
        joined = [await stranger.join(ROOM) for stranger in agents]
        await rae.join(ROOM, view={"cadence_s": 1.0})
        await ron.join(ROOM, view={"mode": "raw"})
        stop, acknowledged = asyncio.Event(), list[Frame]()
        talking = [asyncio.create_task(_flood(agent, stop, acknowledged)) for agent in agents]
        await rae.until(lambda frame: frame["type"] == "turn")
        await ron.until(lambda frame: frame["type"] == "message" and frame["seq"] >= ACKNOWLEDGED)
        await server.kill()
        await asyncio.gather(*talking)
        everybody = [*agents, rae, ron]
        for stranger in everybody:
            await stranger.over()
        names = [stranger.id for stranger in everybody]

        await server.start()
        for stranger in everybody:
            assert (await stranger.open(await server.dial()))["resumed"]
            back = await stranger.join(ROOM)
            assert back["recovered"] and back["epoch"] == joined[0]["epoch"]
        assert [stranger.id for stranger in everybody] == names
        kept = {item["seq"]: item for item in await ron.messages(ROOM)}
        assert len(acknowledged) >= ACKNOWLEDGED
        lost = [said for said in acknowledged if kept.get(said["seq"], {}).get("id") != said["id"]]
        assert lost == []
        first = await agents[0].say(ROOM, "Ada says number 1, and shard 1 moved 3 rows.", id="Ada-1")
        assert first["seq"] == next(said["seq"] for said in acknowledged if said["id"] == "Ada-1")
        last = await agents[0].say(ROOM, "That was all.")
        for stranger in (*agents, ron):
            await stranger.until(is_message("That was all."))
        await rae.until(lambda f: f["type"] == "turn" and bool(f["covers"]) and f["covers"]["to"] >= last["seq"])
        judge(log_of(ROOM, [ron.diary, *(agent.diary for agent in agents)]), agents, [rae, ron])
        no_traceback(server, *everybody)
        await leave_all(*everybody)


async def test_what_was_said_can_be_asked_for_before_and_after_a_kill(place: Path, data: Path) -> None:
    async with Served(place, data) as server:
        ada, rae = await server.guest("Ada", "agent"), await server.guest("Rae")
        host, other = [await server.guest("Hana", token=server.host_token) for _ in range(2)]
        for stranger in (ada, rae, host, other):
            await stranger.join(ROOM)
        said = await ada.say(ROOM, "The reactor was shut down because a valve froze.")
        for number in range(120):
            await ada.say(ROOM, f"Note {number}: desk {number * 7 % 13} counted {number * 31} slips of the ledger.")
        slip = await ada.say(ROOM, "The passphrase is xylophone.")
        await ada.redact(ROOM, slip["seq"])
        with pytest.raises(Refused) as refused:
            await ada.ask(ROOM, "room")
        assert refused.value.code == "forbidden"
        turn = await host.ask(ROOM, "question", text="Why was the reactor shut down?", words=40)
        assert turn["mode"] == "answer" and turn["covers"] is None and turn["words"] <= 40
        assert said["seq"] in {seq for segment in turn["segments"] for seq in segment["sources"]}
        theirs = await other.until(lambda frame: frame["type"] == "turn" and frame["turn"] == turn["turn"])
        assert theirs == {name: value for name, value in turn.items() if name != "ref"}
        assert (await host.ask(ROOM, "question", text="xylophone passphrase"))["segments"] == []

        await server.kill()
        assert b"xylophon" not in everything_in(data)
        await server.start()
        for stranger in (ada, rae, host, other):
            await stranger.over()
        for stranger in (ada, rae):
            await stranger.open(await server.dial())
            await stranger.join(ROOM)
        again = await rae.ask(ROOM, "question", text="Why was the reactor shut down?", words=40)
        assert said["seq"] in {seq for segment in again["segments"] for seq in segment["sources"]}
        assert (await rae.ask(ROOM, "speaker", speaker=ada.id))["segments"]
        assert said["seq"] in (await rae.ask(ROOM, "room", since=0, words=400))["segments"][0]["sources"]
        judge(log_of(ROOM, [ada.diary]), [ada], [rae])
        no_traceback(server, rae, host)
        await leave_all(ada, rae)


def get(server: Served, path: str, token: str | None = None) -> tuple[int, str]:
    """Status and body of a GET; the kernel's own waiting, beside the loop."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    request = Request(f"http://{server.host}{path}", headers=headers)
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=6 * PROMPT_S) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def test_the_figures_of_a_real_server_count_what_it_does(place: Path, data: Path) -> None:
    async with Served(place, data) as server:
        ada, ron = await server.guest("Ada", "agent"), await server.guest("Ron")
        await ada.join(ROOM)
        await ron.join(ROOM, view={"mode": "raw"})
        for number in range(20):
            await ada.say(ROOM, f"Number {number}.")
        await ron.until(is_message("Number 19."))
        status, text = await asyncio.to_thread(get, server, "/metrics")
        assert status == 200
        figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        assert float(figures["cadence_messages_total"]) == 20
        assert float(figures["cadence_deliveries_total"]) >= 40
        assert float(figures["process_resident_memory_bytes"]) > 1e6
        assert (await asyncio.to_thread(get, server, "/readyz"))[0] == 200
        await leave_all(ada, ron)


async def test_figures_need_a_token_where_guests_do(place: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADENCE_TOKEN", "the entry token of a test")
    async with Served(place, data) as server:
        tokens = (None, "wrong", "the entry token of a test", server.host_token)
        answers = [await asyncio.to_thread(get, server, "/metrics", token) for token in tokens]
        assert [status for status, _ in answers] == [401, 401, 200, 200]


async def test_sigterm_asks_everybody_to_come_back(place: Path, data: Path) -> None:
    async with Served(place, data) as server:
        rae = await server.guest("Rae")
        await rae.join(ROOM)
        assert await server.stop() == 0
        assert not (data / "cadence.pid").exists()
        assert await rae.over() == 1012
        assert rae.received("reconnect")[0]["after_s"] > 0
        no_traceback(server, rae)


async def test_what_a_host_decides_about_others_outlives_kill_9(place: Path, data: Path) -> None:
    async with Served(place, data) as server:
        host = await server.guest("Hana", token=server.host_token)
        eve, bob, cyd = [await server.guest(name) for name in ("Eve", "Bob", "Cyd")]
        for stranger in (host, eve, bob, cyd):
            await stranger.join(ROOM)
        await bob.send({"type": "typing", "room": ROOM})
        await eve.until(lambda frame: frame["type"] == "typing" and frame["participant"] == bob.id)
        orders: list[Frame] = [
            {"type": "mute", "participant": bob.id},
            {"type": "kick", "participant": cyd.id},
            {"type": "ban", "participant": eve.id, "for_s": 3600},
        ]
        for order in orders:
            assert (await host.request({**order, "room": ROOM}))["type"] == "ok"
        assert (await cyd.over(), await eve.over()) == (4010, 4011)
        with pytest.raises(Refused, match="forbidden"):
            await bob.say(ROOM, "I will not be silenced.")
        await server.kill()
        await bob.over()
        await server.start()
        with pytest.raises(Refused, match="forbidden"):
            await eve.open(await server.dial())
        assert await eve.over() == 4011
        for stranger in (bob, cyd):
            assert (await stranger.open(await server.dial()))["resumed"]
            await stranger.join(ROOM)
        with pytest.raises(Refused, match="forbidden"):
            await bob.say(ROOM, "I will not be silenced.")
        assert (await cyd.say(ROOM, "Here I am again."))["seq"] == 1
        no_traceback(server, host, eve, bob, cyd)
        await leave_all(bob, cyd)


BAD_FRAMES: list[tuple[str | Frame, str, str | None]] = [
    ("{", "bad_frame", None),
    ("[]", "bad_frame", None),
    ("null", "bad_frame", None),
    ('{"type": 1}', "bad_frame", "type"),
    ({"type": "shout"}, "unknown_type", "type"),
    ({"type": "say", "room": ROOM, "id": "1"}, "bad_field", "text"),
    ({"type": "say", "room": ROOM, "id": "", "text": "x"}, "bad_field", "id"),
    ({"type": "say", "room": ROOM, "id": "1", "text": 7}, "bad_field", "text"),
    ({"type": "say", "room": ROOM, "id": "1", "text": ""}, "bad_field", "text"),
    ({"type": "say", "room": ROOM, "id": "2", "text": "x", "reply_to": 99}, "not_found", "reply_to"),
    ({"type": "say", "room": ROOM, "id": "3", "text": "x", "pod": "cellar"}, "not_found", "pod"),
    ({"type": "say", "room": "cellar", "id": "4", "text": "x"}, "no_such_room", None),
    ({"type": "join", "room": "cellar"}, "no_such_room", None),
    ({"type": "view", "room": ROOM, "cadence_s": 0}, "bad_field", "cadence_s"),
    ('{"type": "view", "room": "hall", "cadence_s": NaN}', "bad_field", "cadence_s"),
    ({"type": "redact", "room": ROOM, "seq": 99}, "not_found", "seq"),
    ({"type": "ask", "room": ROOM, "what": "question"}, "bad_field", "text"),
    ({"type": "mute", "room": ROOM, "participant": "ron"}, "forbidden", None),
    ({"type": "hello", "kind": "human"}, "conflict", None),
    ({"type": "say", "room": ROOM, "id": "5", "text": "x" * 100 * KIB}, "too_large", None),
]


async def test_bad_frames_are_answered_and_the_connection_lives(place: Path, data: Path) -> None:
    async with Served(place, data) as server:
        for name, half in (("Rae", BAD_FRAMES[::2]), ("Ron", BAD_FRAMES[1::2])):  # twenty would end a connection
            rae = await server.guest(name)
            await rae.join(ROOM)
            for frame, code, field in half:
                answer = rae.expect(lambda frame: frame["type"] == "error")
                await rae.send(frame)
                async with asyncio.timeout(PROMPT_S):
                    error = await answer
                assert (error["code"], error.get("field")) == (code, field), (str(frame)[:80], error)
                assert error["message"] and len(error["message"]) < 500
            assert (await rae.request({"type": "ping"}))["type"] == "pong"
            assert await rae.messages(ROOM) == []
            no_traceback(server, rae)
            await leave_all(rae)


async def test_twenty_bad_frames_in_a_minute_end_a_connection(place: Path, data: Path) -> None:
    async with Served(place, data) as server:
        rae = await server.guest("Rae")
        for _ in range(20):
            await rae.send("{")
        assert await rae.over() == 4000


async def test_a_frame_of_eight_megabytes_closes_one_connection_and_no_other(place: Path, data: Path) -> None:
    async with Served(place, data) as server:
        rae, ron = await server.guest("Rae"), await server.guest("Ron")
        await ron.join(ROOM, view={"mode": "raw"})
        with suppress(Closed):
            await rae.send({"type": "say", "room": ROOM, "id": "1", "text": "x" * 8 * KIB * KIB})
        assert await rae.over() == 1009
        said = await ron.say(ROOM, "Still here.")
        assert said["seq"] == 1
        no_traceback(server, rae, ron)
        await leave_all(ron)


async def test_who_does_not_say_hello_properly_is_shown_out(place: Path, data: Path) -> None:
    async with Served(place, data) as server:
        socket = await server.dial()
        await socket.send('{"type": "ping"}')
        with pytest.raises(Closed) as closed:
            while True:
                await socket.receive()
        assert closed.value.code == 4001
        liar = Stranger("Eve", token="not-a-token")
        with pytest.raises(Refused, match="unauthorized"):
            await liar.open(await server.dial())
        assert await liar.over() == 4003


async def test_a_broken_room_file_keeps_the_old_room(place: Path, data: Path) -> None:
    async with Served(place, data) as server:
        rae = await server.guest("Rae")
        assert (await rae.join(ROOM))["title"] == "The hall"
        path = place / "rooms" / f"{ROOM}.toml"
        path.write_text('title = "The great hall"\ntitel = 3\n')
        (place / "rooms" / "attic.toml").write_text('title = "The attic"\n')
        server.reload()
        problem = await server.said(r"titel")
        assert "hall.toml" in problem and "title" in problem
        await server.said("place read")
        assert (await rae.join(ROOM))["title"] == "The hall"
        assert (await rae.say(ROOM, "Still here."))["seq"] == 1
        assert (await rae.join("attic"))["title"] == "The attic"
        path.write_text('title = "The great hall"\n')
        server.reload()
        await server.said("place read")
        assert (await rae.join(ROOM))["title"] == "The great hall"
        await leave_all(rae)


async def test_a_taken_port_is_one_clear_sentence(place: Path, data: Path) -> None:
    async with Served(place, data) as server:
        port = server.host.rpartition(":")[2]
        second = Served(place, data.with_name("other"), "--port", port)
        await second.launch()
        assert await second.ended() == 1
        assert len(second.lines) == 1 and f"port {port}" in second.lines[0]


async def test_data_that_another_server_holds_is_one_clear_sentence(place: Path, data: Path) -> None:
    async with Served(place, data):
        second = Served(place, data)
        await second.launch()
        assert await second.ended() == 1
        assert len(second.lines) == 1 and "log.db" in second.lines[0]


async def test_a_full_disk_refuses_clearly_and_loses_nothing(place: Path, data: Path) -> None:
    """The disk is a limit on the size of files; it grows again later."""
    async with Served(place, data, file_bytes_max=512 * KIB) as server:
        ada, rae, ron = await server.guest("Ada", "agent"), await server.guest("Rae"), await server.guest("Ron")
        await ada.join(ROOM)
        await rae.join(ROOM, view={"cadence_s": 1.0})
        await ron.join(ROOM, view={"mode": "raw"})
        acknowledged = []
        with pytest.raises(Refused, match="unavailable") as refused:
            for number in range(2000):
                acknowledged.append(await ada.say(ROOM, f"Number {number}: {'x' * 4000}", id=f"n{number}"))
        assert refused.value.frame["message"] and "sqlite" not in refused.value.frame["message"].lower()
        assert len(acknowledged) > 5
        ids = [item["id"] for item in await ron.messages(ROOM)]
        assert ids == [said["id"] for said in acknowledged]
        assert (await rae.request({"type": "ping"}))["type"] == "pong"
        server.grant(64 * KIB * KIB)
        said = await ada.say(ROOM, "There is space again.", id="after")
        assert said["seq"] == len(acknowledged) + 1
        await ron.until(is_message("There is space again."))
        await rae.until(lambda f: f["type"] == "turn" and bool(f["covers"]) and f["covers"]["to"] >= said["seq"])
        judge(log_of(ROOM, [ron.diary]), [ada], [])
        no_traceback(server, ada, rae, ron)
        await leave_all(ada, rae, ron)
