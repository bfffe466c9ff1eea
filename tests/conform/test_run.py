"""`cadence conform` as it is typed, against a real server and against what is none."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cadence.cli import app
from cadence.conform.run import RULES
from tests.served import Served

pytestmark = pytest.mark.real_time


def cadence(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "place" / "rooms").mkdir(parents=True)
    (tmp_path / "place" / "rooms" / "hall.toml").write_text('title = "The hall"\n')
    return tmp_path / "place"


async def test_a_real_server_conforms(place: Path, tmp_path: Path) -> None:
    async with Served(place, tmp_path / "data") as server:
        url, token = f"http://{server.host}", server.host_token
        result = await asyncio.to_thread(cadence, "conform", url, "--token", token, "--json")
        report = json.loads(result.stdout)
        assert [each for each in report["results"] if each["state"] != "pass"] == []
        assert (result.exit_code, len(report["results"])) == (0, len(RULES))
        assert "Traceback" not in "\n".join(server.lines)


async def test_where_there_is_no_server_it_is_one_sentence() -> None:
    result = await asyncio.to_thread(cadence, "conform", "http://127.0.0.1:1")
    assert (result.exit_code, result.stdout) == (1, "") and "expected rooms at http://127.0.0.1:1" in result.stderr
    assert cadence("conform", "http://[").exit_code == 1


async def test_a_room_that_is_not_there_fails_and_says_why(place: Path, tmp_path: Path) -> None:
    async with Served(place, tmp_path / "data") as server:
        result = await asyncio.to_thread(cadence, "conform", f"http://{server.host}", "--room", "cellar")
        assert result.exit_code == 1 and "no_such_room" in result.stdout and "skip  hosts" in result.stdout
