"""Workers in this process, in virtual time: frames are pickled, take a while, and keep their order."""

from __future__ import annotations

import asyncio
import pickle
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from cadence.alex.remote.peer import Frame
from cadence.alex.remote.worker import MakeDriver, Worker

LATENCY_SECONDS_MAX = 0.05


class Way:
    """One direction of a line: each frame arrives up to `latency_s` later, never before an earlier one."""

    def __init__(self, deliver: Callable[[Any], None], chance: Random, latency_s: float) -> None:
        self._deliver, self._chance, self._latency_s = deliver, chance, latency_s
        self._last = 0.0
        self._under_way: deque[bytes] = deque()  # Bounded by what is sent within the latency
        self.cut = False

    def send(self, frame: Frame) -> None:
        if self.cut:
            return
        loop = asyncio.get_running_loop()
        self._last = max(self._last, loop.time() + self._chance.random() * self._latency_s)
        self._under_way.append(pickle.dumps(frame))
        loop.call_at(self._last, self._arrive)  # timers of one moment ring in any order, frames come in theirs

    def _arrive(self) -> None:
        body = self._under_way.popleft()
        if not self.cut:
            self._deliver(pickle.loads(body))


class Nearby:
    """A `Connection` to a worker; `kill` ends it as kill -9 would."""

    def __init__(
        self,
        make: MakeDriver,
        received: Callable[[Frame], None],
        lost: Callable[[], None],
        chance: Random,
        latency_s: float,
        *,
        keeps_nodes: bool,
        reach: Callable[[float], object],
    ) -> None:
        self._back, self._lost = Way(received, chance, latency_s), lost
        self.worker = Worker(self._back.send, make, keeps_nodes=keeps_nodes, reach=reach)
        self._there = Way(self.worker.peer.received, chance, latency_s)
        self.send = self._there.send

    def close(self) -> None:
        self.kill()

    async def wait_closed(self) -> None:
        """It has ended by now."""

    def kill(self) -> None:
        if self._there.cut:
            return
        self._there.cut = self._back.cut = True
        driver = self.worker._driver
        driver._delivery.close()
        driver._background.cancel()
        self.worker.lost()
        asyncio.get_running_loop().call_soon(self._lost)


class Neighbours:
    """Starts workers as `Mediators` asks for them, and knows those that live; `reach` sets their clock."""

    def __init__(
        self,
        make: MakeDriver,
        chance: Random | None = None,
        latency_s: float = LATENCY_SECONDS_MAX,
        reach: Callable[[float], object] = lambda at: None,
    ) -> None:
        self._make, self._chance, self._latency_s, self._reach = make, chance or Random(0), latency_s, reach
        self.living: dict[int, Nearby] = {}
        self.refuses = False

    async def start(self, number: int, received: Callable[[Frame], None], lost: Callable[[], None]) -> Nearby:
        if self.refuses:
            raise OSError(11, "no process to be had")
        worker = Nearby(
            self._make, received, lost, self._chance, self._latency_s, keeps_nodes=number == 0, reach=self._reach
        )
        self.living[number] = worker
        return worker
