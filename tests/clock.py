"""Virtual time for asyncio: when nothing can run, time moves to the next timer.

Only for tests in which every peer lives in this process and no thread or child is awaited: a loop that has
neither a ready callback nor a timer raises instead of waiting for ever.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any


class Deadlock(Exception):
    """Every task waits and no timer is armed: nothing can ever happen again."""


class _JumpingSelector(selectors.BaseSelector):
    """Polls real file descriptors without blocking and adds the wait to the virtual clock instead."""

    def __init__(self) -> None:
        self._inner = selectors.DefaultSelector()
        self.microseconds = 0  # an integer: sums of floats would drift between runs

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._inner.select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise Deadlock("no task can run and no timer is armed")
        self.microseconds += max(1, round(timeout * 1_000_000))
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def close(self) -> None:
        self._inner.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock starts at 0 and only moves when everything waits."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.microseconds / 1_000_000
