"""What is typed, or comes through a pipe, without a thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import AsyncIterator, Iterator

READ_BYTES = 4096


async def typed(descriptor: int) -> AsyncIterator[bytes]:
    """What comes in, as it comes; b"" once at the end. Nothing is read ahead of whoever asks."""
    loop = asyncio.get_running_loop()
    waits = not stat.S_ISREG(os.fstat(descriptor).st_mode)
    while True:
        if waits:
            ready = asyncio.Event()
            try:
                loop.add_reader(descriptor, ready.set)
            except PermissionError:  # nothing that can be waited for, like /dev/null: reading it never waits
                waits = False
            else:
                try:
                    await ready.wait()
                finally:
                    loop.remove_reader(descriptor)
        data = os.read(descriptor, READ_BYTES)
        yield data
        if not data:
            return


@contextlib.contextmanager
def single_keys(descriptor: int) -> Iterator[None]:
    """Keys come one by one and unseen meanwhile; Ctrl-C still interrupts."""
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
