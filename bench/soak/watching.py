"""A server of its own to be soaked, and what its processes hold, read from the system and from `/metrics`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from bench.soak.people import ROOMS

TICK = os.sysconf("SC_CLK_TCK")
MIB = 2**20
ASKED = {
    "server tasks": 'cadence_tasks{process="server"}',
    "alex tasks": 'cadence_tasks{process="mediator 0"}',
    "readers": "cadence_readers",
    "behind": "cadence_mediator_behind_messages",
    "unsent": "cadence_unsent_bytes",
    "evictions": "cadence_evictions_total",
    "deaths": "cadence_mediator_deaths_total",
    "looks": "cadence_tick_late_seconds_count",
    "late": "cadence_tick_late_seconds_sum",
}


class Soaked:
    """A `cadence serve` with its default mediators; `options` go to it."""

    def __init__(self, folder: Path, *options: str) -> None:
        rooms, self.data, self._errors = folder / "place" / "rooms", folder / "data", folder / "stderr"
        rooms.mkdir(parents=True)
        for room in ROOMS:
            (rooms / f"{room}.toml").write_text(f'title = "The {room}"\nscope = "house/{room}"\n')
        command = [sys.executable, "-m", "cadence", "serve", str(folder / "place"), "--data", str(self.data)]
        with self._errors.open("w") as errors:
            self._child = subprocess.Popen(
                [*command, "--port", "0", *options], stdout=subprocess.PIPE, stderr=errors, text=True
            )
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if "http" not in line:
            raise RuntimeError(f"expected the server to print its address, got {line!r}: {self._errors.read_text()}")
        self.http = line.split()[-1].partition("/#")[0]
        self.url = self.http.replace("http", "ws", 1) + "/ws"

    @property
    def pids(self) -> dict[str, int]:
        """Its processes by name."""
        pid = self._child.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return {"server": pid} | {f"mediator {n}": int(child) for n, child in enumerate(children)}

    def cpu_s(self) -> float:
        """CPU that all its processes have used, in seconds."""
        return sum(_cpu_s(pid) for pid in self.pids.values())

    def sample(self) -> dict[str, float]:
        """What is held now: memory in MiB, descriptors, tasks, the log's size."""
        found: dict[str, float] = {}
        for name, pid in self.pids.items():
            rollup = dict(line.split()[:2] for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
            for key, field in (("rss", "Rss:"), ("pss", "Pss:"), ("heap", "Private_Dirty:")):
                found[f"{name} {key}"] = int(rollup[field]) / 1024
            found[f"{name} fds"] = len(os.listdir(f"/proc/{pid}/fd"))
            found[f"{name} cpu"] = _cpu_s(pid)
        found["log"] = sum(path.stat().st_size for path in self.data.glob("log.db*")) / MIB
        figures = self._figures()
        return found | {key: figures.get(name, 0.0) for key, name in ASKED.items()}

    def _figures(self) -> dict[str, float]:
        with urllib.request.urlopen(f"{self.http}/metrics", timeout=30) as answer:
            lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
        found: dict[str, float] = {}
        for line in lines:
            labelled, _, value = line.rpartition(" ")
            for name in {labelled, labelled.partition("{")[0]}:
                found[name] = found.get(name, 0.0) + float(value)
        return found

    def end(self) -> list[dict[str, Any]]:
        """End it; returns what it logged as errors."""
        self._child.terminate()
        self._child.wait(60)
        told = [json.loads(line) for line in self._errors.read_text().splitlines() if line.startswith("{")]
        return [line for line in told if line.get("level") in ("error", "critical")]


def _cpu_s(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICK
