from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cadence.terminal.text import clean, fault, line, note, one_line


def test_what_could_steer_a_terminal_is_taken_out() -> None:
    assert clean("a\x1b[2Jb\x07\x9b31mc\u202ed") == "a[2Jb31mcd"
    assert clean("one\r\ntwo\x0bthree\u2028four\tfive") == "one\ntwo\nthree\nfour    five"
    assert clean("naïve 漢字 👩‍🚒") == "naïve 漢字 👩‍🚒"


@given(st.text())
def test_no_control_is_left_but_the_line_break(text: str) -> None:
    assert all(char == "\n" or (ord(char) >= 32 and not 127 <= ord(char) < 160) for char in clean(text))
    assert "\n" not in one_line(text)
    clean(text).encode()


def test_a_row_after_a_break_is_indented_so_that_no_text_can_pose_as_another_speaker() -> None:
    assert line(("Vera", "hue1"), ": yes\nPell: no", indent=4).plain == "Vera: yes\n    Pell: no"


def test_notes_and_faults_can_be_told_apart() -> None:
    assert (note("x").plain, note("x").spans[0][1]) == ("· x", "dim")
    assert (fault("x").plain, fault("x").spans[0][1]) == ("! x", "error")
