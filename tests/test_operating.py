"""The commands of operators, as they are typed; what they do is tested beside the log and the doctor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cadence.cli import app
from cadence.personas.starter import init
from cadence.rooms.log import HostAction
from cadence.rooms.log.sqlite import SqliteLog
from cadence.rooms.log.tables import VERSION
from tests.rooms.log.places import draft
from tests.served import Served

pytestmark = pytest.mark.real_time


def cadence(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


async def fill(data: Path) -> None:
    log = await SqliteLog.open(data / "log.db", lambda: 1000.0)
    await log.open_room("room")
    await log.append(draft("hello"))
    await log.record(HostAction(1000.0, "host", "mute", "room", "eve", 1060.0))
    await log.record(HostAction(1001.0, "host", "ban", "room", "eve"))
    await log.record(HostAction(1002.0, "host", "redact", "room", "eve", note="seq 1"))
    await log.close()


async def test_a_backup_is_taken_and_put_back(data: Path, tmp_path: Path) -> None:
    await fill(data)
    copy = tmp_path / "copy.db"
    assert cadence("backup", copy, "--data", data).stdout.startswith(f"{copy}: ")
    before = json.loads(cadence("db", "status", "--data", data, "--json").stdout)
    result = cadence("restore", copy, "--data", data)
    assert result.exit_code == 0 and "before-restore-" in result.stdout
    after = json.loads(cadence("db", "status", "--check", "--data", data, "--json").stdout)
    assert (after["version"], after["sound"], after["rooms"][0]["head"]) == (VERSION, True, 1)
    assert after["rooms"][0]["epoch"] != before["rooms"][0]["epoch"]


async def test_status_and_audit_read_well(data: Path) -> None:
    await fill(data)
    assert "  room: 1 messages, 0 taken back, epoch" in cadence("db", "status", "--check", "--data", data).stdout
    assert cadence("audit", "room", "--data", data).stdout.splitlines() == [
        "1970-01-01T00:16:40.000Z  host  mute  eve until 1970-01-01T00:17:40.000Z",
        "1970-01-01T00:16:41.000Z  host  ban  eve until a host ends it",
        "1970-01-01T00:16:42.000Z  host  redact  eve  seq 1",
    ]
    last = json.loads(cadence("audit", "room", "--limit", 1, "--json", "--data", data).stdout)
    assert (last["number"], last["what"], last["at"]) == (3, "redact", "1970-01-01T00:16:42.000Z")


@pytest.mark.parametrize("command", [["backup", "copy.db"], ["db", "status"], ["audit", "room"]])
def test_a_log_that_is_not_there_is_one_sentence_and_no_file(data: Path, command: list[str]) -> None:
    result = cadence(*command, "--data", data)
    assert (result.exit_code, result.stdout) == (1, "") and "expected a Cadence log at" in result.stderr
    assert list(data.iterdir()) == []


async def test_a_running_server_is_copied_and_not_overwritten(data: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    init(place)
    async with Served(place, data) as server:
        zed = await server.guest("Zed", "agent")
        room = next(path.stem for path in (place / "rooms").glob("*.toml"))
        epoch = (await zed.join(room))["epoch"]
        said = await zed.say(room, "Before the copy.")
        assert cadence("backup", tmp_path / "copy.db", "--data", data).exit_code == 0
        await zed.say(room, "After it.")
        result = cadence("restore", tmp_path / "copy.db", "--data", data)
        assert result.exit_code == 1 and "another server holds it" in result.stderr
        assert await server.stop() == 0
        await zed.over()
        assert cadence("restore", tmp_path / "copy.db", "--data", data).exit_code == 0
        await server.start()
        assert (await zed.open(await server.dial()))["you"]["name"] == "Zed"
        joined = await zed.join(room)
        assert not joined["recovered"] and joined["epoch"] != epoch
        texts = [item["text"] for item in await zed.messages(room)]
        assert "Before the copy." in texts and "After it." not in texts and joined["head"] >= said["seq"]
        assert {item["epoch"] for item in await zed.messages(room)} == {joined["epoch"]}
        await zed.cut()


def test_the_doctor_ends_with_1_if_something_would_fail(data: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    init(place)
    well = cadence("doctor", place, "--data", data, "--port", 0)
    assert well.exit_code == 0 and "ok    python: " in well.stdout
    ill = cadence("doctor", tmp_path / "absent", "--data", data, "--port", 0, "--json")
    assert ill.exit_code == 1
    assert [each["check"] for each in json.loads(ill.stdout) if each["state"] == "fail"] == ["place"]
    assert cadence("doctor", place, "--port", 99999).exit_code == 1
