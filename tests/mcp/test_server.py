"""`cadence mcp` as an assistant meets it: a process of its own beside a real server, and the protocol's own client."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from cadence.mcp.server import McpError, fetch, make_server
from cadence.rooms.wire import WireError
from tests.served import Served
from tests.source import ROOT

pytestmark = pytest.mark.real_time
PATIENCE_S = 60.0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "place/rooms").mkdir(parents=True)
    (tmp_path / "place/rooms/hall.toml").write_text('title = "The hall"\n')
    return tmp_path / "place"


async def test_an_assistant_uses_the_rooms_as_tools(place: Path, tmp_path: Path) -> None:
    mcp = pytest.importorskip("mcp")
    async with asyncio.timeout(PATIENCE_S), Served(place, tmp_path / "data") as server:
        arguments = ["-m", "cadence", "mcp", "--url", f"http://{server.host}", "--name", "Helper"]
        parameters = mcp.StdioServerParameters(command=sys.executable, args=arguments, cwd=str(ROOT))
        async with mcp.Client(mcp.stdio_client(parameters)) as assistant:
            tools = (await assistant.list_tools()).tools
            assert sorted(tool.name for tool in tools) == ["list_rooms", "post", "read_digest", "read_raw", "set_pace"]
            assert all(tool.description for tool in tools)
            schema = next(tool.input_schema for tool in tools if tool.name == "post")
            assert schema["required"] == ["room", "text"]

            async def call(name: str, **fields: Any) -> Any:
                result = await assistant.call_tool(name, fields)
                assert not result.is_error, result.content
                return result.structured_content

            rooms = await call("list_rooms")
            assert rooms["result"][0]["room"] == "hall"
            assert (await call("post", room="hall", text="The ledger double-books on Tuesdays."))["seq"] == 1
            raw = await call("read_raw", room="hall")
            assert [(one["from"], one["seq"]) for one in raw["messages"]] == [("Helper", 1)]
            digest = await call("read_digest", room="hall")
            assert digest["text"] == "Helper: The ledger double-books on Tuesdays."
            assert (await call("set_pace", words_per_minute=300))["words_per_minute"] == 300
            refused = await assistant.call_tool("post", {"room": "cellar", "text": "x"})
            assert refused.is_error and "expected a room of this server" in refused.content[0].text
            assert "Traceback" not in str(refused.content)


async def test_an_address_without_a_server_is_one_sentence() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cadence", "mcp", "--url", "http://127.0.0.1:1",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    out, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert (process.returncode, out) == (1, b"")
    assert errors.decode().startswith("expected a Cadence at ws://127.0.0.1:1/ws, but: ")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    with pytest.raises(McpError, match=r"pip install 'cadence-rooms\[mcp\]'"):
        make_server(None)  # type: ignore[arg-type]


async def test_http_is_json_or_a_refusal_or_an_error(place: Path, tmp_path: Path) -> None:
    async with Served(place, tmp_path / "data") as server:
        site = f"http://{server.host}"
        rooms = await asyncio.to_thread(fetch, f"{site}/api/rooms", "GET", server.host_token, None)
        assert rooms[0]["room"] == "hall"
        with pytest.raises(WireError) as caught:
            await asyncio.to_thread(fetch, f"{site}/api/rooms/cellar/messages", "GET", server.host_token, None)
        assert caught.value.code == "no_such_room"
        with pytest.raises(OSError, match="expected JSON"):
            await asyncio.to_thread(fetch, f"{site}/docs", "GET", server.host_token, None)
    with pytest.raises(OSError, match="expected a Cadence at http://127.0.0.1:1, got none"):
        await asyncio.to_thread(fetch, "http://127.0.0.1:1/api/rooms", "GET", "s", None)
