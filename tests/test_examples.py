"""The examples are complete programs under thirty lines, and each does at a real server what it says."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.served import Served
from tests.source import ROOT
from tests.stranger import Frame, Stranger

EXAMPLES = sorted((ROOT / "examples").glob("*.*"))
LINES_MAX = 30
PATIENCE_S = 60.0
LEDGER = "The ledger double-books on Tuesdays."


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_short_and_is_tested_here(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= LINES_MAX + 1, "thirty lines, and the line that says what it is"
    assert f'"{path.name}"' in Path(__file__).read_text()


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Served]:
    (folder / "place/rooms").mkdir(parents=True)
    (folder / "place/rooms/hall.toml").write_text('title = "The hall"\n')
    async with asyncio.timeout(PATIENCE_S), Served(folder / "place", folder / "data") as server:
        yield server


@asynccontextmanager
async def running(name: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """An example, until the end of the block."""
    program = ["sh"] if name.endswith(".sh") else [sys.executable]
    child = await asyncio.create_subprocess_exec(
        *program, str(ROOT / "examples" / name), *arguments, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def came(stranger: Stranger, name: str) -> None:
    """Wait until somebody of this name has come into the room, after us."""
    await stranger.until(lambda frame: any(member["name"] == name for member in frame.get("joined", ())))


async def answered(server: Served, program: str, name: str, text: str) -> Frame:
    """What an example that calls itself `name` says when it is spoken to."""
    ann = await server.guest("Ann", "agent")
    await ann.join("hall")
    async with running(program, "hall", server.url):
        await came(ann, name)
        said = await ann.say("hall", text)
        answer = await ann.until(lambda frame: frame["type"] == "message" and frame["from"]["name"] == name)
    assert answer["reply_to"] == said["seq"]
    await ann.cut()
    return answer


async def line(child: asyncio.subprocess.Process) -> str:
    assert child.stdout is not None
    return (await child.stdout.readline()).decode().rstrip("\n")


async def output(child: asyncio.subprocess.Process) -> str:
    """All that an example prints, which must end well."""
    out, _ = await child.communicate()
    assert child.returncode == 0, out.decode()
    return out.decode()


@pytest.mark.real_time
async def test_echo_answers_who_mentions_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        answer = await answered(server, "echo.py", "Echo", "@Echo are you there?")
    assert answer["text"] == "Ann said: @Echo are you there?"


@pytest.mark.real_time
async def test_a_graph_joins_a_room(tmp_path: Path) -> None:
    if importlib.util.find_spec("langgraph") is None:
        pytest.skip("langgraph is not installed: pip install langgraph")
    async with serving(tmp_path) as server:
        answer = await answered(server, "langgraph_agent.py", "Graph", "@Graph count these five words")
    assert answer["text"] == "I heard 5 words."


@pytest.mark.real_time
async def test_an_archive_goes_on_where_it_stopped(tmp_path: Path) -> None:
    file = tmp_path / "hall.jsonl"
    async with serving(tmp_path) as server:
        ann = await server.guest("Ann", "agent")
        await ann.join("hall")
        for seqs in ([1, 2], [3, 4, 5]):
            if seqs[0] > 1:
                await ann.say("hall", "while it was away")
            async with running("archive.py", "hall", server.url, str(file)) as child:
                await ann.until(lambda frame: any(one["id"] != ann.id for one in frame.get("joined", ())))
                await ann.say("hall", "one")
                await ann.say("hall", "two")
                assert [await line(child) for _ in seqs] == [f"kept {seq}" for seq in seqs]
            await ann.until(lambda frame: bool(frame.get("left")))
        await ann.cut()
    kept = [json.loads(one) for one in file.read_text().splitlines()]
    assert [(one["seq"], one["text"]) for one in kept] == [
        (1, "one"), (2, "two"), (3, "while it was away"), (4, "one"), (5, "two"),
    ]  # fmt: skip


@pytest.mark.real_time
async def test_a_reader_prints_what_alex_makes_of_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        ada = await server.guest("Ada", "agent")
        await ada.join("hall")
        async with running("reader.py", "hall", server.url, "1") as child:
            await came(ada, "Reader")
            await ada.say("hall", LEDGER)
            assert await line(child) == f"Ada: {LEDGER} [1]"
        await ada.cut()


@pytest.mark.real_time
async def test_alex_is_asked_with_the_openai_package(tmp_path: Path) -> None:
    if importlib.util.find_spec("openai") is None:
        pytest.skip("openai is not installed: pip install openai")
    async with serving(tmp_path) as server:
        ada = await server.guest("Ada", "agent")
        await ada.join("hall")
        await ada.say("hall", LEDGER)
        site, question = f"http://{server.host}", "What does the ledger do?"
        async with running("ask_alex.py", "hall", site, str(ada.session), question) as child:
            assert await output(child) == f"Ada: {LEDGER}\n"
        await ada.cut()


@pytest.mark.real_time
async def test_curl_needs_no_library(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    async with serving(tmp_path) as server, running("curl.sh", "hall", f"http://{server.host}") as child:
        first, again, page, answer = (json.loads(text) for text in (await output(child)).splitlines())
    assert (first["seq"], again) == (1, first)
    assert [item["text"] for item in page["items"]] == [LEDGER]
    assert answer["choices"][0]["message"]["content"] == f"Curl: {LEDGER}"
