"""Mediated readers who take what comes: `python -m bench.server.audience PORT COUNT`.

It says "there" when all are in. For each line of its input, the seq of the last message that was said, it waits until
every reader of a sample was told of everything up to there, and prints how the sample fared as JSON. It ends with its
input.
"""

from __future__ import annotations

import json
import re
import select
import socket
import sys
import time
from typing import Any

from bench.server.lines import LINES
from bench.server.parts import enter

SAMPLE_EVERY = 20  # of so many readers, one is looked at closely
READ_BYTES = 1 << 18
CATCH_UP_S_MAX = 60.0
_BEGIN = re.compile(rb'\x81(?:[\x00-\x7d]|\x7e..)\{"type":"', re.DOTALL)  # of a frame of text


class Reader:
    """One of the sample: what its turns account for. Frames of a server are never masked, here never cut in pieces.

    It begins to read in the midst of a frame: whoever joined for it has read on until it was in.
    """

    def __init__(self) -> None:
        self.covered, self.turns, self.gaps = 0, 0, 0
        self._rest, self._begun = b"", False

    def take(self, data: bytes) -> None:
        """Hear what came."""
        data, at = self._rest + data, 0
        if not self._begun:
            if (begin := _BEGIN.search(data)) is None:
                self._rest = data
                return
            self._begun, at = True, begin.start()
        while len(data) - at >= 2:
            size, head = data[at + 1] & 127, 2
            if size >= 126:
                wide = 2 if size == 126 else 8
                size, head = int.from_bytes(data[at + 2 : at + 2 + wide], "big"), 2 + wide
            if len(data) - at < head + size:
                break
            self._hear(data[at + head : at + head + size])
            at += head + size
        self._rest = data[at:]

    def _hear(self, payload: bytes) -> None:
        if not payload.startswith(b'{"type":"turn"'):
            return
        covers = json.loads(payload).get("covers")
        if covers is not None:
            self.gaps += bool(self.covered) and covers["from"] != self.covered + 1
            self.covered, self.turns = covers["to"], self.turns + 1


class Audience:
    """All of them."""

    def __init__(self, port: int) -> None:
        self._port, self._epoll = port, select.epoll()
        self._ends: dict[int, socket.socket] = {}
        self.sample: dict[int, Reader] = {}
        self.cut = 0

    def arrive(self, count: int) -> None:
        """Join, one after the other."""
        line = LINES["cadence"]
        for number in range(count):
            end = line.dial(self._port)
            enter(end, f"Reader {number}", "human")
            end.setblocking(False)
            self._ends[end.fileno()] = end
            if number % SAMPLE_EVERY == 0:
                self.sample[end.fileno()] = Reader()
            self._epoll.register(end.fileno(), select.EPOLLIN)
            self.read(0.0)

    def read(self, wait_s: float) -> None:
        """Take what has come."""
        for fd, _ in self._epoll.poll(wait_s):
            if fd == sys.stdin.fileno():
                continue
            try:
                data = self._ends[fd].recv(READ_BYTES)
            except BlockingIOError:
                continue
            if not data:
                self._epoll.unregister(fd)
                self.cut += 1
            elif fd in self.sample:
                self.sample[fd].take(data)

    def stay(self) -> None:
        """Read until the input ends, and tell how the sample fared when asked."""
        self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        while True:
            ready, _, _ = select.select([sys.stdin], [], [], 0)
            if ready:
                asked = sys.stdin.readline()
                if not asked:
                    return
                print(json.dumps(self._fared(int(asked))), flush=True)
            self.read(1.0)

    def _fared(self, last: int) -> dict[str, Any]:
        began = time.monotonic()
        while time.monotonic() - began < CATCH_UP_S_MAX and any(one.covered < last for one in self.sample.values()):
            self.read(0.1)
        found = list(self.sample.values())
        return {
            "sample": len(found),
            "behind": sum(one.covered < last for one in found),
            "gaps": sum(one.gaps for one in found),
            "turns": sum(one.turns for one in found),
            "level_after_s": time.monotonic() - began,
            "cut": self.cut,
        }


if __name__ == "__main__":
    audience = Audience(int(sys.argv[1]))
    audience.arrive(int(sys.argv[2]))
    print("there", flush=True)
    audience.stay()
