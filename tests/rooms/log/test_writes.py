"""What the writing thread promises: shared commits, faults that stay alone, nothing kept when the disk refuses."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from pathlib import Path

import pytest

from cadence.rooms.log import LogConflict, LogError, LogUnavailable, ReaderRecord, StoredNode
from cadence.rooms.log.schema import open_store
from cadence.rooms.log.sqlite import BATCH_REQUESTS_MAX
from tests.rooms.log.places import FILE, Gate, crash_image, draft, everything_in, pragma, segment, sqlite_log, turn

pytestmark = pytest.mark.real_time

UNLIMITED_PAGES = 2**31 - 2
HUGE = "word " * 20_000  # more than the free space of any page


# Sharing a commit.


async def test_all_who_wait_share_one_commit(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        seen: list[str] = []
        await log._writes.call(lambda store: store.set_trace_callback(seen.append))
        gate = await Gate.shut(log)
        calls = [asyncio.ensure_future(log.append(draft(id=str(n)))) for n in range(BATCH_REQUESTS_MAX)]
        await gate.open()
        await asyncio.gather(*calls)
        # Two that are not ours: the end of the one that began to trace, and the gate's.
        assert [line for line in seen if line == "COMMIT"] == ["COMMIT"] * 3


async def test_a_batch_is_bounded_so_that_its_first_caller_does_not_wait_for_all(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        seen: list[str] = []
        await log._writes.call(lambda store: store.set_trace_callback(seen.append))
        gate = await Gate.shut(log)
        calls = [asyncio.ensure_future(log.append(draft(id=str(n)))) for n in range(BATCH_REQUESTS_MAX * 2 + 1)]
        await gate.open()
        await asyncio.gather(*calls)
        assert [line for line in seen if line == "COMMIT"] == ["COMMIT"] * 5


async def test_a_conflict_in_a_batch_is_undone_alone(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        gate = await Gate.shut(log)
        calls = [
            asyncio.ensure_future(call)
            for call in (
                log.append(draft("one", "1")),
                log.append(draft("other", "1")),
                log.append_turn("rea", turn(1)),
                log.append_turn("rea", turn(3)),
                log.append(draft("nowhere", room="nowhere")),
                log.append(draft("two", "2")),
            )
        ]
        await gate.open()
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in done[1:5]] == [LogConflict, type(None), LogConflict, LogError]
        assert [message.text for message in await log.messages("room", limit=9)] == ["one", "two"]
        assert await log.reader("room", "rea") == ReaderRecord(turn=1)


async def test_what_a_failing_request_had_written_is_undone(tmp_path: Path) -> None:
    def write_and_fail(store: sqlite3.Connection) -> None:
        store.execute("UPDATE rooms SET head = 99")
        raise ValueError("after the write")

    async with sqlite_log(tmp_path) as log:
        gate = await Gate.shut(log)
        bad = asyncio.ensure_future(log._writes.call(write_and_fail))
        good = asyncio.ensure_future(log.append(draft()))
        await gate.open()
        with pytest.raises(ValueError, match="after the write"):
            await bad
        assert (await good).message.seq == 1


async def test_a_read_sees_what_was_acknowledged(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        for number in range(1, 30):
            await log.append(draft(id=str(number)))
            assert [message.seq for message in await log.messages("room", limit=1)] == [number]


# A store that refuses.


async def test_a_full_disk_fails_the_whole_batch_and_keeps_nothing_of_it(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        await log.append(draft("before", "0"))
        pragma(log, f"max_page_count = {pragma(log, 'page_count')}")
        gate = await Gate.shut(log)
        drafts = [draft("small", "1"), draft(HUGE, "2"), draft("small too", "3")]
        calls = [asyncio.ensure_future(log.append(each)) for each in drafts]
        await gate.open()
        for refused in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(refused, LogUnavailable)
            assert str(refused).startswith("expected to commit to the log, got: database or disk is full;")
        assert (await log.open_room("room")).head == 1

        pragma(log, f"max_page_count = {UNLIMITED_PAGES}")
        again = await asyncio.gather(*(log.append(each) for each in drafts))
        assert [(kept.message.seq, kept.duplicate) for kept in again] == [(2, False), (3, False), (4, False)]


async def test_a_fault_of_the_store_within_one_request_undoes_the_whole_batch(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        gate = await Gate.shut(log)
        kept = asyncio.ensure_future(log.append(draft()))
        broken = asyncio.ensure_future(log._writes.call(lambda store: store.execute("DELETE FROM absent")))
        await gate.open()
        assert [type(refused) for refused in await asyncio.gather(kept, broken, return_exceptions=True)] == [
            LogUnavailable,
            LogUnavailable,
        ]
        assert not (await log.append(draft())).duplicate


async def test_every_caller_gets_an_error_of_its_own(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        gate = await Gate.shut(log)
        pragma(log, "query_only = ON")
        calls = [asyncio.ensure_future(log.append(draft(id=str(n)))) for n in range(2)]
        await gate.open()
        first, second = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(first, LogUnavailable) and str(first) == str(second)
        assert first is not second  # one that is raised twice collects the traces of both
        pragma(log, "query_only = OFF")


async def test_a_log_that_became_read_only_refuses_and_works_again_afterwards(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        pragma(log, "query_only = ON")
        with pytest.raises(LogUnavailable, match="readonly database"):
            await log.append(draft())
        pragma(log, "query_only = OFF")
        assert (await log.append(draft())).message.seq == 1


async def test_a_stranger_who_locks_the_file_makes_writes_unavailable_and_not_reads(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        await log.append(draft())
        pragma(log, "busy_timeout = 0")
        stranger = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogUnavailable, match="locked"):
            await log.append(draft(id="2"))
        assert len(await log.messages("room", limit=5)) == 1
        stranger.close()
        assert (await log.append(draft(id="2"))).message.seq == 2


# What a redaction leaves behind.


async def test_no_file_of_the_log_holds_a_redacted_text_once_redact_returns(tmp_path: Path) -> None:
    rng = random.Random(7)
    secrets = {seq: f"secret{seq:06d}" for seq in range(1, 401)}
    async with sqlite_log(tmp_path) as log:
        texts = {seq: f"{secret} " * rng.choice([1, 5, 60, 900]) for seq, secret in secrets.items()}
        await asyncio.gather(*(log.append(draft(texts[seq], str(seq))) for seq in secrets))
        shown = {seq: turn(1 + (seq - 1) // 7, segment(f"{secrets[seq]} too", seq)) for seq in secrets}
        await asyncio.gather(*(log.append_turn(f"reader {seq % 7}", shown[seq]) for seq in shown))
        nodes = [StoredNode(str(seq), seq, seq, 0, f"{secrets[seq]} stem".encode() * 9) for seq in secrets]
        await log.save_nodes("room", nodes, [])
        gone = rng.sample(sorted(secrets), 120)
        await asyncio.gather(*(log.redact("room", seq) for seq in gone))
        left = everything_in(tmp_path)
        assert [seq for seq in gone if secrets[seq].encode() in left] == []
        assert all(secrets[seq].encode() in left for seq in secrets if seq not in gone)


async def test_a_text_kept_in_the_write_ahead_file_by_a_stranger_is_gone_at_the_next_opening(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    async with sqlite_log(home) as log:
        await log.append(draft("a secret"))
        pragma(log, "busy_timeout = 0")
        stranger = sqlite3.connect(home / FILE, isolation_level=None)
        stranger.execute("BEGIN")
        stranger.execute("SELECT count(*) FROM rooms").fetchone()  # from here on the old pages must stay readable
        assert await log.redact("room", 1)
        assert (await log.append(draft(id="2"))).message.seq == 2
        image = crash_image(home, tmp_path / "image")
        stranger.close()
    assert b"a secret" in everything_in(image)
    open_store(image / FILE, 0.0).close()
    assert b"a secret" not in everything_in(image)
