"""Strict reading: what is refused, by name and place, and that nothing else is."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.factory.alloy import document
from cadence.factory.alloy.document import BYTES_MAX, Document, DocumentError, read

MIB = 2**20
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e15, 1e15) | st.floats(1e21, 1e300)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda of: st.lists(of, max_size=4) | st.dictionaries(st.text(max_size=4), of, max_size=4),
    max_leaves=20,
)


def refused(text: str | bytes) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        read(text, name="x.alloy.json")
    return caught.value


@pytest.mark.parametrize(
    ("text", "place", "path", "word"),
    [
        ('{"a": 1,\n "a": 2}', (2, 2), ("a",), "twice"),
        ('{"a": 1, "\\u0061": 2}', (1, 10), ("a",), "twice"),
        ('{"r": {"s": [0, NaN]}}', (1, 17), ("r", "s", 1), "NaN"),
        ("[-Infinity]", (1, 2), (0,), "-Infinity"),
        ('{"a": "\\ud800"}', (1, 7), ("a",), "surrogate"),
        ('{"\\udfff": 1}', (1, 2), (), "surrogate"),
        ('["\\uD800\\u0061"]', (1, 2), (0,), "surrogate"),
        ("[9007199254740992]", (1, 2), (0,), "2^53"),
        ("[-9007199254740992]", (1, 2), (0,), "2^53"),
        ("[9007199254740993.0]", (1, 2), (0,), "2^53"),
        ("[1e20]", (1, 2), (0,), "2^53"),
        ("[" + "9" * 5000 + "]", (1, 2), (0,), "2^53"),
        ("[1e400]", (1, 2), (0,), "too large"),
        ("[" * 65 + "]" * 65, (1, 65), (0,) * 64, "64 levels"),
        ("[" * 100_000, (1, 65), (0,) * 64, "64 levels"),
        ('{"a":' * 100_000, (1, 321), ("a",) * 64, "64 levels"),
        ('{"a": 1,}', (1, 9), (), "key"),
        ('{"a": [1 2]}', (1, 10), ("a",), '","'),
        ("{} {}", (1, 4), (), "end of the file"),
        ("", (1, 1), (), "got the end"),
        ("[01]", (1, 3), (), '","'),
        ("['a']", (1, 2), (0,), "expecting value"),
        ('["a\tb"]', (1, 4), (0,), "control character"),
        (b"\xef\xbb\xbf{}", (1, 1), (), "byte order mark"),
        (b'{"a": "\n' + b'\xff"}', (2, 1), (), "0xff"),
        ('{"a": 1}'.encode("utf-16"), (1, 1), (), "UTF-8"),
        ("\ud800", (1, 1), (), "surrogate"),
    ],
)
def test_what_readers_do_not_agree_on_is_refused_by_name_and_place(
    text: str | bytes, place: tuple[int, int], path: tuple[str | int, ...], word: str
) -> None:
    error = refused(text)
    assert word in error.what
    assert ((error.line, error.column), error.path) == (place, path)
    assert str(error).startswith(f"x.alloy.json:{place[0]}:{place[1]}: ")
    assert error.why and error.fix


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, true, null, "\\ud83d\\ude00"]}', {"a": [1, 2.5, True, None, "\N{GRINNING FACE}"]}),
        ("[9007199254740991, -9007199254740991, -1, 0]", [2**53 - 1, 1 - 2**53, -1, 0]),
        ("[1e21, 1E-7, 1.0, 4.9e-324]", [1e21, 1e-7, 1.0, 5e-324]),
        ('{"\\u0000": {"": ""}}', {"\0": {"": ""}}),
        ('["\\\\ud800"]', ["\\ud800"]),
        ("[" * 64 + "]" * 64, json.loads("[" * 64 + "]" * 64)),
    ],
)
def test_what_they_agree_on_is_read(text: str, value: Any) -> None:
    assert read(text, name="x").value == value
    assert read(text.encode(), name="x").raw == text.encode()


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_whatever_is_ordinary_json_is_read_as_the_standard_library_reads_it(
    value: Any, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    found = read(text, name="x")
    assert json.dumps(found.value) == json.dumps(value)  # also tells 1 from 1.0 and from true


@given(st.binary(max_size=60) | st.text('{}[]",:\\u0dDe1+-.tfnNIa \n', max_size=60))
def test_any_bytes_are_read_or_refused_with_a_place(source: bytes | str) -> None:
    try:
        read(source, name="x")
    except DocumentError as error:
        assert error.line >= 1 and error.column >= 1


def test_a_hostile_file_is_refused_in_bounded_memory() -> None:
    opening = b"[" + b"[]," * (50 * MIB // 3)
    tracemalloc.start()
    try:
        assert (refused(opening).line, refused(opening).column) == (0, 0)
        assert tracemalloc.get_traced_memory()[1] < MIB
        tracemalloc.reset_peak()
        assert "100000 values" in refused(opening[: BYTES_MAX - 1]).what
        assert tracemalloc.get_traced_memory()[1] < 40 * MIB
    finally:
        tracemalloc.stop()


def test_commas_in_a_text_are_no_values() -> None:
    assert read(json.dumps({"notes": "," * 200_000}), name="x").value == {"notes": "," * 200_000}


def test_characters_of_many_bytes_count_as_bytes() -> None:
    assert "8 MiB" in refused(json.dumps("é" * (5 * MIB), ensure_ascii=False)).what


def test_a_document_knows_its_places() -> None:
    found: Document = read('{\n  "stages": [\n    {"type": "x"}\n  ]\n}', name="x")
    assert found.where(()) == (1, 1)
    assert found.where(("stages", 0, "type")) == (3, 14)
    assert found.where(("stages", 0, "level")) == (3, 5)
    assert found.where(("stages", 7)) == (2, 13)
    error = found.error(("stages", 0), "expected a, got b", "Because", "Do c")
    assert str(error) == "x:3:5: stages[0]: expected a, got b. Because. Do c."


def test_places_are_found_only_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document.scan, "places", lambda text: pytest.fail("the slow pass ran"))
    read('{"stages": [{"type": "x", "n": 1.5, "s": "é\\n"}]}', name="x")


def test_an_error_never_echoes_much_of_a_hostile_text() -> None:
    assert len(str(refused('{"' + "k" * 100_000 + '": NaN}'))) < 300
