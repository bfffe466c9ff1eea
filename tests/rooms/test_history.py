import pytest

from cadence.rooms import history
from cadence.rooms.history import Query
from cadence.rooms.log import Draft
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.wire import PAGE_BYTES_MAX, Author, Covers, Page, Turn, WireError, encode
from tests.rooms.house import clock


async def log_of(texts: list[str]) -> MemoryLog:
    log = MemoryLog(clock)
    await log.open_room("lab")
    for number, text in enumerate(texts):
        await log.append(Draft("lab", Author("ann", "Ann", "agent"), f"m{number}", clock(), text))
    return log


async def seqs(log: MemoryLog, query: Query) -> tuple[list[int], bool]:
    items, more = await history.messages(log, "lab", query)
    return [item.seq for item in items], more


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query(limit=3), ([8, 9, 10], True)),
        (Query(before=4, limit=2), ([2, 3], True)),
        (Query(before=4, limit=3), ([1, 2, 3], False)),
        (Query(after=4, limit=2), ([5, 6], True)),
        (Query(after=8, limit=2), ([9, 10], False)),
        (Query(after=0), ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], False)),
        (Query(after=10), ([], False)),
        (Query(before=1), ([], False)),
        (Query(seqs=(7, 2, 99, 2)), ([2, 7], False)),
        (Query(seqs=()), ([], False)),
    ],
)
async def test_a_page_is_ascending_and_says_whether_there_is_more(query: Query, found: tuple[list[int], bool]) -> None:
    assert await seqs(await log_of(["x"] * 10), query) == found


async def test_two_ways_at_once_are_refused() -> None:
    with pytest.raises(WireError, match="got before and after") as caught:
        await seqs(await log_of([]), Query(before=3, after=1))
    assert (caught.value.code, caught.value.field) == ("bad_field", "after")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query(after=0), ([1, 2, 3, 4], True)),
        (Query(), ([7, 8, 9, 10], True)),
        (Query(seqs=tuple(range(1, 11))), ([1, 2, 3, 4], True)),
        (Query(after=8), ([9, 10], False)),
    ],
)
async def test_a_page_is_cut_at_its_bytes(query: Query, found: tuple[list[int], bool]) -> None:
    log = await log_of(["x" * 60_000] * 10)
    assert await seqs(log, query) == found
    items, more = await history.messages(log, "lab", query)
    assert len(encode(Page(ref="r" * 128, room="lab", stream="raw", items=items, more=more))) <= PAGE_BYTES_MAX


async def test_a_message_larger_than_a_page_is_a_page_of_its_own() -> None:
    assert await seqs(await log_of(["\x00" * 60_000] * 2), Query(after=0)) == ([1], True)


async def test_turns_are_found_by_number() -> None:
    log = await log_of(["x"])
    for number in (1, 2, 3):
        covers = Covers("e", number, number, 1, 1)
        await log.append_turn(
            "bob",
            Turn(room="lab", turn=number, at="", mode="paraphrase", covers=covers, words=0, segments=(), by="embedded"),
        )
    items, more = await history.turns(log, "lab", "bob", Query(after=1, limit=1))
    assert ([item.turn for item in items], more) == ([2], True)
    items, more = await history.turns(log, "lab", "bob", Query(seqs=(3, 1)))
    assert ([item.turn for item in items], more) == ([1, 3], False)
    assert await history.turns(log, "lab", "ann", Query()) == ((), False)
