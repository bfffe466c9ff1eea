"""The other side of a server: N receivers and some who speak, in one process that does little else.

    python -m bench.server.crowd '{"line": "ws", "port": 1, "pids": [1], "others": [], "receivers": 500, ...}'

prints one JSON object. `rate` 0 saturates: so much is said that at most `IN_FLIGHT / receivers` messages are on
their way. Receivers are read with large buffers and their texts only counted, so that the crowd, on a core of its own,
is never what is measured.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from pathlib import Path
from typing import Any

from bench.server.lines import LINES, MARK, STAMP_DIGITS, TEXT_BYTES, text_of

IN_FLIGHT = 20_000  # deliveries
SPEAKERS_MAX = 16
READ_BYTES = 256 * 1024
SETTLE_S = 2.5  # what entering causes (presence) is over by then
WARM_UP_S = 0.5
LAST_S_MAX = 10.0


def cpu_s(pids: list[int]) -> float:
    """CPU seconds of these processes, by the scheduler's nanoseconds."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def rss(pids: list[int]) -> int:
    """Resident bytes of these processes."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE")


class Crowd:
    """N receivers, of whom the first `SPEAKERS_MAX` also speak."""

    def __init__(self, line: str, port: int, receivers: int, text_bytes: int) -> None:
        self.line, self.text_bytes = LINES[line], text_bytes
        self.ends: list[socket.socket] = []
        for number in range(receivers):
            end = self.line.dial(port)
            self.line.enter(end, f"R{number}")
            self.ends.append(end)
        self.epoll = select.epoll()
        self.by_fd: dict[int, socket.socket] = {}
        for end in self.ends:
            end.setblocking(False)
            self.by_fd[end.fileno()] = end
            self.epoll.register(end.fileno(), select.EPOLLIN)
        self.tails: dict[int, bytes] = dict.fromkeys(self.by_fd, b"")
        self.said = 0
        self.heard = 0
        self.latencies: list[int] | None = None  # ns, once they are wanted

    def speak(self) -> None:
        """Say one thing, by the next speaker."""
        self.said += 1
        data = self.line.say(self.said, text_of(self.text_bytes, time.monotonic_ns()))
        end = self.ends[self.said % min(SPEAKERS_MAX, len(self.ends))]
        while data:
            try:
                data = data[end.send(data) :]
            except BlockingIOError:
                self.hear(0.001)

    def hear(self, wait_s: float) -> None:
        """Read whatever has come."""
        keep = len(MARK) - 1 if self.latencies is None else len(MARK) + STAMP_DIGITS - 1
        for fd, _ in self.epoll.poll(wait_s):
            try:
                data = self.by_fd[fd].recv(READ_BYTES)
            except BlockingIOError:
                continue
            if not data:
                raise RuntimeError("the server closed a receiver")
            data = self.tails[fd] + data
            if self.latencies is None:
                self.heard += data.count(MARK)
                self.tails[fd] = b"" if data.endswith(MARK) else data[-keep:]
            else:
                self.tails[fd] = self._time(data, keep)

    def _time(self, data: bytes, keep: int) -> bytes:
        assert self.latencies is not None
        now, at = time.monotonic_ns(), data.find(MARK)
        while at >= 0 and at + len(MARK) + STAMP_DIGITS <= len(data):
            self.heard += 1
            self.latencies.append(now - int(data[at + len(MARK) : at + len(MARK) + STAMP_DIGITS]))
            at = data.find(MARK, at + len(MARK) + STAMP_DIGITS)
        return data[at:] if at >= 0 else data[-(len(MARK) - 1) :]

    def pass_time(self, seconds: float) -> None:
        """Only listen."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.hear(left)

    def saturate(self, seconds: float) -> None:
        """Keep as much on its way as allowed."""
        until, receivers = time.monotonic() + seconds, len(self.ends)
        window = max(1, IN_FLIGHT // receivers)
        while time.monotonic() < until:
            while self.said - self.heard / receivers < window:
                self.speak()
            self.hear(0.0003)

    def steadily(self, seconds: float, rate: float) -> None:
        """Say `rate` messages a second."""
        began, said = time.monotonic(), 0
        while said < seconds * rate:
            wait = began + said / rate - time.monotonic()
            if wait <= 0:
                self.speak()
                said += 1
            else:
                self.hear(wait)

    def rest(self) -> int:
        """Wait for what is on its way; returns how many deliveries never came."""
        until = time.monotonic() + LAST_S_MAX
        while self.heard < self.said * len(self.ends) and time.monotonic() < until:
            self.hear(0.05)
        return self.said * len(self.ends) - self.heard


def measure(
    line: str, port: int, pids: list[int], others: list[int], receivers: int, seconds: float, rate: float
) -> dict[str, Any]:
    """Enter, warm up, measure; see the module's text. `others` are processes whose CPU is told apart."""
    crowd = Crowd(line, port, receivers, TEXT_BYTES)
    crowd.pass_time(SETTLE_S)
    if rate:
        crowd.steadily(WARM_UP_S, rate)
        crowd.rest()
        crowd.latencies = []
    else:
        crowd.saturate(WARM_UP_S)
    heard, used, began, own = crowd.heard, cpu_s(pids), time.monotonic(), time.process_time()
    beside = cpu_s(others)
    if rate:
        crowd.steadily(seconds, rate)
    else:
        crowd.saturate(seconds)
    wall, heard, used = time.monotonic() - began, crowd.heard - heard, cpu_s(pids) - used
    own = (time.process_time() - own) / wall
    lost = crowd.rest()
    late = sorted(crowd.latencies or [])
    return {
        "deliveries": heard,
        "per_s": heard / wall,
        "cpu_us": used / max(1, heard) * 1e6,
        "core": used / wall,
        "others_core": (cpu_s(others) - beside) / wall,
        "own_core": own,
        "lost": lost,
        "p50_ms": late[len(late) // 2] / 1e6 if late else 0.0,
        "p99_ms": late[int(len(late) * 0.99)] / 1e6 if late else 0.0,
    }


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
