"""The parts of `bench.server` that can be checked by hand."""

from __future__ import annotations

import json

from bench.server.audience import Reader
from bench.server.tables import Missing, Table


def frame(payload: bytes) -> bytes:
    """As a server sends it."""
    size = len(payload)
    head = bytes((0x81, size)) if size < 126 else bytes((0x81, 126)) + size.to_bytes(2, "big")
    return head + payload


def turn(first: int, last: int, text: str = "") -> bytes:
    fields = {"type": "turn", "room": "meeting", "covers": {"epoch": "e", "from": first, "to": last}, "text": text}
    return frame(json.dumps(fields, separators=(",", ":")).encode())


def test_a_reader_of_the_sample_knows_how_far_it_was_told_and_what_is_missing() -> None:
    reader = Reader()
    stream = b'ty":{"type":"alex"}' + frame(b'{"type":"alex"}') + turn(3, 9) + turn(10, 12, "x" * 300) + turn(14, 20)
    for at in range(0, len(stream), 7):  # as it may come
        reader.take(stream[at : at + 7])
    assert (reader.turns, reader.covered, reader.gaps) == (3, 20, 1)


def test_a_table_can_be_pasted() -> None:
    table = Table("Speed", ("server", "a second", "what"), note="Quiet.")
    table.add("ours", 1234.5, "fine")
    table.add("theirs", 0.1234)
    assert str(table).splitlines() == [
        "## Speed", "", "| server | a second | what |", "|---|---|---|", "| ours | 1,234 | fine |",
        "| theirs | 0.123 |  |", "", "Quiet.",
    ]  # fmt: skip
    assert table.whole


def test_what_could_not_be_measured_is_a_row_that_says_why() -> None:
    table = Table("Speed", ("server", "a second", "what"))
    table.add("ws", Missing.of(RuntimeError("a trace\nexpected `ws`, it is not there")))
    assert "| ws | expected `ws`, it is not there |  |" in str(table) and not table.whole
