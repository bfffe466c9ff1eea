import asyncio
import time

import pytest

from tests.clock import Deadlock, VirtualLoop


def test_an_hour_passes_at_once_and_to_the_microsecond() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        await asyncio.wait([asyncio.create_task(asyncio.Event().wait())], timeout=3600)
        return loop.time()

    started = time.monotonic()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(main()) == 3600.0
    assert time.monotonic() - started < 60


def test_waiting_on_nothing_is_an_error() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
