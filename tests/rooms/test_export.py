import json
from typing import Any

import pytest

from cadence.rooms import export
from cadence.rooms.log import Draft, LogUnavailable
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.wire import Author

ADA = Author("ada", "Ada", "agent")


async def filled(messages: int) -> MemoryLog:
    log = MemoryLog(lambda: 0.0)
    await log.open_room("lab")
    for number in range(1, messages + 1):
        await log.append(Draft("lab", ADA, f"m{number}", float(number), f"text {number}"))
    return log


async def exported(log: MemoryLog, head: int) -> list[list[dict[str, Any]]]:
    """The pages as they were sent."""
    chunks = [chunk async for chunk in await export.lines(log, "lab", head)]
    return [[json.loads(line) for line in chunk.splitlines()] for chunk in chunks]


async def test_every_message_is_a_line_in_order_and_a_page_is_all_that_is_held() -> None:
    pages = await exported(await filled(250), 250)
    assert [len(page) for page in pages] == [100, 100, 50]
    assert [line["seq"] for page in pages for line in page] == list(range(1, 251))
    first = pages[0][0]
    assert first["type"] == "message" and first["from"] == {"id": "ada", "name": "Ada", "kind": "agent"}
    assert first["at"] == "1970-01-01T00:00:01.000Z" and first["text"] == "text 1"


async def test_it_ends_where_the_room_was_when_it_began() -> None:
    pages = await exported(await filled(120), 105)
    assert [line["seq"] for page in pages for line in page] == list(range(1, 106))


async def test_a_room_without_a_word_is_an_empty_file() -> None:
    assert await exported(await filled(0), 0) == []


async def test_what_was_taken_back_has_no_text() -> None:
    log = await filled(2)
    await log.redact("lab", 1)
    [[first, second]] = await exported(log, 2)
    assert (first["text"], first["redacted"], second["text"]) == ("", True, "text 2")


async def test_a_log_that_cannot_be_read_fails_before_the_first_line() -> None:
    log = await filled(1)
    await log.close()
    with pytest.raises(LogUnavailable):
        await export.lines(log, "lab", 1)


async def test_a_log_that_fails_midway_breaks_the_stream_off() -> None:
    log = await filled(150)
    chunks = await export.lines(log, "lab", 150)
    assert len((await anext(chunks)).splitlines()) == 100
    await log.close()
    with pytest.raises(LogUnavailable):
        await anext(chunks)
