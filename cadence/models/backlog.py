"""What waits to be encoded: which request is next, and which is given up when there are too many.

In order of arrival while the encoder keeps up. When it is behind, the richest of each `STRETCH` that arrived one after
another go first, then the second richest of each; when the queue is full, who comes last in this is refused. So an
overloaded room has vectors for the richer part of every moment and none for the rest, instead of late ones for all, or
none for a moment in which nobody was eloquent.

Pure: `now` is an argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

QUEUE_TEXTS_MAX = 512  # texts that wait: some four seconds of work
BEHIND_TEXTS = 128  # more than so many waiting, and the richest go first
STRETCH = 8  # requests
LATE_SECONDS_MAX = 10.0  # two looks at the default cadence: what comes later is of little use

KeyT = TypeVar("KeyT")


@dataclass(frozen=True, slots=True, eq=False)
class Request(Generic[KeyT]):
    """Texts that are to be encoded together. `worth` compares requests: more is richer."""

    key: KeyT
    texts: tuple[str, ...]
    worth: float
    at: float

    @property
    def places(self) -> int:
        """What it takes of the bounds, in texts; asking for nothing takes a place too."""
        return max(1, len(self.texts))


@dataclass(slots=True, eq=False)
class _Waiting(Generic[KeyT]):
    """A request, and how many richer ones arrived in its stretch."""

    request: Request[KeyT]
    richer: int

    @property
    def order(self) -> tuple[int, float]:
        return self.richer, -self.request.worth


class Backlog(Generic[KeyT]):
    """The requests that wait, at most `texts_max` texts of them."""

    def __init__(
        self, *, texts_max: int = QUEUE_TEXTS_MAX, behind_texts: int = BEHIND_TEXTS, late_s: float = LATE_SECONDS_MAX
    ) -> None:
        self._texts_max, self._behind_texts, self._late_s = texts_max, behind_texts, late_s
        self._waiting: list[_Waiting[KeyT]] = []  # in order of arrival
        self._stretch: list[_Waiting[KeyT]] = []  # who arrived last, whether they still wait or not
        self.texts = 0

    def offer(self, request: Request[KeyT]) -> list[Request[KeyT]]:
        """Let a request wait. Returns who is refused for it: others that come later, of like ones the newest, or it."""
        if request.places > self._texts_max:
            return [request]
        self._waiting.append(self._arrived(request))
        self.texts += request.places
        refused = []
        while self.texts > self._texts_max:
            newest_first = range(len(self._waiting) - 1, -1, -1)
            last = max(newest_first, key=lambda i: self._waiting[i].order)
            refused.append(self._remove(last))
        return refused

    def take(self, now: float, texts_max: int) -> tuple[list[Request[KeyT]], list[Request[KeyT]]]:
        """The next requests to encode, up to `texts_max` texts but at least one; and those that waited too long."""
        late = self._remove_all(lambda request: now - request.at > self._late_s)
        order = self._waiting
        if self.texts > self._behind_texts:
            order = sorted(self._waiting, key=lambda one: one.order)  # stable: of like ones the oldest
        batch: list[Request[KeyT]] = []
        texts = 0
        for request in [one.request for one in order]:
            if batch and texts + request.places > texts_max:
                break
            batch.append(request)
            texts += request.places
        chosen = set(map(id, batch))
        self._remove_all(lambda request: id(request) in chosen)
        return batch, late

    def _arrived(self, request: Request[KeyT]) -> _Waiting[KeyT]:
        if len(self._stretch) == STRETCH:
            self._stretch.clear()
        for one in self._stretch:
            one.richer += request.worth > one.request.worth
        found = _Waiting(request, sum(one.request.worth > request.worth for one in self._stretch))
        self._stretch.append(found)
        return found

    def _remove(self, i: int) -> Request[KeyT]:
        request = self._waiting.pop(i).request
        self.texts -= request.places
        return request

    def _remove_all(self, gone: Callable[[Request[KeyT]], bool]) -> list[Request[KeyT]]:
        removed = [one.request for one in self._waiting if gone(one.request)]
        self._waiting = [one for one in self._waiting if not gone(one.request)]
        self.texts -= sum(request.places for request in removed)
        return removed

    def clear(self) -> list[Request[KeyT]]:
        """Give up everything that waits; returns it."""
        waiting, self._waiting, self.texts = [one.request for one in self._waiting], [], 0
        return waiting
