from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from cadence.terminal.screen import HUES, LiveScreen, PlainScreen, tail, wrapped
from cadence.terminal.text import fault, line, note


def console(width: int = 80, *, terminal: bool = False) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    made = Console(
        file=file, width=width, height=20, force_terminal=terminal, color_system="standard" if terminal else None,
        no_color=False, highlight=False, emoji=False, markup=False, legacy_windows=False,
    )  # fmt: skip
    return made, file


def test_a_pipe_gets_whole_lines_however_long_and_errors_apart() -> None:
    (out, written), (errors, told) = console(20), console(20)
    screen = PlainScreen(out, errors)
    screen.show(line(("Vera", "hue1"), ": [b]" + "long " * 20 + ":smile:\nsecond"))
    screen.show(fault("it failed"))
    screen.typed("x")
    screen.redraw()
    screen.close()
    assert written.getvalue() == "Vera: [b]" + "long " * 20 + ":smile:\n  second\n"
    assert told.getvalue() == "! it failed\n"


def test_a_pipe_hears_of_the_state_when_it_changes_and_not_too_often() -> None:
    out, written = console()
    screen = PlainScreen(out, out)
    for now, state in ((0.0, "quiet"), (1.0, "condensing"), (9.0, "quiet"), (11.0, "condensing"), (40.0, "condensing")):
        screen.status(f"{state} at {now:g}", state, now)
    assert written.getvalue() == "[quiet at 0]\n[condensing at 11]\n"


@pytest.mark.parametrize("width", [1, 12, 30, 80])
def test_rows_fit_a_terminal_of_any_width_and_are_indented(width: int) -> None:
    made, _ = console(width)
    rows = wrapped(line(("Vera", "hue1"), ": one two three four five\n漢字漢字漢字漢字 end"), made).plain.split("\n")
    assert all(cell_len(row) <= max(width, 10) for row in rows)
    assert all(row.startswith("  ") for row in rows[1:]) and rows[0].startswith("Vera")


def test_a_terminal_has_the_status_and_the_prompt_below() -> None:
    made, written = console(30, terminal=True)
    screen = LiveScreen(made)
    try:
        screen.show(note("hello"))
        screen.status("condensing · 8 behind · every 5 s · The hall", "condensing", 0.0)
        screen.typed("half a li")
        screen.redraw()
    finally:
        screen.close()
    shown = written.getvalue()
    assert "· hello" in shown and "connecting" in shown
    assert "condensing · 8 behind · every…" in shown, "cut to one row"
    assert "half a li" in shown
    assert shown.rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in shown, "the cursor is back"


def test_of_a_long_line_one_sees_the_end() -> None:
    assert tail("abc", 5) == "abc"
    assert tail("abcdef", 3) == "def"
    assert tail("漢字漢字", 5) == "漢字"
    assert tail("abc", 0) == ""


def test_every_hue_has_a_colour_and_unknown_styles_none() -> None:
    made, written = console(terminal=True)
    for hue in range(len(HUES)):
        made.print(wrapped(line((f"x{hue}", f"hue{hue} bold"), ("y", "unheard")), made))
    assert len({row.split("x")[0] for row in written.getvalue().splitlines()}) == len(HUES)
