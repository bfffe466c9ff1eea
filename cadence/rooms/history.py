"""Pages of what was said and shown, as `history` and HTTP ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from cadence.rooms.log import Log
from cadence.rooms.query import Term
from cadence.rooms.wire import PAGE_BYTES_MAX, Message, Turn, WireError, encode

PAGE_ENVELOPE_BYTES = 1024  # a page around its items: type, ref, room, stream, more

T = TypeVar("T", Message, Turn)


@dataclass(frozen=True, slots=True)
class Query:
    """Which items: above `after`, below `before` (both exclusive), these `seqs`, or (none given) the newest."""

    before: int | None = None
    after: int | None = None
    seqs: tuple[int, ...] | None = None
    limit: int = 50

    def check(self) -> None:
        """Raise `WireError` if more than one way is asked."""
        given = [name for name in ("before", "after", "seqs") if getattr(self, name) is not None]
        if len(given) > 1:
            raise WireError(
                "bad_field", f"expected one of before, after and seqs; got {' and '.join(given)}", field=given[1]
            )


async def messages(log: Log, room: str, query: Query) -> tuple[tuple[Message, ...], bool]:
    """Messages ascending, and whether there are more in the direction asked."""
    query.check()
    if query.seqs is not None:
        return _cut(await log.messages_at(room, query.seqs), len(query.seqs), forward=True)
    found = await log.messages(room, after=query.after, before=query.before, limit=query.limit + 1)
    return _cut(found, query.limit, forward=query.after is not None)


async def turns(log: Log, room: str, user: str, query: Query) -> tuple[tuple[Turn, ...], bool]:
    """Turns of one reader ascending, and whether there are more in the direction asked."""
    query.check()
    if query.seqs is not None:
        return _cut(await log.turns_at(room, user, query.seqs), len(query.seqs), forward=True)
    found = await log.turns(room, user, after=query.after, before=query.before, limit=query.limit + 1)
    return _cut(found, query.limit, forward=query.after is not None)


async def found(
    log: Log, room: str, terms: Sequence[Term], user: str | None, limit: int
) -> tuple[tuple[Message, ...], bool]:
    """The newest messages that hold all `terms`, ascending, and whether there are older ones."""
    return _cut(await log.search(room, terms, user=user, limit=limit + 1), limit, forward=False)


def _cut(found: Sequence[T], limit: int, forward: bool) -> tuple[tuple[T, ...], bool]:
    """As many as a page holds, counted from the end the reader comes from; always at least one."""
    left = PAGE_BYTES_MAX - PAGE_ENVELOPE_BYTES
    kept: list[T] = []
    for item in found if forward else reversed(found):
        left -= len(encode(item)) + 1
        if len(kept) == limit or (kept and left < 0):
            break
        kept.append(item)
    more = len(kept) < len(found)
    return tuple(kept if forward else reversed(kept)), more
