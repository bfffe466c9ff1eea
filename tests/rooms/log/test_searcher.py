from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cadence.rooms.log import LogUnavailable, searcher
from cadence.rooms.log.sqlite import SqliteLog
from cadence.rooms.query import parse
from tests.rooms.log.places import FILE, draft, everything_in, sqlite_log

pytestmark = pytest.mark.real_time


async def seqs(log: SqliteLog, text: str, limit: int = 10) -> list[int]:
    return [message.seq for message in await log.search("room", parse(text), limit=limit)]


def exists(path: Path) -> bool:
    return path.exists()


async def test_the_index_is_made_at_the_first_search_and_follows(tmp_path: Path) -> None:
    index = tmp_path / f"{FILE}.search"
    async with sqlite_log(tmp_path) as log:
        await log.append(draft("the probe", "1"))
        await log.redact("room", 1)
        await log.append(draft("the probe", "2"))
        assert not exists(index)
        assert await seqs(log, "probe") == [2]
        await log.append(draft("a probe", "3"))
        assert exists(index) and await seqs(log, "probe") == [2, 3]
    async with sqlite_log(tmp_path) as log:
        assert await seqs(log, "probe") == [2, 3]


async def test_a_redaction_reaches_the_file_of_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searcher, "CLEAN_SECONDS", 0.0)
    async with sqlite_log(tmp_path) as log:
        await log.append(draft("xylophonist", "1"))
        assert await seqs(log, "xylophonist") == [1]
        await log.redact("room", 1)
        assert await seqs(log, "xylophonist") == []
        assert log._searcher._cleaning is not None
        await log._searcher._cleaning
        assert b"xylophonist" not in everything_in(tmp_path)


async def test_a_redaction_without_a_search_in_this_run_reaches_it_too(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        await log.append(draft("xylophonist", "1"))
        assert await seqs(log, "xylophonist") == [1]
    async with sqlite_log(tmp_path) as log:
        await log.redact("room", 1)
    async with sqlite_log(tmp_path) as log:
        assert await seqs(log, "xylophonist") == []
    assert b"xylophonist" not in everything_in(tmp_path)


async def test_a_redaction_the_index_was_not_told_of_is_noticed_at_the_next_opening(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        await log.append(draft("xylophonist", "1"))
        assert await seqs(log, "xylophonist") == [1]
        log._searcher.forget = lambda room, seq: asyncio.sleep(0)  # type: ignore[method-assign, assignment]
        await log.redact("room", 1)
    async with sqlite_log(tmp_path) as log:
        assert await seqs(log, "xylophonist") == []
    assert b"xylophonist" not in everything_in(tmp_path)


async def test_what_is_erased_while_it_is_being_indexed_does_not_stay(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        await log.append(draft("xylophonist", "1"))
        messages = log.messages

        async def then_erased(*args: Any, **kwargs: Any) -> Any:
            page = await messages(*args, **kwargs)
            await log.redact("room", 1)
            return page

        log.messages = then_erased  # type: ignore[method-assign]
        assert await seqs(log, "xylophonist") == []
    async with sqlite_log(tmp_path) as log:
        assert await seqs(log, "xylophonist") == []
    assert b"xylophonist" not in everything_in(tmp_path)


async def test_a_long_log_is_indexed_on_while_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searcher, "CATCH_UP_SECONDS_MAX", 0.0)
    monkeypatch.setattr(searcher, "BATCH_MESSAGES", 3)
    async with sqlite_log(tmp_path) as log:
        await asyncio.gather(*(log.append(draft(f"number {n}", str(n))) for n in range(10)))
        with pytest.raises(LogUnavailable, match="ask again"):
            await seqs(log, "number")
        await asyncio.wait(log._searcher._catching_up.values())
        monkeypatch.undo()
        assert await seqs(log, "number", limit=3) == [8, 9, 10]


async def test_closing_ends_an_index_that_is_being_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searcher, "CATCH_UP_SECONDS_MAX", 0.0)
    monkeypatch.setattr(searcher, "BATCH_MESSAGES", 1)
    async with sqlite_log(tmp_path) as log:
        await asyncio.gather(*(log.append(draft(f"number {n}", str(n))) for n in range(200)))
        with pytest.raises(LogUnavailable):
            await seqs(log, "number")
    assert log._searcher._catching_up == {}


async def test_searches_at_once_share_one_index(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        await asyncio.gather(*(log.append(draft(f"number {n}", str(n))) for n in range(300)))
        found = await asyncio.gather(*(seqs(log, f"number {n}") for n in range(20)))
        assert found == [[n + 1] for n in range(20)]
