"""A real server: `cadence serve` in a process of its own, on a free port, watched through its output."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import sys
from pathlib import Path
from typing import Self

from tests.stranger import Socket, Stranger, dial

START_S = 60.0
END_S = 20.0
LINES_MAX = 10_000
LINE_BYTES_MAX = 1 << 20
ADDRESS = re.compile(r"Cadence is at http://(?P<host>[^/]+)/#ticket=(?P<ticket>\S+)")


class Served:
    """Use as `async with Served(place, data) as server`; on exit the process is gone, however it ends."""

    def __init__(self, place: Path, data: Path, *options: str, file_bytes_max: int | None = None) -> None:
        self.place, self.data = place, data
        self.host = ""
        self.ticket = ""
        self.lines: list[str] = []
        self.environment: dict[str, str] = {}  # what its next start has beyond our own
        self._options = options
        self._file_bytes_max = file_bytes_max
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._stirred = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    @property
    def url(self) -> str:
        return f"ws://{self.host}/ws"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def children(self) -> list[int]:
        """The processes that it has started: Alex', as far as the system tells."""
        found = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(child) for child in found.read_text().split()] if found.exists() else []

    @property
    def host_token(self) -> str:
        return (self.data / "host-token").read_text().strip()

    async def launch(self) -> None:
        """Start the process and do not wait for it to serve."""
        command = [sys.executable, "-m", "cadence", "serve", str(self.place), "--data", str(self.data)]
        options = self._options if "--port" in self._options else (*self._options, "--port", "0")
        self._process = await asyncio.create_subprocess_exec(
            *command,
            *options,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self.environment},
            preexec_fn=self._limit if self._file_bytes_max is not None else None,
            limit=LINE_BYTES_MAX,
        )
        assert self._process.stdout is not None and self._process.stderr is not None
        self.lines.clear()
        streams = (self._process.stdout, self._process.stderr)
        self._readers = [asyncio.create_task(self._follow(stream)) for stream in streams]
        self._readers.append(asyncio.create_task(self._wait(self._process)))

    async def start(self) -> None:
        """Start the process and wait until it says where it is."""
        await self.launch()
        found = ADDRESS.search(await self.said(ADDRESS.pattern, within=START_S))
        assert found is not None
        self.host, self.ticket = found["host"], found["ticket"]

    async def said(self, pattern: str, *, within: float = START_S) -> str:
        """The first line of output that matches, waiting for it if need be."""
        async with asyncio.timeout(within):
            while True:
                for line in self.lines:
                    if re.search(pattern, line):
                        return line
                if self._process is not None and self._process.returncode is not None and self._is_read():
                    raise AssertionError(f"the server ended without saying {pattern!r}: {self.lines[-20:]}")
                self._stirred.clear()
                await self._stirred.wait()

    async def ended(self) -> int:
        """Wait until the process has ended; answers its exit code."""
        assert self._process is not None
        async with asyncio.timeout(END_S):
            code = await self._process.wait()
            await asyncio.gather(*self._readers)
        return code

    async def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        if self._process is not None:
            await self.ended()

    async def stop(self) -> int:
        """SIGTERM; answers the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await self.ended()

    def reload(self) -> None:
        """SIGHUP; what it says from now on is about that."""
        assert self._process is not None
        self.lines.clear()
        self._process.send_signal(signal.SIGHUP)

    def grant(self, file_bytes_max: int) -> None:
        """Let the process write larger files from now on: the disk has space again."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (file_bytes_max, resource.RLIM_INFINITY))

    async def dial(self) -> Socket:
        return await dial(self.url)

    async def guest(self, name: str, kind: str = "human", *, token: str | None = None) -> Stranger:
        """A stranger who has been welcomed."""
        stranger = Stranger(name, kind, token=token)
        await stranger.open(await self.dial())
        return stranger

    def _limit(self) -> None:
        assert self._file_bytes_max is not None
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._file_bytes_max, resource.RLIM_INFINITY))

    def _is_read(self) -> bool:
        return all(reader.done() for reader in self._readers)

    async def _wait(self, process: asyncio.subprocess.Process) -> None:
        """Its output may end before it is known that it has ended: whoever waits for a line must learn of both."""
        await process.wait()
        self._stirred.set()

    async def _follow(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            if len(self.lines) < LINES_MAX:
                self.lines.append(line.decode().rstrip())
            self._stirred.set()
        self._stirred.set()
