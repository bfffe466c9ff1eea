"""Mediated readers who take what comes: `python -m bench.server.audience PORT COUNT` says "there" when all are in."""

from __future__ import annotations

import select
import sys

from bench.server.lines import LINES
from bench.server.parts import enter


def stay(port: int, count: int) -> None:
    """Join `count` humans, one after the other, and read for good."""
    line, epoll, ends = LINES["cadence"], select.epoll(), {}
    for number in range(count):
        end = line.dial(port)
        enter(end, f"Reader {number}", "human")
        end.setblocking(False)
        ends[end.fileno()] = end
        epoll.register(end.fileno(), select.EPOLLIN)
        _read(epoll, ends, 0.0)
    print("there", flush=True)
    while True:
        _read(epoll, ends, 1.0)


def _read(epoll: select.epoll, ends: dict[int, object], wait_s: float) -> None:
    for fd, _ in epoll.poll(wait_s):
        try:
            if not ends[fd].recv(1 << 18):  # type: ignore[attr-defined]
                epoll.unregister(fd)
        except BlockingIOError:
            pass


if __name__ == "__main__":
    stay(int(sys.argv[1]), int(sys.argv[2]))
