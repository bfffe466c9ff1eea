"""A mediator's process: started by the server, speaks with it over a pair of sockets, ends when that ends.

python -m cadence.mediating FD OPTIONS      (by the server only)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import structlog

from cadence.alex.driver import Driver, EncoderFactory
from cadence.alex.remote.line import Line
from cadence.alex.remote.peer import Frame
from cadence.alex.remote.worker import MayRead, Tell, Worker
from cadence.models.async_encoder import AsyncEncoder
from cadence.models.encoder import MiniLmEncoder, missing
from cadence.packing import pack_at
from cadence.process import WallClock, configure_logging, loop_factory, own_counts, spare_garbage
from cadence.rooms.mediation import ReaderStore

LOOK_SECONDS_MAX = 0.02  # nothing raw waits for this loop, and the more look together the less each costs
NICENESS = 5  # where cores are few, the raw path goes first

log = structlog.get_logger(__name__)


class Options(msgspec.Struct, frozen=True):
    """What a mediator's process is told at its start."""

    data: str
    clock_offset: float
    pack: str | None = None
    keeps_nodes: bool = True


class Process:
    """A running worker, as its proxy sees it."""

    def __init__(self, process: asyncio.subprocess.Process, line: Line) -> None:
        self._process, self._line = process, line
        self._ended = asyncio.create_task(self._reap())
        self.send = line.send

    @classmethod
    async def start(cls, options: Options, received: Callable[[Frame], None], lost: Callable[[], None]) -> Process:
        """Start one. Raises `OSError`."""
        ours, theirs = socket.socketpair()
        with contextlib.closing(theirs):
            fd = theirs.fileno()
            module = ["-m", "cadence.mediating", str(fd), msgspec.json.encode(options).decode()]
            process = await asyncio.create_subprocess_exec(sys.executable, *module, pass_fds=[fd])
        line = Line()
        await line.open(ours, received, lost)
        return cls(process, line)

    def close(self) -> None:
        """End the line and the process; one that is stuck would hear nothing less."""
        self._line.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def wait_closed(self) -> None:
        """Wait until the process is gone."""
        await self._ended

    async def _reap(self) -> None:
        await self._process.wait()


def encoder_for(data: Path) -> EncoderFactory | None:
    """What makes vectors, if the extra and its tokenizer are there; everything works without (docs/models.md)."""
    why_not = missing(data)
    if why_not is not None:
        log.info("no vectors", why=why_not)
        return None
    return partial(AsyncEncoder, MiniLmEncoder(data))


async def work(end: socket.socket, options: Options) -> None:
    """Mediate for the server at the other end until it says goodbye or is gone."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: None)  # the server has got it too, and says goodbye
    pack = pack_at(Path(options.pack) if options.pack else None)
    clock, encoder = WallClock(options.clock_offset), encoder_for(Path(options.data))

    def make(store: ReaderStore, tell: Tell, may_read: MayRead) -> Driver:
        return Driver(store, clock, tell, encoder, pack, may_read, look_seconds_max=LOOK_SECONDS_MAX)

    line = Line()
    worker = Worker(line.send, make, keeps_nodes=options.keeps_nodes, process=own_counts, reach=clock.reach)
    await line.open(end, worker.peer.received, worker.lost)
    await worker.done.wait()
    line.close()


def main() -> None:
    """The process's whole life."""
    configure_logging()
    os.nice(NICENESS)
    spare_garbage()
    end = socket.socket(fileno=int(sys.argv[1]))
    options = msgspec.json.decode(sys.argv[2], type=Options)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(work(end, options))


if __name__ == "__main__":
    main()
