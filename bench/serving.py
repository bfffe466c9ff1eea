"""A real `cadence serve` in a process of its own, that can be killed and started again on the same data."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

START_SECONDS_MAX = 60.0
ROOM = "meeting"


class Serving:
    """One server on loopback with one room, `ROOM`, in which nobody plays; `options` go to `cadence serve`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._options = options
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._place, self._data = folder / "place", folder / "data"
        (self._place / "rooms").mkdir(parents=True)
        (self._place / "rooms" / f"{ROOM}.toml").write_text('title = "The meeting"\n')
        self._child: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def start(self) -> str:
        """Start, and return the ticket of the address that the server prints."""
        arguments = ["serve", self._place, "--port", self.port, "--data", self._data, *self._options]
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cadence.cli",
            *map(str, arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ},
        )
        assert self._child.stdout is not None
        async with asyncio.timeout(START_SECONDS_MAX):
            line = (await self._child.stdout.readline()).decode()
        if "#ticket=" not in line:
            raise RuntimeError(f"expected the server to print its address, got {line!r}")
        return line.partition("#ticket=")[2].strip()

    def cpu_s(self, *, mediators: bool = True) -> float:
        """CPU the server has used, with its mediators or without, in seconds; 0 where no /proc tells it."""
        if self._child is None or not Path(f"/proc/{self._child.pid}/task").exists():
            return 0.0
        pid = self._child.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split() if mediators else []
        return sum(_cpu_s(one) for one in (str(pid), *children))

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the server; SIGKILL is the crash."""
        if self._child is not None and self._child.returncode is None:
            self._child.send_signal(how)
            await self._child.wait()
        self._child = None


def _cpu_s(pid: str) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
