"""The commands of hosts, as they are typed, against a real server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from cadence.cli import app
from cadence.hosting import REPORT, seconds
from tests.served import Served
from tests.stranger import Refused

pytestmark = pytest.mark.real_time


class Keeper:
    """Types commands at the server's own machine."""

    def __init__(self, server: Served) -> None:
        self._server = server

    async def run(self, *arguments: str) -> Result:
        where = ["--url", f"http://{self._server.host}", "--data", str(self._server.data)]
        return await asyncio.to_thread(CliRunner().invoke, app, [*arguments, *where])

    async def said(self, *arguments: str) -> str:
        result = await self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self.said(*arguments, "--json"))


def place(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "place/rooms").mkdir(parents=True)
    (tmp_path / "place/rooms/hall.toml").write_text('title = "The hall"\n')
    return tmp_path / "place", tmp_path / "data"


async def test_a_token_is_made_used_listed_and_revoked(tmp_path: Path) -> None:
    async with Served(*place(tmp_path)) as server:
        keeper = Keeper(server)
        made = await keeper.json("token", "create", "Ona", "--role", "member", "--expires", "30d")
        ona = await server.guest("Ona", token=made["token"])
        assert (ona.id, ona.received("welcome")[0]["you"]["role"]) == ("ona", "member")
        assert f"{made['id']}  ona  member (human)  by host until " in await keeper.said("token", "list")
        assert await keeper.said("token", "revoke", made["id"]) == f"{made['id']} is revoked.\n"
        assert await ona.over() == 4003
        with pytest.raises(Refused, match="unauthorized"):
            await server.guest("Ona", token=made["token"])
        refused = await keeper.run("token", "revoke", made["id"])
        assert refused.exit_code == 1 and "expected the id of a valid token" in refused.stderr
        files = b"".join(path.read_bytes() for path in server.data.glob("log.db*"))
        assert made["token"].encode() not in files


async def test_a_room_is_made_and_its_guests_are_there_after_a_kill(tmp_path: Path) -> None:
    async with Served(*place(tmp_path)) as server:
        keeper = Keeper(server)
        assert "nook is open" in await keeper.said("room", "make", "nook", "--title", "The nook", "--private")
        told = await keeper.json("room", "invite", "nook", "Bea", "--role", "guest")
        await server.kill()
        await server.start()
        bea = await server.guest("Bea", token=told["token"])
        await bea.join("nook")
        assert await keeper.said("room", "access", "nook") == "hosts, and:\n  bea  Bea  guest: invited, here now\n"
        changed = json.loads(await keeper.said("room", "change", "nook", "--keep-days", "30"))
        assert (changed["keep_days"], changed["public"]) == (30.0, False)
        filed = await keeper.run("room", "change", "hall", "--private")
        assert filed.exit_code == 1 and "rooms/hall.toml says how this room is" in filed.stderr
        assert "no longer" in await keeper.said("room", "dismiss", "nook", "bea")
        assert await bea.over() == 4010


async def test_somebody_is_forgotten_and_it_is_told_what_that_was(tmp_path: Path) -> None:
    async with Served(*place(tmp_path)) as server:
        keeper = Keeper(server)
        zed = await server.guest("Zed", "human")
        await zed.join("hall")
        await zed.say("hall", "A xylophonist lives here.")
        dry = await keeper.json("forget", zed.id, "--dry-run")
        assert (dry["messages"], dry["erased"], dry["alias"]) == (1, 1, None) and set(REPORT) <= set(dry)
        told = await keeper.said("forget", zed.id, "--yes")
        assert "forgotten-" in told and "1  messages they said" in told
        await zed.over()
        again = await keeper.run("forget", zed.id, "--yes")
        assert again.exit_code == 1 and "expected somebody of this server" in again.stderr
        assert await server.stop() == 0
        left = b"".join(path.read_bytes() for path in server.data.glob("log.db*"))
        assert b"xylophonist" not in left and zed.id.encode() not in left


async def test_without_a_server_it_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "host-token").write_text("a-token-of-a-host")
    where = ["--url", "http://127.0.0.1:1", "--data", str(tmp_path)]
    for command in (["token", "list"], ["room", "access", "hall"], ["forget", "zed", "--yes"]):
        result = CliRunner().invoke(app, [*command, *where])
        assert result.exit_code == 1 and result.stderr.startswith("expected a Cadence at http://127.0.0.1:1")


def test_forgetting_asks_first(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["forget", "zed", "--data", str(tmp_path)], input="n\n")
    assert result.exit_code == 1 and "Erase all that zed ever said" in result.stderr


@pytest.mark.parametrize(("text", "found"), [("90m", 5400), ("12h", 43_200), ("30d", 2_592_000), ("1.5s", 1.5)])
def test_durations_are_written_as_people_do(text: str, found: float) -> None:
    assert seconds(text) == found and seconds(None) is None


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "0d", "1e9d", "1w"])
def test_another_duration_is_refused(text: str) -> None:
    with pytest.raises(typer.Exit):
        seconds(text)
