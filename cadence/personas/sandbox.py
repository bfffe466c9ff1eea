"""Run a tool's program in a process of its own, walled in (`jail.py`), within time, memory and output.

Nothing is passed on to it: no environment, no files, no descriptors. A system that cannot wall a program in runs none.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from cadence.personas.jail import REFUSED
from cadence.personas.tools import RESULT_CHARS_MAX, ToolResult, ToolRun

WALL_SECONDS_MAX = 8.0  # from start to end, waiting for a busy machine included
CPU_SECONDS_MAX = 5
MEMORY_BYTES_MAX = 256 * 1024 * 1024  # of address space
OUTPUT_BYTES_MAX = 64 * 1024  # read; beyond, the program is ended
RUNS_MAX = 4  # at once in this process; others wait their turn

_JAIL = Path(__file__).with_name("jail.py")


class Sandbox:
    """Runs tools for all minds of a server."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(RUNS_MAX)

    async def __call__(self, run: ToolRun) -> ToolResult:
        """What came of a run. Never raises for what the program does."""
        async with self._turns:
            try:
                return await _run(run)
            except OSError as error:
                return ToolResult(run.call, error=f"the tool could not be started: {error.strerror}")


async def _run(run: ToolRun) -> ToolResult:
    asked = {"tool": run.tool, "text": run.text, "memory_bytes": MEMORY_BYTES_MAX, "cpu_s": CPU_SECONDS_MAX}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(_JAIL),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
    )
    assert child.stdin is not None and child.stdout is not None
    output, why = b"", None
    try:
        async with asyncio.timeout(WALL_SECONDS_MAX):
            with suppress(ConnectionError):
                child.stdin.write(json.dumps(asked).encode() + b"\n")
                await child.stdin.drain()
            while chunk := await child.stdout.read(OUTPUT_BYTES_MAX):
                output += chunk
                if len(output) > OUTPUT_BYTES_MAX:
                    why = f"it printed more than {OUTPUT_BYTES_MAX} bytes"
                    break
            if why is None:
                await child.wait()
    except TimeoutError:
        why = f"it did not end within {WALL_SECONDS_MAX:g} s"
    finally:
        _end(child)
        await child.wait()
    return _result(run, output, why, child.returncode)


def _end(child: asyncio.subprocess.Process) -> None:
    """End the program, if it has not; it cannot have children."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)


def _result(run: ToolRun, output: bytes, why: str | None, code: int | None) -> ToolResult:
    text = output.decode(errors="replace").strip()
    shown = text if len(text) <= RESULT_CHARS_MAX else f"{text[: RESULT_CHARS_MAX - 6]} [...]"
    if why is None and code not in (0, 1, REFUSED):
        why = f"it was ended (at most {CPU_SECONDS_MAX} s of CPU and {MEMORY_BYTES_MAX // 2**20} MiB of memory)"
    if why is None and code == 0:
        return ToolResult(run.call, shown)
    return ToolResult(run.call, error=why or shown or "it failed and said nothing")
