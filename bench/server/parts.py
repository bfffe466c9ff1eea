"""What `python -m bench.server` measures of Cadence alone: a stalled reader, idle connections, mediated crowds."""

from __future__ import annotations

import json
import math
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.server.crowd import Crowd, cpu_s, rss
from bench.server.lines import LINES, masked, until
from bench.server.peers import Running, running

SERVER_CORE, CROWD_CORE = 0, 1
STALL_RATE, STALL_BYTES, STALL_S, STALL_WARM_S = 1_000.0, 2_000, 12.0, 5.0
LOOK_S = 0.2
IDLE_WARM, IDLE_COUNT = 100, 500
KIB = 1024


def scraped(port: int) -> dict[str, float]:
    """All figures of `/metrics`, by name and labels as they stand there."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = [line.rpartition(" ") for line in answer.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def figure(port: int, name: str) -> float:
    """One figure of `/metrics`, of all labels together."""
    return sum(value for key, value in scraped(port).items() if key.partition("{")[0] == name)


@dataclass(frozen=True, slots=True)
class Stalled:
    """One of eleven stops reading. Bytes are what the server's memory grew by, and, before, while all eleven read."""

    healthy_share: float
    growth: int
    growth_before: int
    evicted_s: float | None


def stalled(how: str) -> Stalled:
    """1,000 messages of 2 kB a second to ten who read and one who has stopped; Alex may use the other core."""
    with running("cadence", None if how == "alex" else SERVER_CORE, how) as server:
        crowd = Crowd("cadence", server.port, 10, STALL_BYTES)
        line = LINES["cadence"]
        lazy = line.dial(server.port)
        line.enter(lazy, "Lazy")
        reading = threading.Event()
        reading.set()
        reader = threading.Thread(target=_read_while, args=(lazy, reading), daemon=True)
        reader.start()
        crowd.steadily(STALL_WARM_S, STALL_RATE)
        crowd.rest()
        _, before, _ = _watched(server, crowd)
        reading.clear()
        reader.join()
        share, growth, evicted = _watched(server, crowd)
        return Stalled(share, growth, before, evicted)


def _watched(server: Running, crowd: Crowd) -> tuple[float, int, float | None]:
    """What the crowd got of what it should, how much memory grew at most, and when somebody was evicted."""
    before, looks = rss(server.pids), list[tuple[float, int, float]]()
    began, over = time.monotonic(), threading.Event()
    evicted_before = figure(server.port, "cadence_evictions_total")

    def look() -> None:
        while not over.wait(LOOK_S):
            evictions = figure(server.port, "cadence_evictions_total") - evicted_before
            looks.append((time.monotonic() - began, rss(server.pids), evictions))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    said, heard = crowd.said, crowd.heard
    crowd.steadily(STALL_S, STALL_RATE)
    crowd.rest()
    over.set()
    watcher.join()
    share = (crowd.heard - heard) / (len(crowd.ends) * (crowd.said - said))
    evicted = next((at for at, _, evictions in looks if evictions), None)
    return share, max(size for _, size, _ in looks) - before, evicted


def _read_while(end: socket.socket, reading: threading.Event) -> None:
    end.settimeout(LOOK_S)
    while reading.is_set():
        try:
            end.recv(1 << 16)
        except TimeoutError:
            pass


def idle(what: str) -> float:
    """Bytes of the server and of Alex' process for each connection that does nothing.

    `what` is `accepted`, `agent` (greeted, joined) or `human`.
    """
    with running("cadence", SERVER_CORE) as server:
        held = [_idle_one(server.port, what, number) for number in range(IDLE_WARM)]
        time.sleep(1.5)
        before = rss([*server.pids, *server.mediators])
        held += [_idle_one(server.port, what, IDLE_WARM + number) for number in range(IDLE_COUNT)]
        time.sleep(1.5)
        each = (rss([*server.pids, *server.mediators]) - before) / IDLE_COUNT
        for end in held:
            end.close()
        return each


def _idle_one(port: int, what: str, number: int) -> socket.socket:
    line = LINES["cadence"]
    end = line.dial(port)
    if what != "accepted":
        enter(end, f"R{number}", what)
    return end


def enter(end: socket.socket, name: str, kind: str) -> None:
    """Say hello as an agent or a human, and join."""
    end.sendall(masked(json.dumps({"type": "hello", "kind": kind, "name": name}).encode()))
    until(end, b'"type":"welcome"')
    end.sendall(masked(json.dumps({"type": "join", "room": "meeting"}).encode()))
    until(end, b'"type":"joined"')


@dataclass(frozen=True, slots=True)
class Mediated:
    """Raw delivery to ten agents, alone and before a crowd of mediated readers; `looks` are the crowd's."""

    alone_p99_ms: float
    crowded_p99_ms: float
    looks_p50_s: float  # how late, as an upper bound of the histogram's bucket
    looks_p99_s: float
    turns_per_s: float
    server_core: float
    alex_core: float
    alex_mib: float
    behind_max: float  # messages Alex had not heard of yet, as seen once a second
    fared: dict[str, Any]  # the sample of the crowd, once nobody spoke any more

    @property
    def met(self) -> bool:
        """The floor: a ratio of 1.1, or 3 ms."""
        return self.crowded_p99_ms <= max(1.1 * self.alone_p99_ms, self.alone_p99_ms + 3.0)


def mediated(readers: int, rate: float, seconds: float, tell: Callable[[str], None]) -> Mediated:
    """See `Mediated`. The server has both cores, as its users' would: one for the rooms, one for Alex and the crowd."""
    with running("cadence", None) as server:
        crowd = Crowd("cadence", server.port, 10, 200)
        crowd.pass_time(2.0)
        alone = _p99(crowd, rate, seconds)
        tell(f"alone {alone:.1f} ms; {readers} readers come")
        with _audience(server, readers, crowd) as fared:
            crowd.pass_time(5.0)
            tell("they are there")
            before, cpu, alex = scraped(server.port), cpu_s(server.pids), cpu_s(server.mediators)
            behind, over = [0.0], threading.Event()

            def look() -> None:
                while not over.wait(1.0):
                    behind.append(figure(server.port, "cadence_mediator_behind_messages"))

            watcher = threading.Thread(target=look, daemon=True)
            watcher.start()
            began = time.monotonic()
            crowded = _p99(crowd, rate, seconds)
            wall, after = time.monotonic() - began, scraped(server.port)
            cpu, alex = cpu_s(server.pids) - cpu, cpu_s(server.mediators) - alex
            over.set()
            watcher.join()
            tell(f"crowded {crowded:.1f} ms; nobody speaks any more")
            looks = _late(before, after)
            return Mediated(
                alone_p99_ms=alone,
                crowded_p99_ms=crowded,
                looks_p50_s=looks(0.5),
                looks_p99_s=looks(0.99),
                turns_per_s=(after["cadence_turns_total"] - before["cadence_turns_total"]) / wall,
                server_core=cpu / wall,
                alex_core=alex / wall,
                alex_mib=rss(server.mediators) / KIB / KIB,
                behind_max=max(behind),
                fared=fared(crowd.said, crowd),
            )


def _late(before: Mapping[str, float], after: Mapping[str, float]) -> Callable[[float], float]:
    """Which bucket of lateness holds a share of the looks that were taken in between."""
    name = 'cadence_tick_late_seconds_bucket{le="'
    counts = {float(key[len(name) : -2]): after[key] - before[key] for key in after if key.startswith(name)}

    def at(share: float) -> float:
        return next(bound for bound in sorted(counts) if counts[bound] >= share * counts[math.inf])

    return at


def _p99(crowd: Crowd, rate: float, seconds: float) -> float:
    crowd.latencies = []
    crowd.steadily(seconds, rate)
    crowd.rest()
    late, crowd.latencies = sorted(crowd.latencies), None
    return late[int(len(late) * 0.99)] / 1e6


@contextmanager
def _audience(server: Running, readers: int, crowd: Crowd) -> Iterator[Callable[[int, Crowd], dict[str, Any]]]:
    """Mediated readers; what is yielded waits until they know of a message, and says how they fared."""
    command = [sys.executable, "-m", "bench.server.audience", str(server.port), str(readers)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None and child.stdout is not None
    stdin, stdout = child.stdin, child.stdout

    def line() -> str:
        """The audience's next line, while the crowd goes on reading."""
        found: list[str] = []
        waiting = threading.Thread(target=lambda: found.append(stdout.readline()), daemon=True)
        waiting.start()
        while waiting.is_alive():
            crowd.hear(0.1)
        if not found or not found[0]:
            raise RuntimeError(f"expected an audience of {readers}, but it ended with {child.wait()}")
        return found[0]

    def fared(last: int, crowd: Crowd) -> dict[str, Any]:
        stdin.write(f"{last}\n")
        stdin.flush()
        told: dict[str, Any] = json.loads(line())
        return told

    try:
        line()
        yield fared
    finally:
        child.kill()
        child.wait()
