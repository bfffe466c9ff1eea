"""Work that goes on beside the readers: owned, so that it ends with its owner, and a failure is logged, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec

import structlog

from cadence.rooms.mediation import StoreFenced, StoreUnavailable

STORE_RETRY_SECONDS = 1.0

P = ParamSpec("P")
log = structlog.get_logger()


class Background:
    """Tasks of one owner, who calls `finish` and then `cancel` in the end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = False

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def durably(
        self, own: Callable[[], None], write: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Write to the log, again and again until it takes it: what a mediator decided must not be lost.

        `own` raises `StoreFenced` once it is no longer ours to write. When the end has come the first refusal is the
        last: raises `StoreUnavailable`.
        """
        while True:
            own()
            try:
                return await write(*args, **kwargs)
            except StoreUnavailable as error:
                log.warning("the log does not take what Alex writes; trying again", why=str(error))
                if self._ending:
                    raise
                await asyncio.sleep(STORE_RETRY_SECONDS)

    async def finish(self, within_s: float) -> None:
        """Let what is under way end, for so long."""
        self._ending = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)

    def cancel(self) -> None:
        """End what is still under way."""
        for task in self._tasks:
            task.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(task.exception(), StoreFenced):
            log.info("another node mediates now", why=str(task.exception()))
        elif not task.cancelled() and (error := task.exception()) is not None:
            log.error("mediation could not be stored", why=str(error), exc_info=error)
