"""When each reader is looked at next: one timer for all of them, never early."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

from cadence.alex.reader import Reader

LOOP_SECONDS_MAX = 0.002  # work that can wait yields to the loop after this long
EARLY_SECONDS_MAX = 1e-3  # a loop may wake a hair early


class Looks:
    """Calls `look(reader, now)` when a reader is due, and tells `late` by how many seconds it is.

    `now` is never before the deadline that was set.
    """

    def __init__(
        self, clock: Callable[[], float], look: Callable[[Reader, float], None], late: Callable[[float], None]
    ) -> None:
        self._clock, self._look, self._late = clock, look, late
        self._heap: list[tuple[float, int, Reader]] = []  # Bounded by the changes of deadlines not yet reached
        self._order = 0  # breaks ties between equal deadlines: first armed, first served
        self._timer: asyncio.Handle | None = None
        self._rings_at = 0.0  # by the loop's clock; not every loop's handle can tell
        self._looking = False
        self._closed = False

    def set(self, reader: Reader, due: float | None) -> None:
        """Look at `reader` at `due`, or not at all; replaces what was set before."""
        if due == reader.due:
            return
        reader.due = due
        if due is not None:
            self._order += 1
            heapq.heappush(self._heap, (due, self._order, reader))
            if not self._looking:
                self._arm()

    def close(self) -> None:
        """Look at nobody any more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        while self._heap and self._heap[0][2].due != self._heap[0][0]:
            heapq.heappop(self._heap)  # overtaken by a later `set`
        if not self._heap or self._closed:
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + max(0.0, self._heap[0][0] - self._clock())
        if self._timer is not None:
            if self._rings_at <= at:
                return  # it rings early enough, and then looks for the next deadline
            self._timer.cancel()
        self._timer, self._rings_at = loop.call_at(at, self._run), at

    def _run(self) -> None:
        """Look at those who are due, until `LOOP_SECONDS_MAX` is used up."""
        loop = asyncio.get_running_loop()
        until = loop.time() + LOOP_SECONDS_MAX
        self._timer, self._looking = None, True
        try:
            while self._heap and loop.time() <= until and self._look_first():
                pass
        finally:
            self._looking = False
            self._arm()

    def _look_first(self) -> bool:
        """Look at who is due first; False if it is too early."""
        due, _, reader = self._heap[0]
        if reader.due == due:
            now = self._clock()
            if now < due - EARLY_SECONDS_MAX:
                return False
            reader.due = None
            heapq.heappop(self._heap)
            self._late(now - due)
            self._look(reader, max(now, due))
        else:
            heapq.heappop(self._heap)
        return True
