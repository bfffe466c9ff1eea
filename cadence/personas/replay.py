"""Replay a file of real talk into a running server, each speaker an agent with a connection of its own.

`replay_file` is what `cadence replay` does; `replay` is the part without files, terminals and addresses.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cadence.duplex import Connect, Duplex, WebSocketDuplex
from cadence.lod.words import count_words
from cadence.personas.plan import Plan, PlanError, make_plan
from cadence.personas.play import Action, Heard, Skipped
from cadence.personas.stage import Stage, StageError

FILE_LINE_BYTES_MAX = 64 * 1024 * 1024
ATTEMPTS_MAX = 6  # in a row for one speaker; about 15 seconds


class ReplayError(Exception):
    """Nothing could be replayed, or not to the end; the text is one sentence for the person who asked."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What was said. `seconds` is how long it took; `errors` counts messages that the server did not take."""

    messages: int
    words: int
    seconds: float
    speakers: int
    errors: int

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        said = f"{self.messages} messages, {self.words} words by {self.speakers} speakers in {self.seconds:.1f} s"
        return f"{said}; {self.errors} refused" if self.errors else said


def replay_file(
    file: Path, *, room: str, speed: float, minutes: float | None, url: str, meeting: int, progress: bool
) -> Summary:
    """Replay a conversation of `file` into `room` of the server at `url`. Blocks. Raises `ReplayError`.

    `progress` draws a bar on stderr if that is a terminal.
    """
    plan = read_plan(file, meeting=meeting, minutes=minutes)

    async def connect(speaker: str) -> Duplex:
        return await WebSocketDuplex.open(url)

    with _bar(plan, progress and sys.stderr.isatty()) as advance:
        return asyncio.run(
            replay(plan, room=room, connect=connect, run_id=secrets.token_hex(8), speed=speed, advance=advance)
        )


def read_plan(file: Path, *, meeting: int = 1, minutes: float | None = None) -> Plan:
    """The plan for a file. Raises `ReplayError` naming the file, and the line or meeting."""
    try:
        with file.open("rb") as source:
            lines = _lines(source)
            first = next(lines, "")
            return make_plan(first, lambda: lines, meeting=meeting, minutes=minutes)
    except OSError as error:
        raise ReplayError(f"{file}: cannot be read: {error.strerror}") from None
    except PlanError as error:
        raise ReplayError(f"{file}: {error}") from None


async def replay(
    plan: Plan,
    *,
    room: str,
    connect: Connect,
    run_id: str,
    speed: float = 1.0,
    advance: Callable[[float], None] = lambda seconds: None,
) -> Summary:
    """Say everything in `plan`. `advance` is told the talk's own seconds as they pass. Raises `ReplayError`."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    lines = {line.number: line for line in plan.lines}
    heard: list[int] = []
    skipped: list[int] = []

    def observe(action: Action) -> None:
        if isinstance(action, Heard | Skipped) and action.line is not None:
            (heard if isinstance(action, Heard) else skipped).append(action.line)
            advance(lines[action.line].after_s or 0.0)

    stage = Stage(
        room,
        plan.cast,
        plan.lines,
        connect=connect,
        run_id=run_id,
        speed=speed,
        once=True,
        attempts_max=ATTEMPTS_MAX,
        observe=observe,
    )
    try:
        await stage.run()
    except StageError as error:
        raise ReplayError(str(error)) from None
    words = sum(count_words(lines[number].text) for number in heard)
    return Summary(len(heard), words, round(loop.time() - began, 3), len(plan.cast), len(skipped))


def _lines(source: BinaryIO) -> Iterator[str]:
    """Lines of a file as text; raises `PlanError` where they are none."""
    number = 0
    while data := source.readline(FILE_LINE_BYTES_MAX + 1):
        number += 1
        if len(data) > FILE_LINE_BYTES_MAX:
            raise PlanError(f"line {number}: expected at most {FILE_LINE_BYTES_MAX} bytes, got more")
        try:
            yield data.decode().removeprefix("\ufeff") if number == 1 else data.decode()
        except UnicodeDecodeError as error:
            raise PlanError(f"line {number}: expected UTF-8, got the byte 0x{data[error.start]:02x}") from None


@contextmanager
def _bar(plan: Plan, shown: bool) -> Iterator[Callable[[float], None]]:
    """A progress bar in the talk's own seconds; yields what advances it."""
    if not shown:
        yield lambda seconds: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{len(plan.cast)} speakers, {len(plan.lines)} messages", total=plan.seconds or 1.0)
        yield lambda seconds: progress.advance(task, seconds)
