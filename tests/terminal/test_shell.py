"""`cadence join` as a person meets it: a process of its own, at a real server, through pipes and a terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.served import Served
from tests.source import ROOT

pytestmark = pytest.mark.real_time
PATIENCE_S = 60.0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "place/rooms").mkdir(parents=True)
    (tmp_path / "place/rooms/hall.toml").write_text('title = "The hall"\n')
    return tmp_path / "place"


class Joined:
    """A running `cadence join`; `until` waits for what it prints."""

    def __init__(self, process: asyncio.subprocess.Process, out: asyncio.StreamReader) -> None:
        self.process = process
        self.printed = ""
        self._out = out

    async def until(self, pattern: str) -> re.Match[str]:
        async with asyncio.timeout(PATIENCE_S):
            while (found := re.search(pattern, self.printed)) is None:
                data = await self._out.read(4096)
                assert data, f"it ended without {pattern!r}: {self.printed[-2000:]!r}"
                self.printed += data.decode(errors="replace")
        return found

    def write(self, *lines: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


@asynccontextmanager
async def joining(*arguments: str) -> AsyncIterator[Joined]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cadence", "join", *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield Joined(process, process.stdout)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_room_is_read_and_spoken_in_through_pipes(place: Path, tmp_path: Path) -> None:
    async with Served(place, tmp_path / "data") as server:
        ada = await server.guest("Ada", "agent")
        await ada.join("hall")
        async with joining("hall", "--url", f"http://{server.host}", "--name", "Rae") as rae:
            await rae.until(r"The hall · \d here · you are Rae · /help")
            rae.write("/cadence 1", "hello", "/follow ada", "/sing")
            await rae.until(r"· a turn every 1 s\n")
            await rae.until(r"\d\d:\d\d Rae: hello\n")
            await rae.until(r"· following Ada\n")
            await rae.until(r"! expected a command, got /sing")
            await ada.say("hall", "Two appointments were \x1b[2Jlost on Tuesday.")
            await rae.until(r"── 1 · .* · 1 message, 6 words\nAda: Two appointments were \[2Jlost on Tuesday\.\n")
            rae.write("/open 1", "/quit")
            await rae.until(r"· turn 1 stands for 1 message.*\n› 2 Ada: Two appointments .*\n· end of turn 1\n")
            assert await rae.ended() == 0
        await ada.cut()


async def test_a_typed_line_outlives_a_restart(place: Path, tmp_path: Path) -> None:
    async with Served(place, tmp_path / "data") as server:
        port = server.host.rpartition(":")[2]
        async with joining("hall", "--url", server.host, "--name", "Rae") as rae:
            await rae.until("you are Rae")
            await server.kill()
            await rae.until("the connection was cut; coming back")
            rae.write("said while nobody was there")
            async with Served(place, tmp_path / "data", "--port", port):
                await rae.until(r"· back\n")
                await rae.until(r"Rae: said while nobody was there\n")
                rae.write("/quit")
                assert await rae.ended() == 0


async def test_a_terminal_shows_what_is_typed_and_is_left_in_order(place: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    async with Served(place, tmp_path / "data") as server:
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "40", "LINES": "20"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cadence", "join", "hall", "--url", server.host,
            stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=ROOT,
        )  # fmt: skip
        transport, out = await reader_of(ours)
        screen = Joined(process, out)
        try:
            await screen.until("quiet · every 5 s · 1 here")
            os.write(ours, "hallo wörld\x7f\x7f\x7f\x7fald".encode())
            await screen.until("hallo wald")
            os.write(ours, b"\r")
            await screen.until(r"Guest \d+(\x1b\[[\d;]*m)*: hallo wald")
            os.write(ours, b"\x04")
            await screen.until(r"\x1b\[\?25h")  # the cursor is back
            assert await screen.ended() == 0
        finally:
            if process.returncode is None:
                process.kill()
            transport.close()
            os.close(theirs)


async def reader_of(descriptor: int) -> tuple[asyncio.ReadTransport, asyncio.StreamReader]:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    file = os.fdopen(descriptor, "rb", 0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, file)
    return transport, reader


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("hall", "--url", "127.0.0.1:1"), r"^! expected a Cadence at ws://127\.0\.0\.1:1/ws, but: .*\n$"),
        (
            ("hall", "--url", "ftp://x"),
            r"^expected the address of a server, like http://127\.0\.0\.1:8765, got 'ftp://x'\n$",
        ),
    ],
)
async def test_a_server_that_is_not_there_is_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    async with joining(*arguments) as nobody:
        await nobody.until(sentence)
        assert await nobody.ended() == 1


async def test_a_room_that_is_not_there_ends_it(place: Path, tmp_path: Path) -> None:
    async with Served(place, tmp_path / "data") as server:
        async with joining("hell", "--url", server.host) as lost:
            await lost.until("! expected a room of this server, got `hell`")
            assert await lost.ended() == 1


async def test_it_ends_without_a_trace_when_nobody_reads_what_it_prints(place: Path, tmp_path: Path) -> None:
    async with Served(place, tmp_path / "data") as server:
        ada = await server.guest("Ada", "agent")
        await ada.join("hall")
        readable, writable = os.pipe()
        piped = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cadence", "join", "hall", "--url", server.host,
            stdin=asyncio.subprocess.DEVNULL, stdout=writable, stderr=asyncio.subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        os.close(writable)
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.to_thread(os.read, readable, 1)  # it is there
            os.close(readable)
            await ada.say("hall", "This line finds nobody.")
            _, err = await piped.communicate()
        assert (piped.returncode, err) == (1, b"")
        await ada.cut()
