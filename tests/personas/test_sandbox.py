"""The jail for real: each wall is run against. Skipped by name where the system cannot wall a program in."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from pathlib import Path

import pytest

from cadence.models.chat import ToolCall
from cadence.personas import sandbox
from cadence.personas.sandbox import Sandbox
from cadence.personas.tools import RESULT_CHARS_MAX, ToolResult, ToolRun

pytestmark = pytest.mark.real_time


def has_walls() -> bool:
    return sys.platform == "linux" and ctypes.CDLL(None).syscall(444, None, 0, 1) >= 1


walled = pytest.mark.skipif(not has_walls(), reason="needs Linux with Landlock")


async def run(text: str, tool: str = "python") -> ToolResult:
    return await Sandbox()(ToolRun(ToolCall("c1", tool, ""), tool, text))


@walled
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("6 * 7", "42"),
        ("(17 * 23) ** 2 / 3", "50960.333333333336"),
        ("round(sqrt(2), 5)", "1.41421"),
        ("max([3, 1, 4])", "4"),
        ("factorial(20) > 2**60", "True"),
    ],
)
async def test_arithmetic_is_worked_out(text: str, value: str) -> None:
    assert (await run(text, "calculate")).output == value


@walled
@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "().__class__",
        "'a' * 9",
        "[x for x in (1, 2)]",
        "lambda: 1",
        "open('/etc/passwd')",
        "print",
        "1 +",
    ],
)
async def test_what_is_no_arithmetic_is_refused(text: str) -> None:
    found = await run(text, "calculate")
    assert found.output == "" or text == "print"
    assert found.error is not None or text == "print"


@walled
async def test_a_program_prints_and_its_last_value_is_shown() -> None:
    found = await run(
        "import json, math, statistics\nprint(json.dumps([1]))\nstatistics.mean([1, 2, 6]) + math.floor(1.5)"
    )
    assert (found.output, found.error) == ("[1]\n4", None)


@walled
@pytest.mark.parametrize(
    "text",
    [
        "open('/etc/passwd').read()",
        "import os; os.listdir('/')",
        "import os; os.listdir('/proc/self/fd')",
        "open('/tmp/cadence-was-here', 'w')",
        "import os; os.mkdir('/tmp/cadence-was-here')",
        "import socket; socket.socket()",
        "import socket; socket.socket(socket.AF_UNIX)",
        "import os; os.fork()",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.kill(os.getppid(), 9)",
        "import threading; threading.Thread(target=print).start()",
        "import resource, os; resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
        "import ctypes; 1 / (ctypes.CDLL(None).socket(2, 1, 0) + 1)",  # refused: -1
        "import ctypes; 1 / (ctypes.CDLL(None).ptrace(16, 1, 0, 0) + 1)",
    ],
)
async def test_no_door_is_open(text: str) -> None:
    found = await run(text)
    assert found.error is not None, found.output
    assert any(word in found.error for word in ("Permission", "not permitted", "start new thread", "ZeroDivision"))


@walled
async def test_nothing_is_passed_on() -> None:
    os.environ["CADENCE_SECRET_OF_A_TEST"] = "swordfish"
    try:
        found = await run("import os, sys\nprint(sorted(os.environ), sys.argv[1:], sys.stdin.read())")
    finally:
        del os.environ["CADENCE_SECRET_OF_A_TEST"]
    assert "swordfish" not in found.output and "CADENCE" not in found.output


@walled
async def test_memory_and_output_are_bounded() -> None:
    assert (await run("x = 'a' * 10**10")).error == "MemoryError"
    assert (await run("while True: print('x' * 1000)")).error == "it printed more than 65536 bytes"
    long = await run("print('x' * 20_000)")
    assert long.error is None and len(long.output) == RESULT_CHARS_MAX and long.output.endswith("[...]")


@walled
async def test_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "WALL_SECONDS_MAX", 0.5)
    assert (await run("import time; time.sleep(60)")).error == "it did not end within 0.5 s"
    monkeypatch.setattr(sandbox, "WALL_SECONDS_MAX", 60.0)
    monkeypatch.setattr(sandbox, "CPU_SECONDS_MAX", 1)
    found = await run("while True: pass")
    assert found.error is not None and found.error.startswith("it was ended (at most 1 s of CPU")


@walled
async def test_errors_are_one_line_of_the_program_and_no_trace_of_ours() -> None:
    found = await run("raise ValueError('no such ledger')")
    assert found.error == "ValueError: no such ledger"
    assert "jail" not in str((await run("def f(:")).error)


async def test_a_tool_that_cannot_be_started_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.sys, "executable", "/nowhere/python")
    found = await run("1", "calculate")
    assert found.error is not None and "could not be started" in found.error


async def test_a_system_without_walls_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jail = (Path(sandbox.__file__).parent / "jail.py").read_text()
    bare = tmp_path / "jail.py"
    bare.write_text(jail.replace("_SYS_LANDLOCK = (444,", "_SYS_LANDLOCK = (9999,"))
    monkeypatch.setattr(sandbox, "_JAIL", bare)
    found = await run("print('ran')")
    assert found.error is not None and found.error.startswith("not run: expected")


async def test_at_most_a_few_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = 0, 0

    async def count(asked: ToolRun) -> ToolResult:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return ToolResult(asked.call)

    monkeypatch.setattr(sandbox, "_run", count)
    box = Sandbox()
    asked = ToolRun(ToolCall("c1", "calculate", ""), "calculate", "1")
    await asyncio.gather(*(box(asked) for _ in range(20)))
    assert most == sandbox.RUNS_MAX
