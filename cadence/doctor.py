"""Looks over everything a server needs before it is needed: what `cadence doctor` does. Changes nothing, blocks.

Each check is one line: what is, whether that is well, and, if not, what to do.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from cadence.casting import PlaceModels
from cadence.fastpath import why_not
from cadence.models.encoder import missing
from cadence.narrating import NoNarrator, narrator_for
from cadence.personas.place import load_place
from cadence.rooms.log import LogError
from cadence.rooms.log.backup import status
from cadence.rooms.log.tables import VERSION
from cadence.settings import Settings
from cadence.site import BUILT

PYTHON_MIN = (3, 11)
SQLITE_MIN = (3, 35, 0)
DISK_BYTES_MIN = 64 * 1024**2
DISK_BYTES_GOOD = 1024**3
OPEN_FILES_GOOD = 4096  # each connection is one
FSYNC_SECONDS_GOOD = 0.1
PROBE_BYTES = 4096

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `do` is what helps, empty if nothing needs help."""

    check: str
    state: State
    says: str
    do: str = ""

    def __str__(self) -> str:
        mark = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}[self.state]
        return f"{mark}  {self.check}: {self.says}" + (f"; {self.do}" if self.do else "")


def examine(settings: Settings) -> list[Finding]:
    """Everything, in the order in which a server would stumble over it. A check that breaks is a finding too."""
    checks: tuple[tuple[str, Callable[[Settings], Finding]], ...] = (
        ("python", python),
        ("sqlite", sqlite),
        ("event loop", event_loop),
        ("fan-out", fan_out),
        ("open files", open_files),
        ("place", place),
        ("page", page),
        ("data folder", data_folder),
        ("disk space", disk_space),
        ("fsync", fsync),
        ("log", log),
        ("port", port),
        ("door", door),
        ("vectors", vectors),
        ("mediators", mediators),
        ("prose", prose),
    )
    return list(_run(settings, checks))


def _run(settings: Settings, checks: tuple[tuple[str, Callable[[Settings], Finding]], ...]) -> Iterator[Finding]:
    for name, check in checks:
        try:
            yield check(settings)
        except OSError as error:
            yield Finding(name, "fail", f"cannot be looked at: {error.strerror or error}")


def python(settings: Settings) -> Finding:
    """The interpreter."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON_MIN:
        return Finding("python", "fail", found, f"install {'.'.join(map(str, PYTHON_MIN))} or newer")
    return Finding("python", "ok", found)


def sqlite(settings: Settings) -> Finding:
    """The library in this Python, with full-text search."""
    found = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < SQLITE_MIN:
        return Finding("sqlite", "fail", found, "use a Python with SQLite 3.35 or newer")
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("CREATE VIRTUAL TABLE probe USING fts5 (text)")
        except sqlite3.Error:
            return Finding("sqlite", "fail", f"{found} without FTS5", "use a Python whose SQLite has full-text search")
    return Finding("sqlite", "ok", f"{found} with FTS5")


def event_loop(settings: Settings) -> Finding:
    """uvloop, which the server prefers."""
    if sys.platform != "win32" and find_spec("uvloop") is None:
        return Finding("event loop", "fail", "uvloop is not installed", "install Cadence again with its dependencies")
    return Finding("event loop", "ok", "asyncio" if sys.platform == "win32" else "uvloop")


def fan_out(settings: Settings) -> Finding:
    """How frames would leave."""
    if settings.sink != "auto":
        return Finding("fan-out", "ok", f"{settings.sink}, as set")
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if find_spec("uvloop") is not None:
        import uvloop

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        trouble = runner.run(why_not())
    if trouble:
        says = f"through ASGI, several times slower in a crowd: {trouble}"
        return Finding("fan-out", "warn", says, "install the pinned uvicorn and websockets")
    return Finding("fan-out", "ok", "to the transport, one write for each receiver and turn of the loop")


def open_files(settings: Settings) -> Finding:
    """How many connections the system lets one process hold."""
    if sys.platform == "win32":
        return Finding("open files", "ok", "no limit of this kind here")
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES_GOOD:
        return Finding(
            "open files", "warn", f"at most {soft}, so about {soft} connections", "raise it: ulimit -n 65536"
        )
    return Finding("open files", "ok", "no limit" if soft == resource.RLIM_INFINITY else f"at most {soft}")


def place(settings: Settings) -> Finding:
    """Rooms and personas, as `cadence check` sees them."""
    if not settings.place.is_dir():
        return Finding("place", "fail", f"no folder at {settings.place}", f"make one: cadence init {settings.place}")
    found = load_place(settings.place)
    if found.problems:
        return Finding(
            "place",
            "fail",
            f"problems: {len(found.problems)}; the first: {found.problems[0]}",
            "see all: cadence check",
        )
    rooms = f"{settings.place}, rooms: {len(found.rooms)}, personas: {len(found.personas)}"
    return (
        Finding("place", "ok", rooms) if found.rooms else Finding("place", "warn", rooms, "there is nothing to enter")
    )


def page(settings: Settings) -> Finding:
    """The built client."""
    if not (BUILT / "index.html").is_file():
        return Finding("page", "warn", "not built; agents and terminals work all the same", "make web, in a checkout")
    return Finding("page", "ok", "built")


def data_folder(settings: Settings) -> Finding:
    """Whether it can be written, and by whom it can be read."""
    folder = settings.data
    if not folder.exists():
        above = next(parent for parent in folder.absolute().parents if parent.exists())
        if not os.access(above, os.W_OK | os.X_OK):
            return Finding("data folder", "fail", f"{folder} is not there and cannot be made", "name another: --data")
        return Finding("data folder", "ok", f"{folder} will be made")
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return Finding("data folder", "fail", f"{folder} cannot be written", "name another: --data")
    if os.name == "posix" and folder.stat().st_mode & 0o077:
        return Finding("data folder", "warn", f"{folder} can be entered by others", f"close it: chmod 700 {folder}")
    return Finding("data folder", "ok", str(folder))


def disk_space(settings: Settings) -> Finding:
    """What is free where the log is."""
    free = shutil.disk_usage(_existing(settings.data)).free
    says = f"{free / 1024**3:.1f} GiB free"
    if free < DISK_BYTES_MIN:
        return Finding("disk space", "fail", says, "make room, or messages will be refused")
    return Finding("disk space", "ok" if free >= DISK_BYTES_GOOD else "warn", says)


def fsync(settings: Settings) -> Finding:
    """How long a commit takes to reach the disk: every acknowledged message waits for one."""
    folder = _existing(settings.data)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * PROBE_BYTES)
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            took = time.perf_counter() - begun
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return Finding(
            "fsync", "fail", error.strerror or str(error), "make room" if full else "use another disk: --data"
        )
    says = f"{took * 1000:.1f} ms"
    if took > FSYNC_SECONDS_GOOD:
        return Finding("fsync", "warn", says, "a slow disk: every message waits for it")
    return Finding("fsync", "ok", says)


def log(settings: Settings) -> Finding:
    """Whether what is there can be opened by this version."""
    path = settings.data / "log.db"
    if not path.exists():
        return Finding("log", "ok", "none yet")
    try:
        found = status(path)
    except LogError as error:
        return Finding("log", "fail", str(error))
    says = f"version {found.version}, rooms: {len(found.rooms)}" + (", in use" if found.in_use else "")
    if found.version < VERSION:
        return Finding("log", "warn", says, f"the next start copies it and brings it to version {VERSION}")
    return Finding("log", "ok", says)


def port(settings: Settings) -> Finding:
    """Whether the server could listen."""
    import socket

    where = f"{settings.port} on {settings.host}"
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return Finding("port", "warn", f"{where} is in use", "by a Cadence that runs, or choose another: --port")
        return Finding(
            "port", "fail", f"{where} cannot be used: {error.strerror or error}", "choose another: --host, --port"
        )
    return Finding("port", "ok", f"{where} is free")


def door(settings: Settings) -> Finding:
    """Who would be let in."""
    if settings.host in ("127.0.0.1", "::1", "localhost"):
        return Finding("door", "ok", "a token is needed" if settings.token else "open to whoever is on this machine")
    if settings.token is not None:
        return Finding("door", "ok", "a token is needed")
    if settings.open:
        return Finding("door", "warn", "open to anybody who reaches this machine", "bans of guests do not hold here")
    return Finding("door", "fail", f"{settings.host} can be reached by others", "set CADENCE_TOKEN, or pass --open")


def vectors(settings: Settings) -> Finding:
    """The optional extra."""
    why_not = missing(settings.data)
    return Finding("vectors", "ok", "there" if why_not is None else f"not there, and not needed: {why_not}")


def mediators(settings: Settings) -> Finding:
    """How many processes Alex would have, against the cores there are."""
    cores = os.cpu_count() or 1
    if not settings.mediators:
        says = "none, Alex works in the server's own process: raw readers wait for looks then"
        return Finding("mediators", "ok", says)
    says = f"processes for Alex: {settings.mediators}, cores: {cores}"
    if settings.mediators >= cores:
        return Finding("mediators", "warn", says, "leave a core to the server: --mediators")
    return Finding("mediators", "ok", says)


def prose(settings: Settings) -> Finding:
    """Who would write for Alex."""
    found, models = load_place(settings.place), PlaceModels()
    models.update(found.models)
    try:
        narrator = narrator_for(found, models)
    except NoNarrator as error:
        return Finding("prose", "warn", str(error), "see the cards: cadence models check")
    if narrator is None:
        return Finding("prose", "ok", "no model on Alex' card: Alex quotes")
    return Finding("prose", "ok", f"by {narrator.model.name}; whether it answers: cadence models check")


def _existing(folder: Path) -> Path:
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir())
