from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from cadence.app import Service, dispatch
from cadence.personas.starter import init
from cadence.process import CLOCK_JUMP
from cadence.rooms.wire import Member, Say, from_iso
from cadence.settings import load
from cadence.starting import LOOPBACK, StartError
from tests.asgi import fetch


async def test_a_websocket_elsewhere_than_ws_is_closed() -> None:
    async def unused(*_: object) -> None:
        raise AssertionError("not reached")

    sent: list[object] = []

    async def send(event: object) -> None:
        sent.append(event)

    await dispatch(unused, unused)({"type": "websocket", "path": "/other"}, unused, send)
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "expected /ws"}]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8765", 200),
        ("[::1]:8765", 200),
        ("127.0.0.1", 200),
        ("evil.example:8765", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
async def test_http_answers_under_the_names_of_this_machine_only(host: str, status: int) -> None:
    async def api(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("rooms")(scope, receive, send)

    answer = await fetch(dispatch(api, api, LOOPBACK), "GET", "/api/rooms", host=host)
    assert answer.status == status and (status == 200) == (answer.body == b"rooms")
    assert (await fetch(dispatch(api, api), "GET", "/api/rooms", host=host)).status == 200


@pytest.mark.real_time
async def test_reading_the_place_again_takes_new_rooms_and_keeps_broken_ones(tmp_path: Path) -> None:
    place, data = tmp_path / "place", tmp_path / "data"
    init(place)
    (place / "rooms" / "hall.toml").write_text('title = "The hall"\n')
    service = await Service.open(load(place=place, data=data))
    try:
        titles = {room.info.room: room.info.title for room in service.hub.rooms()}
        assert titles["hall"] == "The hall"
        (place / "rooms" / "hall.toml").write_text('titel = "The great hall"\n')
        (place / "rooms" / "attic.toml").write_text('title = "The attic"\n')
        await service.read_place()
        titles = {room.info.room: room.info.title for room in service.hub.rooms()}
        assert (titles["hall"], titles["attic"]) == ("The hall", "The attic")
        (place / "rooms" / "hall.toml").write_text('title = "The great hall"\n')
        await service.read_place()
        assert next(room for room in service.hub.rooms() if room.info.room == "hall").info.title == "The great hall"
    finally:
        await service.close()


@pytest.mark.real_time
async def test_time_goes_on_from_the_log_when_the_system_s_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms" / "hall.toml").write_text('title = "The hall"\n')
    settings = load(place=tmp_path, data=tmp_path / "data", mediators=0)
    times = []
    for jump in ("86400", "0"):
        monkeypatch.setenv(CLOCK_JUMP, jump)
        service = await Service.open(settings)
        try:
            said = await service.hub.say(
                Member("vera", "Vera", "agent", "member"), Say(room="hall", id=jump, text="hello")
            )
            times.append((from_iso(said.at), service.hub.clock()))
        finally:
            await service.close()
    (first, _), (second, now) = times
    assert first <= second <= now < first + 60.0


@pytest.mark.real_time
async def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot be written"):
        await Service.open(load(place=tmp_path, data=tmp_path / "file" / "data"))


async def test_a_pack_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "pack.json").write_text("{}")
    with pytest.raises(StartError, match=r"pack.json: expected a pack of version 1"):
        await Service.open(load(place=tmp_path, data=tmp_path / "data", pack=tmp_path / "pack.json"))
