from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from cadence.rooms.log import HostAction, LogError, LogNewer, LogUnavailable, ReaderRecord
from cadence.rooms.log import backup as backups
from cadence.rooms.log.backup import audit, back_up, restore, status
from cadence.rooms.log.schema import STEPS, VERSION
from tests.rooms.log.places import FILE, draft, segment, sqlite_log, turn
from tests.rooms.log.test_schema import old

pytestmark = pytest.mark.real_time


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / FILE


async def fill(folder: Path, count: int = 3) -> None:
    async with sqlite_log(folder) as log:
        await asyncio.gather(*(log.append(draft(f"text {number}", str(number))) for number in range(1, count + 1)))
        await log.append_turn("rea", turn(1, segment("text 1", 1), to=count))
        await log.append_turn("rea", turn(2, segment("text 1", 1)))
        await log.record(HostAction(5.0, "host", "ban", "room", "eve"))


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def content(path: Path) -> bytes:
    return path.read_bytes()


def break_beyond_repair(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 100)
    path.with_name(f"{FILE}-wal").write_bytes(b"left over")


async def test_a_log_in_use_is_copied_whole(path: Path, tmp_path: Path) -> None:
    await fill(tmp_path)
    copy = tmp_path / "copy.db"
    async with sqlite_log(tmp_path) as log:
        await log.append(draft("the last", "9"))
        assert back_up(path, copy) == len(content(copy))
        await log.append(draft("later", "10"))
    assert [(room.room, room.head) for room in status(copy).rooms] == [("room", 4)]
    assert "copy.db-wal" not in names(tmp_path)


async def test_a_copy_put_back_is_another_history_with_the_same_words(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "BATCH_ROWS", 2)
    await fill(tmp_path)
    back_up(path, tmp_path / "copy.db")
    async with sqlite_log(tmp_path) as log:
        before = await log.open_room("room")
        said = await log.messages("room", limit=10)
        await log.append(draft("said since", "9"))
    aside = restore(tmp_path / "copy.db", path, 1000.0, "now")
    async with sqlite_log(tmp_path) as log:
        after = await log.open_room("room")
        assert after.head == before.head == 3 and after.epoch != before.epoch
        found = await log.messages("room", limit=10)
        assert found == [msgspec.structs.replace(message, epoch=after.epoch) for message in said]
        first, second = await log.turns("room", "rea", limit=10)
        assert first.covers is not None and first.covers.epoch == after.epoch and second.covers is None
        assert (await log.reader("room", "rea") or ReaderRecord()).turn == 2
        assert (await log.append(draft("text 2", "2"))).duplicate
        assert [action.whom for action in await log.sanctions("room", 0.0)] == ["eve"]
    assert aside is not None and status(aside).rooms[0].head == 4
    assert not any("restoring" in name for name in names(tmp_path))


async def test_a_copy_is_put_where_no_log_was(path: Path, tmp_path: Path) -> None:
    await fill(tmp_path)
    back_up(path, tmp_path / "copy.db")
    elsewhere = tmp_path / "other"
    await asyncio.to_thread(elsewhere.mkdir)
    assert restore(tmp_path / "copy.db", elsewhere / FILE, 1000.0, "now") is None
    assert status(elsewhere / FILE).rooms[0].head == 3


async def test_nothing_is_put_under_a_server_that_runs(path: Path, tmp_path: Path) -> None:
    await fill(tmp_path)
    back_up(path, tmp_path / "copy.db")
    async with sqlite_log(tmp_path) as log:
        assert status(path).in_use
        with pytest.raises(LogUnavailable, match="another server holds it"):
            restore(tmp_path / "copy.db", path, 1000.0, "now")
        assert (await log.append(draft("on we go", "9"))).message.seq == 4
    assert not status(path).in_use


def damaged(copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    content[8192:12288] = b"\xff" * 4096
    copy.write_bytes(bytes(content))


def newer(copy: Path) -> None:
    connection = sqlite3.connect(copy)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (damaged, LogError),
        (newer, LogNewer),
        (lambda copy: copy.write_text("minutes of the meeting"), LogError),
        (lambda copy: copy.write_bytes(b""), LogError),
        (lambda copy: copy.unlink(), LogUnavailable),
    ],
    ids=["damaged", "newer", "no database", "empty", "absent"],
)
async def test_what_is_no_good_copy_changes_nothing(
    path: Path, tmp_path: Path, spoil: Callable[[Path], object], error: type[LogError]
) -> None:
    await fill(tmp_path, 300)
    copy = tmp_path / "copy.db"
    back_up(path, copy)
    spoil(copy)
    before = content(path)
    with pytest.raises(error):
        restore(copy, path, 1000.0, "now")
    assert content(path) == before


def test_a_copy_of_an_older_version_is_brought_up(path: Path, tmp_path: Path) -> None:
    copy = old(tmp_path / "copy.db", 1)
    connection = sqlite3.connect(copy)
    connection.execute("DELETE FROM messages")
    connection.commit()
    connection.close()
    assert status(copy).version == 1
    restore(copy, path, 1000.0, "now")
    assert status(path).version == len(STEPS) and status(copy).version == 1
    assert names(tmp_path) == ["copy.db", FILE, f"{FILE}.lock"]


async def test_a_broken_log_is_replaced_and_kept_with_its_write_ahead_file(path: Path, tmp_path: Path) -> None:
    await fill(tmp_path)
    copy = tmp_path / "copy.db"
    back_up(path, copy)
    break_beyond_repair(path)
    aside = restore(copy, path, 1000.0, "now")
    assert aside is not None and content(aside).startswith(b"not a database")
    assert content(aside.with_name(f"{aside.name}-wal")) == b"left over"
    assert status(path, thorough=True).sound


async def test_what_is_in_a_log_is_told(path: Path, tmp_path: Path) -> None:
    await fill(tmp_path)
    async with sqlite_log(tmp_path) as log:
        await log.redact("room", 2)
    found = status(path, thorough=True)
    (room,) = found.rooms
    assert (room.room, room.head, room.redacted) == ("room", 3, 1)
    assert (found.version, found.turns, found.readers, found.host_actions) == (VERSION, 2, 1, 1)
    assert found.sound and not found.in_use and found.bytes > 0
    assert [action.what for _, action in audit(path, "room", 5)] == ["ban"]


async def test_damage_is_found_when_looked_for(path: Path, tmp_path: Path) -> None:
    await fill(tmp_path, 300)
    damaged(path)
    try:
        assert not status(path, thorough=True).sound
    except LogUnavailable:
        pass  # so damaged that it cannot be read at all


async def test_the_log_is_not_copied_onto_itself(path: Path, tmp_path: Path) -> None:
    await fill(tmp_path)
    with pytest.raises(LogError, match="the log itself"):
        back_up(path, tmp_path / "." / FILE)
    with pytest.raises(LogUnavailable):
        back_up(path, tmp_path / "absent" / "copy.db")
