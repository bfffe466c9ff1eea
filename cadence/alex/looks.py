"""When each reader is looked at next: one timer for all of them, never early.

Who is due at the same moment is looked at together, in blocks no larger than the loop can spare the time for.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Sequence

from cadence.alex.contest import BLOCK_READERS_MAX
from cadence.alex.reader import Reader

LOOP_SECONDS_MAX = 0.002  # work that can wait yields to the loop after this long
BLOCK_READERS_FIRST = 8  # before it is known what a look takes
EARLY_SECONDS_MAX = 1e-3  # a loop may wake a hair early
LEARNING = 0.2  # of what the last block took goes into what the next is believed to take


class Looks:
    """Calls `look(readers, now)` when some are due, and tells `late` by how many seconds each of them is.

    `now` is never before a deadline that was set. `look` returns how many of them were shown something. A block holds
    as many as `seconds_max` are believed to suffice for, at most `BLOCK_READERS_MAX`, and one at least.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        look: Callable[[Sequence[Reader], float], int],
        late: Callable[[float], None],
        seconds_max: float = LOOP_SECONDS_MAX,
    ) -> None:
        self._clock, self._look, self._late, self._seconds_max = clock, look, late, seconds_max
        self._moments: list[float] = []  # a heap; each is a key of `_due`
        self._due: dict[float, deque[Reader]] = {}  # Bounded by the changes of deadlines not yet reached
        self._timer: asyncio.Handle | None = None
        self._rings_at = 0.0  # by the loop's clock; not every loop's handle can tell
        self._looking = False
        self._closed = False
        self._seconds = seconds_max / BLOCK_READERS_FIRST  # what one reader's look is believed to take

    def set(self, reader: Reader, due: float | None) -> None:
        """Look at `reader` at `due`, or not at all; replaces what was set before."""
        if due == reader.due:
            return
        reader.due = due
        if due is None:
            return
        readers = self._due.get(due)
        if readers is None:
            readers = self._due[due] = deque()
            heapq.heappush(self._moments, due)
        readers.append(reader)
        if not self._looking and self._moments[0] == due:
            self._arm()

    def close(self) -> None:
        """Look at nobody any more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        while self._moments:
            readers = self._due[self._moments[0]]
            while readers and readers[0].due != self._moments[0]:
                readers.popleft()  # overtaken by a later `set`
            if readers:
                break
            del self._due[heapq.heappop(self._moments)]
        if not self._moments or self._closed:
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + max(0.0, self._moments[0] - self._clock())
        if self._timer is not None:
            if self._rings_at <= at:
                return  # it rings early enough, and then looks for the next deadline
            self._timer.cancel()
        self._timer, self._rings_at = loop.call_at(at, self._run), at

    def _run(self) -> None:
        """Look at those who are due, until the next block would not end within `seconds_max`."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._timer, self._looking = None, True
        try:
            while block := self._block():
                before = loop.time()
                shown = self._look(*block)
                self._took(loop.time() - before, len(block[0]), shown)
                if loop.time() + self._seconds * self._size() > began + self._seconds_max:
                    break
        finally:
            self._looking = False
            self._arm()

    def _took(self, seconds: float, readers: int, shown: int) -> None:
        """So long a block of so many took; one of which few were shown anything says nothing of others."""
        if 2 * shown >= readers:
            self._seconds += LEARNING * (seconds / readers - self._seconds)

    def _size(self) -> int:
        return max(1, min(BLOCK_READERS_MAX, int(self._seconds_max / max(self._seconds, 1e-9))))

    def _block(self) -> tuple[Sequence[Reader], float] | None:
        """Those who are due first, and when they are looked at; None if it is too early for anybody.

        Who is looked at in time is looked at when due, to the bit, whatever the clock makes of that moment: else a
        reader could tell from the last digits of a time who else was looked at (law 12).
        """
        found: list[Reader] = []
        now, size = self._clock(), self._size()
        at = now
        while self._moments and self._moments[0] - EARLY_SECONDS_MAX <= now and len(found) < size:
            due = self._moments[0]
            if in_time := now <= due + EARLY_SECONDS_MAX:
                if found and due != at:
                    break
                at = due
            readers = self._due[due]
            while readers and len(found) < size:
                reader = readers.popleft()
                if reader.due == due:
                    reader.due = None
                    self._late(0.0 if in_time else now - due)
                    found.append(reader)
            if not readers:
                del self._due[heapq.heappop(self._moments)]
        return (found, at) if found else None
