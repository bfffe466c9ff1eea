"""Starts a model server, waits until it answers, watches it, and never leaves it behind.

The server is told to end (SIGTERM), given time, then made to (SIGKILL), with whatever it started. If this process dies
without a word, the kernel tells the server (Linux). Standard library only; blocks until the server has ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TextIO

from cadence.models.launch import GIB, Launch, LaunchError, described

POLL_SECONDS = 0.5
PROGRESS_SECONDS = 5.0
STOP_SECONDS = 30.0  # vLLM has taken up to 10 under load
GROUP_SECONDS = 3.0  # for what it started, once it has ended itself
MEMORY_SECONDS = 5.0  # between looks at what it uses
TAIL_LINES = 30
LINE_CHARS_MAX = 100  # of its output in a progress line
OOM_SCORE = "500"  # when memory is short, the kernel ends the server first, not the rooms
_PR_SET_PDEATHSIG = 1

Say = Callable[[str], None]


class Supervised:
    """One server. `say` gets progress, a line at a time; `log` all that the server prints."""

    def __init__(self, launch: Launch, say: Say, log: Path | None = None) -> None:
        self._launch, self._say = launch, say
        self._log = log
        self._file: TextIO | None = None
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._stop = False
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or SIGHUP. Raises `LaunchError` if the server does not start, or ends."""
        launch = self._launch
        with self._signals():
            if not _is_free(launch.host, launch.port):
                told = f"expected a free port {launch.port} on {launch.host}, got one that is in use: end what uses it"
                raise LaunchError(told)
            self._say(f"starting {described(launch)}")
            began = time.monotonic()
            try:
                self._open_log()
                self._start()
                if self._wait_until_ready(began):
                    self._say(f"ready: {launch.served} at {launch.address} after {time.monotonic() - began:.0f} s")
                    self._watch()
            finally:
                self._end()
                self._close_log()

    def _open_log(self) -> None:
        try:
            self._file = None if self._log is None else self._log.open("a", encoding="utf-8")
        except OSError as error:
            raise LaunchError(f"expected a file to log to at {self._log}, but: {error.strerror}") from None

    def _start(self) -> None:
        launch = self._launch
        if sys.platform == "linux":
            os.sched_setaffinity(0, launch.cores)  # the server inherits it, and we need next to nothing
        try:
            self._process = subprocess.Popen(
                launch.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, **launch.environment},
                start_new_session=True,  # Ctrl-C is for us: we tell the server, once
                preexec_fn=_tied(os.getpid()),
            )
        except OSError as error:
            told = (
                f"expected to start {launch.argv[0]}, but: {error.strerror}: make {launch.engine}, or name its Python"
            )
            raise LaunchError(told) from None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if launch.settings is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):  # if it is gone already, waiting will tell
                self._process.stdin.write(json.dumps(launch.settings) + "\n")
                self._process.stdin.flush()

    def _read(self) -> None:
        """Keep the end of what the server prints: a pipe that nobody reads would stop it."""
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            self._tail.append(line.rstrip())
            if self._file is not None:
                with contextlib.suppress(OSError):  # a full disk is no reason to stop the server
                    self._file.write(line)
                    self._file.flush()

    def _wait_until_ready(self, began: float) -> bool:
        """Whether it answers; False if we are told to stop before."""
        launch = self._launch
        health = launch.address.removesuffix("/v1") + "/health"
        said = began
        while not self._stop:
            if self._ended():
                raise LaunchError(f"{launch.engine} ended before it was ready; its last words:", *self._tail)
            if _answers(health):
                return True
            now = time.monotonic()
            if now - began > launch.start_s:
                told = f"expected {launch.engine} to be ready within {launch.start_s:g} s, it is not; its last words:"
                raise LaunchError(told, *self._tail)
            if now - said >= PROGRESS_SECONDS:
                said = now
                last = self._tail[-1][:LINE_CHARS_MAX] if self._tail else "nothing said yet"
                self._say(f"waiting for {launch.engine}, {now - began:.0f} s: {last}")
        return False

    def _watch(self) -> None:
        """Until we are told to stop. Raises `LaunchError` if the server ends, or takes more memory than it may."""
        looked = time.monotonic()
        while not self._stop:
            if self._ended():
                raise LaunchError(f"{self._launch.engine} ended on its own; its last words:", *self._tail)
            limit = self._launch.memory_gib
            if limit is not None and time.monotonic() - looked >= MEMORY_SECONDS:
                looked = time.monotonic()
                used = _memory_gib(self._group())
                if used > limit:
                    told = f"expected {self._launch.engine} to take at most {limit:g} GiB, it takes {used:.2f}: it was "
                    raise LaunchError(told + "ended; raise memory_gib, or lower cache_gib")

    def _ended(self) -> bool:
        """Whether the server has ended, after a short wait for it."""
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(POLL_SECONDS)
        return self._process.returncode is not None

    def _end(self) -> None:
        """Tell it, wait, insist; then whatever of its group is left."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._say(f"{self._launch.engine} did not end within {STOP_SECONDS:g} s: it is made to")
        with contextlib.suppress(ProcessLookupError):
            by = time.monotonic() + GROUP_SECONDS
            while process.returncode is not None and time.monotonic() < by:
                os.killpg(process.pid, 0)
                time.sleep(GROUP_SECONDS / 60)
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        if self._reader is not None:
            self._reader.join(STOP_SECONDS)
        process.stdout.close()

    def _close_log(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()

    def _group(self) -> int:
        assert self._process is not None
        return self._process.pid

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Hear the signals that mean to stop, until the end of the block."""

        def stop(number: int, frame: FrameType | None) -> None:
            self._stop = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _tied(parent: int) -> Callable[[], None]:
    """What the child does before it becomes the server: ask to be told when we die, and to go first if memory ends."""

    def tie() -> None:
        if sys.platform != "linux":
            return
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
        if os.getppid() != parent:  # we died in between
            os._exit(1)

    return tie


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2.0) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):  # nobody there yet, or it says that it is still loading
        return False


def _memory_gib(group: int) -> float:
    """What the processes of a session take, shared memory divided among those who share it (Linux; else 0)."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (process / "stat").read_text().rpartition(")")[2].split()
            if int(after_name[3]) != group:  # the session
                continue
            rollup = (process / "smaps_rollup").read_text()
        except (OSError, IndexError, ValueError):  # it ended while we looked
            continue
        pss = next((line for line in rollup.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
        total += int(pss.split()[1]) * 1024
    return total / GIB
