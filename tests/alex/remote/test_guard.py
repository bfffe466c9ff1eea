"""What a worker writes: kept, noted, or refused while it has yet to give its reader away."""

from __future__ import annotations

import pytest

from cadence.alex.remote.attendance import Attendance
from cadence.alex.remote.guard import Guard
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.mediation import ReaderRecord, StoreFenced
from tests.alex.house import ADA
from tests.alex.remote.test_attendance import turn
from tests.alex.talk import START


async def test_a_turn_is_stored_and_noted_for_the_stay_it_is_of() -> None:
    log, lab = MemoryLog(lambda: START), Attendance()
    await log.open_room("lab")
    guard, stay = Guard(log, lab), lab.arrive("lab", ADA)
    await guard.append_turn("ada", turn(1))
    assert stay.untold == turn(1) and [one.turn for one in await guard.turns("lab", "ada", limit=9)] == [1]
    lab.give("lab", "ada")
    await guard.append_turn("ada", turn(2))
    assert stay.sent == 1, "nobody is here who would be told"


async def test_nothing_is_written_for_whom_the_worker_has_yet_to_give_away() -> None:
    log, lab = MemoryLog(lambda: START), Attendance()
    await log.open_room("lab")
    guard, giving = Guard(log, lab), lab.giving("lab", "ada")
    for write in (
        guard.append_turn("ada", turn(1)),
        guard.save_reader("lab", "ada", ReaderRecord(turn=7)),
        guard.add_raw_range("lab", "ada", 1, 2),
        guard.add_postponed("lab", "ada", [1]),
    ):
        with pytest.raises(StoreFenced, match="expected to mediate `ada`"):
            await write
    assert await guard.reader("lab", "ada") is None
    assert await guard.raw_ranges("lab", "ada", 0) == await guard.postponed("lab", "ada", 0) == []
    await guard.save_reader("lab", "bob", ReaderRecord(turn=7))
    lab.given("lab", "ada", giving)
    await guard.append_turn("ada", turn(1))
