"""`cadence export` against a real server, and against servers that are none."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cadence.address import Address, parse_address
from cadence.export import export
from cadence.personas.replay import read_plan
from cadence.remote import RemoteError
from tests.served import Served
from tests.source import ROOT

pytestmark = pytest.mark.real_time
PATIENCE_S = 60.0


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[Address]:
    """A server that says `answer` to everybody and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield parse_address(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def sentence(address: Address, token: str = "t") -> str:
    with pytest.raises(RemoteError) as caught:
        await asyncio.to_thread(export, address, "hall", token, io.BytesIO())
    return str(caught.value)


async def run(*arguments: str) -> tuple[int, bytes, str]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cadence", "export", *arguments, stdout=-1, stderr=-1, cwd=ROOT
    )
    async with asyncio.timeout(PATIENCE_S):
        out, err = await child.communicate()
    return child.returncode or 0, out, err.decode()


async def test_a_room_is_exported_and_can_be_replayed(tmp_path: Path) -> None:
    (tmp_path / "place/rooms").mkdir(parents=True)
    (tmp_path / "place/rooms/hall.toml").write_text('title = "The hall"\n')
    async with Served(tmp_path / "place", tmp_path / "data") as server:
        ada = await server.guest("Ada", "agent")
        await ada.join("hall")
        for number in range(1, 131):
            await ada.say("hall", f"number {number}")
        await ada.redact("hall", 2)
        await ada.cut()
        where = ["hall", "--url", f"http://{server.host}"]
        code, out, err = await run(*where, "--data", str(tmp_path / "data"))
        assert (code, err) == (0, "130 messages\n")
        refused = await run(*where, "--token", "wrong")
        assert (refused[0], refused[1]) == (1, b"") and "valid token" in refused[2]
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, 131))
    assert (lines[0]["text"], lines[1]["text"], lines[1]["redacted"]) == ("number 1", "", True)
    (tmp_path / "hall.jsonl").write_bytes(out)
    plan = read_plan(tmp_path / "hall.jsonl")
    assert ([member.name for member in plan.cast], len(plan.lines)) == (["Ada"], 129)


async def test_a_stream_that_breaks_off_is_an_error() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with answering(head + b"6\r\n{'a'}\n\r\n") as address:
        assert (await sentence(address)).startswith("the server broke off: what came is not the whole")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            b"HTTP/1.1 418 Odd\r\nContent-Length: 3\r\n\r\n[1]",
            "expected an answer of the protocol",
        ),
        (
            b'HTTP/1.1 404 No\r\nContent-Length: 39\r\n\r\n{"error": {"message": "no such\\u001b[2J"}}',
            "expected an answer of the protocol",
        ),
        (b'HTTP/1.1 404 No\r\n\r\n{"error": {"message": "no such\\u001b[2J"}}', "no such [2J"),
        (b"SSH-2.0-nothing\r\n", "the server broke off"),
    ],
)
async def test_what_went_wrong_is_one_sentence(answer: bytes, expected: str) -> None:
    async with answering(answer) as address:
        assert (await sentence(address)).startswith(expected)


async def test_a_server_that_is_not_there_is_named() -> None:
    said = await sentence(parse_address("127.0.0.1:1"))
    assert said == "expected a Cadence at http://127.0.0.1:1, but: Connection refused"


async def test_a_token_that_cannot_be_one_is_not_sent() -> None:
    assert await sentence(parse_address("127.0.0.1:1"), "a\r\nb") == "expected a token of printable ASCII characters"
