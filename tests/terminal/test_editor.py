from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.terminal.editor import LINE_CHARS_MAX, Editor, Pipe


def typed(keys: str) -> tuple[list[str], str]:
    editor = Editor()
    entered = [line for byte in keys.encode() for line in editor.feed(bytes([byte]))]
    return entered, editor.text


@pytest.mark.parametrize(
    ("keys", "entered", "text"),
    [
        ("hé\r", ["hé"], ""),
        ("ab\x7fc", [], "ac"),
        ("one two \x17", [], "one "),
        ("one\x15two", [], "two"),
        ("a\x1b[Db\x1b[1;5Cc\x1bOHd", [], "abcd"),
        ("one\r\x1b[A", ["one"], "one"),
        ("one\r\x1b[A\x1b[B", ["one"], ""),
        ("a\x1bAb", [], "ab"),
        ("\x00\x07\x1b[99999999999999999999999999999999999a", [], "99999a"),
        ("\x04", ["/quit"], ""),
        ("a\x04", [], "a"),
        ("\r", [""], ""),
    ],
)
def test_keys_edit_the_line(keys: str, entered: list[str], text: str) -> None:
    assert typed(keys) == (entered, text)


def test_the_end_of_the_keyboard_is_the_end() -> None:
    assert Editor().feed(b"") == ["/quit"]


@given(st.binary(max_size=200))
def test_no_keys_make_a_line_that_is_not_printable(data: bytes) -> None:
    editor = Editor()
    assert all(line.isprintable() for line in editor.feed(data)) and editor.text.isprintable()


def test_a_line_without_end_stops_growing() -> None:
    editor = Editor()
    editor.feed(b"x" * (LINE_CHARS_MAX + 10))
    assert len(editor.text) == LINE_CHARS_MAX


def test_a_pipe_gives_whole_lines_whatever_its_pieces() -> None:
    pipe = Pipe()
    assert [pipe.feed(bytes([byte])) for byte in "é\nb".encode()] == [[], [], ["é"], []]
    assert (pipe.feed(b""), pipe.feed(b"")) == (["b"], [])


def test_a_line_of_a_pipe_that_is_too_long_comes_in_pieces() -> None:
    pipe = Pipe()
    found = pipe.feed(b"x" * (LINE_CHARS_MAX + 5)) + pipe.feed(b"y\n")
    assert [len(line) for line in found] == [LINE_CHARS_MAX, 5, 1]
