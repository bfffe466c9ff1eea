"""How many messages a second one server makes durable, through sockets: `python -m bench.server.durable '{...}'`.

Agents on connections of their own say one thing after the other, each with `WINDOW` unanswered at most; they are two to
a room, so that each message is acknowledged once and delivered twice. Everything is durable before it is acknowledged:
SQLite with `synchronous=FULL`, Redis with `appendfsync always`. CPU is told apart for the server, Redis and the crowd,
as a machine that others use changes it less than the rate.

    {"store": "sqlite" or "redis", "seconds": 6, "connections": 16, "how": "rooms" or "alex"}    prints JSON
"""

from __future__ import annotations

import json
import select
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.server.crowd import READ_BYTES, cpu_s
from bench.server.lines import LINES, masked, until
from bench.server.peers import running
from tests.redis_server import RedisServer

SERVER_CORE = 0
WINDOW = 64  # messages of one connection on their way
PER_ROOM = 2
WARM_UP_S = 1.0
TEXT = "The queue is the wrong place to look, since what we lose is lost before it. " * 3
FSYNCS = 100
SAID, MESSAGE, ERROR = b'{"type":"said"', b'{"type":"message"', b'{"type":"error"'


class Speaker:
    """One agent: what it has said, and what it was answered."""

    def __init__(self, port: int, number: int) -> None:
        line = LINES["cadence"]
        self.end = line.dial(port)
        self.room = f"room-{number // PER_ROOM}"
        self.end.sendall(masked(json.dumps({"type": "hello", "kind": "agent", "name": f"Agent {number}"}).encode()))
        until(self.end, b'"type":"welcome"')
        self.end.sendall(masked(json.dumps({"type": "join", "room": self.room}).encode()))
        until(self.end, b'"type":"joined"')
        self.end.setblocking(False)
        self.said = self.acknowledged = self.heard = 0
        self._tail, self._unsent = b"", b""

    def speak(self) -> None:
        """Say as much as the window allows, in one write."""
        frames = []
        while self.said - self.acknowledged < WINDOW:
            self.said += 1
            frame = b'{"type":"say","room":"%s","id":"%d","text":"%s"}'
            frames.append(masked(frame % (self.room.encode(), self.said, TEXT.encode())))
        self._unsent += b"".join(frames)
        try:
            self._unsent = self._unsent[self.end.send(self._unsent) :] if self._unsent else b""
        except BlockingIOError:
            pass

    def hear(self) -> None:
        """Read and count what has come."""
        data = self._tail + self.end.recv(READ_BYTES)
        if not data or ERROR in data:
            raise RuntimeError(f"expected every message to be taken, got {data[:300]!r}")
        self.acknowledged += data.count(SAID)
        self.heard += data.count(MESSAGE)
        # What is cut in two is counted with the next piece; nothing whole may be counted twice.
        keep = max(
            (cut for mark in (SAID, MESSAGE, ERROR) for cut in range(1, len(mark)) if data.endswith(mark[:cut])),
            default=0,
        )
        self._tail = data[-keep:] if keep else b""


def crowd(port: int, connections: int, pids: dict[str, list[int]], seconds: float) -> dict[str, Any]:
    """Speak for `seconds`, after a while that does not count; the figures for each acknowledged message."""
    speakers = [Speaker(port, number) for number in range(connections)]
    epoll, by_fd = select.epoll(), {one.end.fileno(): one for one in speakers}
    for fd in by_fd:
        epoll.register(fd, select.EPOLLIN)

    def talk(seconds: float) -> None:
        over = time.monotonic() + seconds
        while time.monotonic() < over:
            for fd, _ in epoll.poll(0.01):
                by_fd[fd].hear()
            for one in speakers:
                if one.said - one.acknowledged <= WINDOW // 2 or one._unsent:
                    one.speak()

    talk(WARM_UP_S)
    before = sum(one.acknowledged for one in speakers)
    used = {name: cpu_s(theirs) for name, theirs in pids.items()}
    began, own = time.monotonic(), time.process_time()
    talk(seconds)
    wall, own = time.monotonic() - began, time.process_time() - own
    count = sum(one.acknowledged for one in speakers) - before
    spent = {name: cpu_s(theirs) - used[name] for name, theirs in pids.items()}
    return {
        "per_s": count / wall,
        **{f"{name}_us": seconds / count * 1e6 for name, seconds in spent.items()},
        "crowd_us": own / count * 1e6,
        **{f"{name}_core": seconds / wall for name, seconds in spent.items()},
    }


def measure(store: str, seconds: float, connections: int = 16, how: str = "rooms") -> dict[str, Any]:
    """One server over one store; see the module's text."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fsync, pids, more = _fsync_ms(folder), {}, {}
        if store == "redis":
            redis = RedisServer(folder / "redis")
            redis.start()
            stack.callback(redis.kill)
            pids["redis"] = [redis.pid]
            more["CADENCE_REDIS"] = redis.url
        server = stack.enter_context(running("cadence", SERVER_CORE, how, rooms=connections // PER_ROOM, more=more))
        return {**crowd(server.port, connections, {"server": server.pids, **pids}, seconds), "fsync_ms": fsync}


def _fsync_ms(folder: Path) -> float:
    import os

    taken = []
    with open(folder / "fsync", "wb", buffering=0) as file:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return sorted(taken)[FSYNCS // 2] * 1e3


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
