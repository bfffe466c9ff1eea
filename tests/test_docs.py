"""The documents are true of the code, where a machine can tell: agents run, links lead somewhere, names exist."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from cadence.personas.cards import _Front
from cadence.personas.roomfile import _Fields as RoomFields
from cadence.personas.script import _Fields as LineFields
from cadence.personas.starter import init
from cadence.rooms import gateway, hub, identity, invitations, joining, limiter, making, tokens, wire
from cadence.rooms.gateway import FEATURES
from cadence.rooms.wire import REQUEST_TYPES
from cadence.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
AGENTS = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/agents.md").read_text(), re.MULTILINE | re.DOTALL)
PROGRAMS = [source for source in AGENTS if "asyncio.run" in source]
CURLS = re.findall(r"^curl .*$", (ROOT / "docs/agents.md").read_text(), re.MULTILINE)
PATIENCE_S = 30.0


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert [link for link in missing if not link.endswith("screenshots/room.png")] == []


def test_the_readme_has_exactly_the_two_commands() -> None:
    assert re.findall(r"^```\n(.*?)\n```", text("README.md"), re.MULTILINE | re.DOTALL) == ["make run", "make test"]


def test_the_licence_is_named_everywhere_alike() -> None:
    assert text("LICENSE").lstrip().startswith("Apache License\n")
    assert 'license = "Apache-2.0"' in text("pyproject.toml")


@pytest.mark.parametrize("fields", [_Front, RoomFields, LineFields])
def test_hosting_names_every_key_of_the_files_a_host_edits(fields: Any) -> None:
    hosting = text("docs/hosting.md")
    assert [
        key for key in fields.__struct_encode_fields__ if f"`{key}`" not in hosting and f"[{key}]" not in hosting
    ] == []


def test_hosting_names_every_setting() -> None:
    hosting = text("docs/hosting.md")
    assert [name for name in Settings.model_fields if f"CADENCE_{name.upper()}" not in hosting] == []


def test_hosting_names_every_limit_with_its_figure() -> None:
    limits = text("docs/hosting.md").partition("## Limits\n")[2].partition("\n## ")[0]
    told = [row.rpartition(" | ")[2] for row in limits.splitlines() if row.startswith("| ")]
    figures = {float(number.replace(",", "")) for row in told for number in re.findall(r"\d[\d,]*", row)}
    held = (
        *(limiter.AGENT_MESSAGES_PER_S, limiter.HUMAN_MESSAGES_PER_S, limiter.ROOM_MESSAGES_PER_S),
        *(limiter.ROOM_TYPING_PER_S, limiter.REQUESTS_PER_S, limiter.USER_REQUESTS_PER_S, limiter.ASKS_PER_MINUTE),
        *(limiter.SEARCHES_PER_S, joining.ROOMS_MAX, hub.CONNECTIONS_PER_USER_MAX, gateway.CONNECTIONS_MAX),
        *(
            gateway.BAD_FRAMES_MAX,
            gateway.HELLO_SECONDS_MAX,
            wire.FRAME_BYTES_MAX / 1024,
            wire.SOCKET_BYTES_MAX / 2**20,
        ),
        *(identity.GUESTS_MAX, tokens.TOKENS_MAX, making.MADE_MAX, invitations.INVITED_MAX),
    )
    assert [limit for limit in held if float(limit) not in figures] == []


def test_the_guide_says_what_is_not_offered_and_nothing_that_is() -> None:
    refused = text("docs/protocol.md").rpartition("## Not offered")[2]
    always = {"hello", "join", "leave", "say", "ping"}
    assert [name for name in REQUEST_TYPES if name not in always | set(FEATURES) and f"`{name}`" not in refused] == []
    assert [name for name in FEATURES if f"`{name}`" in refused] == []


@pytest.mark.real_time
@pytest.mark.parametrize("source", PROGRAMS, ids=["client", "short", "surviving"])
async def test_the_agents_of_the_guide_answer_when_they_are_mentioned(source: str, tmp_path: Path) -> None:
    init(tmp_path / "place")
    async with asyncio.timeout(PATIENCE_S), server(tmp_path) as url:
        program = source.replace("ws://127.0.0.1:8765/ws", url).replace('"commons"', '"kitchen"')
        async with process("-c", program), connect(url, subprotocols=["cadence.v1"]) as socket:  # type: ignore[list-item]
            await send(socket, type="hello", kind="agent", name="Tester")
            await send(socket, type="join", room="kitchen")
            await frame(socket, lambda one: "Echo" in json.dumps(one.get("members", one.get("joined", []))))
            await send(socket, type="say", room="kitchen", id="1", text="@Echo are you there?")
            mine = await frame(socket, lambda one: one["type"] == "said")
            answer = await frame(socket, lambda one: one["type"] == "message" and one["from"]["name"] == "Echo")
            assert answer["reply_to"] == mine["seq"]


@pytest.mark.real_time
async def test_the_lines_of_curl_in_the_guide_answer_what_it_says(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    init(tmp_path / "place")
    answers = []
    async with asyncio.timeout(PATIENCE_S), server(tmp_path) as url:
        site = url.replace("ws://", "http://").removesuffix("/ws")
        for one in CURLS:
            words = shlex.split(one.replace("http://127.0.0.1:8765", site).replace("commons", "kitchen"))
            child = await asyncio.create_subprocess_exec(*words, "--fail-with-body", stdout=asyncio.subprocess.PIPE)
            out, _ = await child.communicate()
            assert child.returncode == 0, (one, out)
            answers.append(json.loads(out))
    rooms, said, page, found, models, answer = answers
    assert (rooms[0]["room"], said["type"], said["id"]) == ("kitchen", "said", "my-1")
    assert page["items"][-1]["text"] == found["items"][-1]["text"] == "Two appointments were lost."
    assert {"alex", "alex/kitchen"} <= {model["id"] for model in models["data"]}
    assert answer["choices"][0]["message"]["content"] == "Curl: Two appointments were lost."


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, cwd=ROOT
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[str]:
    """A real one on a free port; yields the address of its websocket."""
    place, data = str(folder / "place"), str(folder / "data")
    async with process("-m", "cadence.cli", "serve", place, "--port", "0", "--data", data) as child:
        assert child.stdout is not None
        found = re.search(rb"http://(\S+)/#", await child.stdout.readline())
        assert found is not None, "expected the address on the first line"
        yield f"ws://{found[1].decode()}/ws"


async def send(socket: ClientConnection, **fields: object) -> None:
    await socket.send(json.dumps(fields))


async def frame(socket: ClientConnection, wanted: Any) -> Any:
    async for received in socket:
        one = json.loads(received)
        assert one["type"] != "error", one
        if wanted(one):
            return one
    raise AssertionError("the connection closed before the frame came")
