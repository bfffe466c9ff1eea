"""Find the server that owns a data directory and ask it to read its place again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

PID_FILE = "cadence.pid"
_PID_BYTES_MAX = 32


class ReloadError(Exception):
    """No server could be asked; the text is one sentence for the person who asked."""


def ask_to_reload(data: Path) -> int:
    """Send SIGHUP to the process named in DATA/cadence.pid and return its id. Raises `ReloadError`."""
    path = data / PID_FILE
    if not hasattr(signal, "SIGHUP"):
        raise ReloadError("this platform has no SIGHUP: start the server again instead")
    try:
        with path.open("rb") as file:
            text = file.read(_PID_BYTES_MAX).decode("ascii", "replace").strip()
    except FileNotFoundError:
        raise ReloadError(f"no server is running on {data}: expected its process id in {path}, got no file") from None
    except OSError as error:
        raise ReloadError(f"{path}: cannot be read: {error.strerror}") from None
    # Anything but a plain positive number must never reach kill(2): 0 and negatives address whole groups.
    if not text.isdecimal() or int(text) < 2:
        raise ReloadError(f"{path}: expected a process id, got {text[:20]!r}")
    pid = int(text)
    if not _is_ours(pid):
        raise ReloadError(f"no server is running on {data}: process {pid} of {path} ended or is another program")
    try:
        os.kill(pid, signal.SIGHUP)
    except OSError as error:
        raise ReloadError(f"process {pid} cannot be asked: {error.strerror}") from None
    return pid


def _is_ours(pid: int, processes: Path = Path("/proc")) -> bool:
    """Whether the process is a Cadence: ids are used again, and SIGHUP ends a program that does not expect it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return False
    try:
        return b"cadence" in (processes / str(pid) / "cmdline").read_bytes()
    except OSError:
        return not processes.is_dir()  # a platform without /proc: trust the file
