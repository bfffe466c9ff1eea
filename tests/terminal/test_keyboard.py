from __future__ import annotations

import os
import pty
import termios
from pathlib import Path

import pytest

from cadence.terminal.keyboard import READ_BYTES, single_keys, typed

pytestmark = pytest.mark.real_time


async def test_a_pipe_is_read_as_it_comes_and_to_its_end() -> None:
    read, write = os.pipe()
    keys = typed(read)
    os.write(write, b"one\n")
    assert await anext(keys) == b"one\n"
    os.write(write, b"two")
    os.close(write)
    assert [data async for data in keys] == [b"two", b""]
    os.close(read)


async def test_a_file_and_nothing_at_all_can_be_read_too(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"x" * (READ_BYTES + 1))
    with (tmp_path / "lines").open("rb") as file:
        assert [len(data) async for data in typed(file.fileno())] == [READ_BYTES, 1, 0]
    nothing = os.open(os.devnull, os.O_RDONLY)
    assert [data async for data in typed(nothing)] == [b""]
    os.close(nothing)


def test_a_terminal_is_left_as_it_was() -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    with pytest.raises(ZeroDivisionError), single_keys(theirs):
        assert not termios.tcgetattr(theirs)[3] & (termios.ECHO | termios.ICANON)
        raise ZeroDivisionError
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)
