from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cadence.app import (
    Service,
    StartError,
    check_exposure,
    check_place,
    dispatch,
    listen,
    pid_file,
    read_host_token,
)
from cadence.personas.starter import init
from cadence.settings import load


def test_a_host_token_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    token = read_host_token(tmp_path)
    assert len(token) >= 32
    assert read_host_token(tmp_path) == token
    assert stat.S_IMODE((tmp_path / "host-token").stat().st_mode) == 0o600


def test_an_empty_host_token_is_refused(tmp_path: Path) -> None:
    (tmp_path / "host-token").write_text("\n")
    with pytest.raises(StartError, match="at least 16 characters"):
        read_host_token(tmp_path)


def test_a_taken_port_is_named() -> None:
    with (
        listen("127.0.0.1", 0) as first,
        pytest.raises(StartError, match=f"port {first.getsockname()[1]} on 127.0.0.1"),
    ):
        listen("127.0.0.1", first.getsockname()[1])


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StartError, match=r"203\.0\.113\.1"):
        listen("203.0.113.1", 0)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_off_loopback_a_token_or_open_is_needed(host: str) -> None:
    with pytest.raises(StartError, match="CADENCE_TOKEN"):
        check_exposure(load(host=host))
    check_exposure(load(host=host, open=True))
    check_exposure(load(host=host, token="a-long-enough-secret"))


def test_loopback_needs_nothing() -> None:
    check_exposure(load(host="127.0.0.1"))


def test_the_pid_file_lives_as_long_as_the_server(tmp_path: Path) -> None:
    with pid_file(tmp_path):
        assert (tmp_path / "cadence.pid").read_text() == f"{os.getpid()}\n"
    assert not (tmp_path / "cadence.pid").exists()


async def test_a_websocket_elsewhere_than_ws_is_closed() -> None:
    async def unused(*_: object) -> None:
        raise AssertionError("not reached")

    sent: list[object] = []

    async def send(event: object) -> None:
        sent.append(event)

    await dispatch(unused, unused)({"type": "websocket", "path": "/other"}, unused, send)
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "expected /ws"}]


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
async def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot be written"):
        await Service.open(load(place=tmp_path, data=tmp_path / "file" / "data"))


def test_a_place_that_is_not_there_is_no_empty_place(tmp_path: Path) -> None:
    check_place(tmp_path)
    with pytest.raises(StartError, match="`cadence init .*rooom` makes one"):
        check_place(tmp_path / "rooom")


async def test_a_pack_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "pack.json").write_text("{}")
    with pytest.raises(StartError, match=r"pack.json: expected a pack of version 1"):
        await Service.open(load(place=tmp_path, data=tmp_path / "data", pack=tmp_path / "pack.json"))
