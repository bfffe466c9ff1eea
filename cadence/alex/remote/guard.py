"""The log as a worker reaches it: what it still writes of a reader whom it has to give away is refused.

Where another node has taken the reader over, the log refuses it as well, by its fencing token. Here it is refused also
where this node has taken them back, and a worker that is a moment behind writes for the stay before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cadence.alex.remote.attendance import Attendance, Stay
from cadence.rooms.mediation import ReaderRecord, ReaderStore, StoreFenced
from cadence.rooms.wire import Turn


class Guard:
    """A `ReaderStore` over `store`, which also notes in `attendance` what is stored and not told yet."""

    def __init__(self, store: ReaderStore, attendance: Attendance) -> None:
        self._store, self._attendance = store, attendance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def append_turn(self, user: str, turn: Turn, carried: bytes | None = None) -> None:
        """See `ReaderStore`."""
        stay = self._own(turn.room, user)
        await self._store.append_turn(user, turn, carried)
        if stay is not None and not stay.over:
            stay.stored(turn)

    async def save_reader(self, room: str, user: str, record: ReaderRecord) -> None:
        """See `ReaderStore`."""
        self._own(room, user)
        await self._store.save_reader(room, user, record)

    async def add_raw_range(self, room: str, user: str, first: int, last: int) -> None:
        """See `ReaderStore`."""
        self._own(room, user)
        await self._store.add_raw_range(room, user, first, last)

    async def add_postponed(self, room: str, user: str, seqs: Sequence[int]) -> None:
        """See `ReaderStore`."""
        self._own(room, user)
        await self._store.add_postponed(room, user, seqs)

    def _own(self, room: str, user: str) -> Stay | None:
        if not self._attendance.counts(room, user):
            raise StoreFenced(f"expected to mediate `{user}`, but the worker has yet to give them away")
        return self._attendance.stay(room, user)
