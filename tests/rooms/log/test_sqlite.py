from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadence.rooms.log import Appended, Draft, Log, LogConflict, LogError, LogUnavailable, ReaderRecord, SessionRecord
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.log.sqlite import SqliteLog
from cadence.rooms.wire import Message, Turn
from tests.rooms.log.places import FILE, crash_image, draft, pragma, segment, sqlite_log, turn

pytestmark = pytest.mark.real_time

ROOT = Path(__file__).parents[3]
ROOMS, USERS, IDS = ["room", "other"], ["ana", "bo"], ["1", "2", "3"]


def child(task: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.rooms.log.child", task, str(path)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


# Dying.


@pytest.mark.parametrize("lines", [1, 400])
def test_everything_acknowledged_before_kill_is_there_afterwards(tmp_path: Path, lines: int) -> None:
    process = child("append", tmp_path / FILE)
    assert process.stdout is not None
    acknowledged = [process.stdout.readline() for _ in range(lines)]
    process.kill()
    rest, _ = process.communicate()
    complete = [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    asyncio.run(_check_after_kill(tmp_path / FILE, [line.split() for line in acknowledged + complete]))


async def _check_after_kill(path: Path, acknowledged: list[list[str]]) -> None:
    log = await SqliteLog.open(path, lambda: 2000.0)
    head = (await log.open_room("room")).head
    stored = await log.messages("room", after=0, limit=head + 1)
    assert [message.seq for message in stored] == list(range(1, head + 1))
    for seq, user, number in acknowledged:
        message = stored[int(seq) - 1]
        assert (message.from_.id, message.text) == (user, f"{user} says {number}")
        assert len(await log.turns_at("room", user, [int(number)])) == 1
    for user in {user for _, user, _ in acknowledged}:
        turns = await log.turns("room", user, after=0, limit=head + 1)
        reader = await log.reader("room", user)
        assert [each.turn for each in turns] == list(range(1, len(turns) + 1))
        assert reader is not None and (reader.turn, reader.closed_at) == (len(turns), 2000.0)
    assert (await log.append(draft("after", "after"))).message.seq == head + 1
    await log.close()


def test_a_disk_that_takes_no_more_refuses_and_works_again_when_there_is_space(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    process = child("fill", tmp_path / FILE)
    error, counts = process.communicate()[0].splitlines()
    acknowledged, after = map(int, counts.split())
    assert error.startswith("expected to commit to the log, got: ") and error.endswith("nothing was kept, try again")
    assert acknowledged > 9 and after == 1 + acknowledged + 1
    assert process.returncode == 0


async def test_a_copy_of_the_files_of_an_open_log_holds_all_that_was_acknowledged(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    async with sqlite_log(home) as log:
        await asyncio.gather(*(log.append(draft(id=str(n))) for n in range(50)))
        await log.save_session(SessionRecord("key", "u", "n", "human", "guest"))
        image = crash_image(home, tmp_path / "image")
    async with sqlite_log(image) as log:
        assert (await log.open_room("room")).head == 50
        assert (await log.session("key")) == SessionRecord("key", "u", "n", "human", "guest", 1000.0)


# Opening and closing.


async def test_a_second_opening_is_refused_and_disturbs_nobody(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        await log.save_reader("room", "rea", ReaderRecord())
        with pytest.raises(LogUnavailable, match="stop that one"):
            await SqliteLog.open(tmp_path / FILE, lambda: 9.0)
        assert await log.reader("room", "rea") == ReaderRecord(closed_at=None)


async def test_a_failed_opening_leaves_the_log_free_for_the_next(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a log " * 100)
    with pytest.raises(LogError, match="something else"):
        await SqliteLog.open(tmp_path / FILE, lambda: 0.0)
    (tmp_path / FILE).unlink()
    async with sqlite_log(tmp_path) as log:
        assert (await log.append(draft())).message.seq == 1


async def test_closing_empties_the_write_ahead_file_and_ends_the_threads(tmp_path: Path) -> None:
    before = threading.active_count()
    async with sqlite_log(tmp_path) as log:
        await log.append(draft())
        workers = {thread.name for thread in threading.enumerate()}
        assert workers >= {"log-writes", "log-reads"}
    assert set(os.listdir(tmp_path)) == {FILE, FILE + ".lock"}
    assert threading.active_count() <= before + 1  # the loop keeps one of its own, for opening


async def test_the_loop_runs_on_while_a_read_is_slow(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        gate = threading.Event()
        slow = asyncio.ensure_future(log._reads.call(lambda reading: gate.wait()))
        assert (await log.append(draft())).message.seq == 1  # written while the reading thread stands still
        gate.set()
        await slow


# The same answers as in memory.


def turns() -> st.SearchStrategy[Turn]:
    pieces = st.builds(
        lambda seqs, room: segment("text", *seqs, room=room),
        st.lists(st.integers(1, 5), min_size=1, max_size=3),
        st.sampled_from(ROOMS),
    )
    return st.builds(
        lambda number, pieces, to, room: turn(number, *pieces, to=to, room=room),
        st.integers(1, 5),
        st.lists(pieces, max_size=3),
        st.none() | st.integers(0, 9),
        st.sampled_from(ROOMS),
    )


def drafts() -> st.SearchStrategy[Draft]:
    return st.builds(
        lambda text, id, user, room, at, pod: draft(text, id, user=user, room=room, at=at, pod=pod),
        st.sampled_from(["a", "b"]),
        st.sampled_from(IDS),
        st.sampled_from(USERS),
        st.sampled_from([*ROOMS, "unknown"]),
        st.integers(0, 20).map(float),
        st.none() | st.just("p"),
    )


def operations() -> st.SearchStrategy[tuple[str, tuple[Any, ...], dict[str, int | None]]]:
    room, user, number = st.sampled_from(ROOMS), st.sampled_from(USERS), st.integers(-1, 9)
    numbers = st.lists(st.integers(1, 8), max_size=4)
    window = st.fixed_dictionaries(
        {"limit": st.integers(0, 5)}, optional={"after": st.none() | number, "before": st.none() | number}
    )
    nothing: st.SearchStrategy[dict[str, int | None]] = st.just({})
    closed = st.none() | st.integers(0, 9).map(float)
    record = st.builds(ReaderRecord, turn=st.integers(0, 4), covered_to=st.integers(0, 9), closed_at=closed)
    known = st.builds(SessionRecord, st.sampled_from(IDS), user, user, st.just("human"), st.just("guest"), closed)
    return st.one_of(
        st.tuples(st.just("append"), st.tuples(drafts()), nothing),
        st.tuples(st.just("append_turn"), st.tuples(user, turns()), nothing),
        st.tuples(st.just("redact"), st.tuples(room, number), nothing),
        st.tuples(st.just("messages"), st.tuples(room), window),
        st.tuples(st.just("messages_at"), st.tuples(room, numbers), nothing),
        st.tuples(st.just("redacted_seqs"), st.tuples(room, number, number), nothing),
        st.tuples(st.just("turns"), st.tuples(room, user), window),
        st.tuples(st.just("turns_at"), st.tuples(room, user, numbers), nothing),
        st.tuples(st.just("save_reader"), st.tuples(room, user, record), nothing),
        st.tuples(st.just("add_raw_range"), st.tuples(room, user, number, number), nothing),
        st.tuples(st.just("raw_ranges"), st.tuples(room, user, number), nothing),
        st.tuples(st.just("add_postponed"), st.tuples(room, user, numbers), nothing),
        st.tuples(st.just("postponed"), st.tuples(room, user, number), nothing),
        st.tuples(st.just("reader"), st.tuples(room, user), nothing),
        st.tuples(st.just("save_session"), st.tuples(known), nothing),
        st.tuples(st.just("session"), st.tuples(st.sampled_from(IDS)), nothing),
        st.tuples(st.just("sessions_open_since"), st.tuples(number.map(float)), nothing),
    )


async def outcome(call: Awaitable[Any]) -> Any:
    """What a call gave, with what is random masked, or how it failed."""

    def masked(value: Any) -> Any:
        if isinstance(value, list):
            return [masked(each) for each in value]
        if isinstance(value, Appended):
            return Appended(masked(value.message), value.duplicate)
        return msgspec.structs.replace(value, epoch="") if isinstance(value, Message) else value

    try:
        return masked(await call)
    except LogConflict as error:
        return "conflict", str(error)
    except LogError as error:
        return "refused", str(error)


@settings(max_examples=40)
@given(st.lists(operations(), max_size=40))
def test_whatever_is_asked_memory_and_disk_answer_alike(
    asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]],
) -> None:
    async def compare(folder: Path) -> None:
        memory: Log = MemoryLog(lambda: 1000.0)
        await memory.open_room("room")
        async with sqlite_log(folder) as disk:
            pragma(disk, "synchronous = OFF")  # nothing dies here
            for log in (memory, disk):
                await log.open_room("other")
            for name, arguments, window in asked:
                answers = [await outcome(getattr(log, name)(*arguments, **window)) for log in (memory, disk)]
                assert answers[0] == answers[1], (name, arguments, window)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(compare(Path(folder)))
