"""A whole room as lines of JSON, read from the log page by page as the receiver takes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from cadence.rooms.log import Log
from cadence.rooms.wire import Message, encode

MEDIA_TYPE = "application/x-ndjson"
PAGE_MESSAGES_MAX = 100  # in memory at once, of one export; at most about 6 MiB


async def lines(log: Log, room: str, head: int) -> AsyncIterator[bytes]:
    """Complete `message` frames up to the seq `head`, one a line, a page at a time.

    The first page is read before this returns, so that a log that cannot be read is told by an error. One that
    fails later breaks the stream off: the receiver must not take half a room for a whole one.
    """
    page = await log.messages(room, after=0, limit=PAGE_MESSAGES_MAX)
    return _pages(log, room, head, page)


async def _pages(log: Log, room: str, head: int, page: Sequence[Message]) -> AsyncIterator[bytes]:
    while page:
        yield b"".join(_line(message) for message in page if message.seq <= head)
        if page[-1].seq >= head:
            return
        page = await log.messages(room, after=page[-1].seq, limit=PAGE_MESSAGES_MAX)


def _line(message: Message) -> bytes:
    return encode(message.erased() if message.redacted else message) + b"\n"
