"""What `python -m bench.server` measures of Cadence alone: a stalled reader, idle connections, mediated crowds."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.server.crowd import Crowd, rss
from bench.server.lines import LINES, masked, until
from bench.server.peers import Running, running

SERVER_CORE, CROWD_CORE = 0, 1
STALL_RATE, STALL_BYTES, STALL_S, STALL_WARM_S = 1_000.0, 2_000, 12.0, 5.0
LOOK_S = 0.2
IDLE_WARM, IDLE_COUNT = 100, 500
KIB = 1024


def figure(port: int, name: str) -> float:
    """One figure of `/metrics`."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.partition(" ")[0].partition("{")[0] == name)


@dataclass(frozen=True, slots=True)
class Stalled:
    """One of eleven stops reading. Bytes are what the server's memory grew by, and, before, while all eleven read."""

    healthy_share: float
    growth: int
    growth_before: int
    evicted_s: float | None


def stalled(how: str) -> Stalled:
    """1,000 messages of 2 kB a second to ten who read and one who has stopped."""
    with running("cadence", SERVER_CORE, how) as server:
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
    """Bytes of the server for each connection that does nothing: `accepted`, `agent` (greeted, joined) or `human`."""
    with running("cadence", SERVER_CORE) as server:
        held = [_idle_one(server.port, what, number) for number in range(IDLE_WARM)]
        time.sleep(1.5)
        before = rss(server.pids)
        held += [_idle_one(server.port, what, IDLE_WARM + number) for number in range(IDLE_COUNT)]
        time.sleep(1.5)
        each = (rss(server.pids) - before) / IDLE_COUNT
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


def mediated(readers: int, rate: float, seconds: float) -> tuple[float, float]:
    """The p99 of raw delivery in ms, to ten agents, alone and before a crowd of mediated readers."""
    with running("cadence", SERVER_CORE) as server:
        crowd = Crowd("cadence", server.port, 10, 200)
        crowd.pass_time(2.0)
        alone = _p99(crowd, rate, seconds)
        with _audience(server, readers, crowd):
            crowd.pass_time(5.0)
            crowded = _p99(crowd, rate, seconds)
        return alone, crowded


def _p99(crowd: Crowd, rate: float, seconds: float) -> float:
    crowd.latencies = []
    crowd.steadily(seconds, rate)
    crowd.rest()
    late, crowd.latencies = sorted(crowd.latencies), None
    return late[int(len(late) * 0.99)] / 1e6


@contextmanager
def _audience(server: Running, readers: int, crowd: Crowd) -> Iterator[None]:
    command = ["taskset", "-c", str(CROWD_CORE), sys.executable, "-m", "bench.server.audience"]
    child = subprocess.Popen([*command, str(server.port), str(readers)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    there = threading.Event()
    stdout = child.stdout

    def wait() -> None:
        stdout.readline()
        there.set()

    threading.Thread(target=wait, daemon=True).start()
    try:
        while not there.is_set():
            crowd.hear(0.1)
        if child.poll() is not None:
            raise RuntimeError("expected an audience, but it did not get in")
        yield
    finally:
        child.kill()
        child.wait()
