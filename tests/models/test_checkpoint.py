"""Headers from strangers: each lie is refused by file and tensor, and honest ones are read to the byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.models.checkpoint import (
    HEADER_BYTES_MAX,
    CheckpointError,
    Header,
    assemble,
    header_nbytes,
    parse_config,
    parse_header,
    parse_index,
    tensor_nbytes,
)


def entry(dtype: str, shape: list[Any], begin: Any, end: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def header(entries: dict[str, Any], data_bytes: int, file: str = "a.safetensors") -> Header:
    text = json.dumps(entries).encode()
    return parse_header(file, text, 8 + len(text) + data_bytes)


TWO = {"b": entry("F32", [2], 4, 12), "a": entry("BF16", [1, 2], 0, 4)}


def test_tensors_come_in_the_order_of_their_bytes_and_count_from_the_start_of_the_file() -> None:
    text = json.dumps(TWO).encode()
    read = parse_header("a.safetensors", text, 8 + len(text) + 12)
    assert [(t.name, t.dtype, t.shape, t.nbytes) for t in read.tensors] == [
        ("a", "BF16", (1, 2), 4),
        ("b", "F32", (2,), 8),
    ]
    assert [t.begin for t in read.tensors] == [8 + len(text), 8 + len(text) + 4]


def test_metadata_is_strings() -> None:
    assert header({"__metadata__": {"format": "pt"}}, 0).metadata == {"format": "pt"}
    with pytest.raises(CheckpointError, match="__metadata__"):
        header({"__metadata__": {"format": 1}}, 0)


def test_an_empty_tensor_takes_no_bytes() -> None:
    assert header({"a": entry("F32", [0, 9], 0, 0), "b": entry("U8", [3], 0, 3)}, 3).tensors[0].nbytes == 0


@pytest.mark.parametrize(
    ("entries", "data_bytes", "why"),
    [
        ({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)}, 12, "overlap"),
        ({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 12, 20)}, 20, "hole"),
        ({"a": entry("F32", [2], 4, 12)}, 12, "hole"),
        ({"a": entry("F32", [2], 0, 8)}, 4, "outside"),
        ({"a": entry("F32", [2], 0, 1 << 62)}, 8, "outside"),
        ({"a": entry("F32", [2], -8, 0)}, 8, "from 0 up"),
        ({"a": entry("F32", [2], 8, 0)}, 8, "outside"),
        ({"a": entry("F32", [2.0], 0, 8)}, 8, "from 0 up"),
        ({"a": entry("F32", [True, 2], 0, 8)}, 8, "from 0 up"),
        ({"a": entry("F32", [1 << 80, 2], 0, 8)}, 8, "from 0 up"),
        ({"a": entry("F32", [1] * 9 + [2], 0, 8)}, 8, "at most 8"),
        ({"a": entry("F32", [1 << 62, 1 << 62], 0, 8)}, 8, "does not fill"),
        ({"a": entry("F32", [3], 0, 8)}, 8, "does not fill"),
        ({"a": entry("F4", [3], 0, 1)}, 1, "does not fill"),
        ({"a": entry("F99", [2], 0, 8)}, 8, "unknown dtype F99"),
        ({"a": {"dtype": "F32", "shape": [2]}}, 8, "exactly dtype"),
        ({"a": [1, 2]}, 8, "exactly dtype"),
        ({"a\n": entry("F32", [2], 0, 8)}, 8, "printable"),
        ({"": entry("F32", [2], 0, 8)}, 8, "printable"),
        ({"a" * 2000: entry("F32", [2], 0, 8)}, 8, "printable"),
        ({"a": entry("F32", [2], 0, 8)}, 9, "foreign tail"),
    ],
)
def test_a_header_that_lies_is_refused(entries: dict[str, Any], data_bytes: int, why: str) -> None:
    with pytest.raises(CheckpointError, match=why) as refused:
        header(entries, data_bytes)
    assert str(refused.value).startswith("a.safetensors: ")
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'{"a": 1, "a": 1}', "the key a is there twice"),
        (b'{"a": {"dtype": "F32", "dtype": "F32"}}', "the key dtype is there twice"),
        (b'[{"a": 1}]', "begin with an object"),
        (b"{", "expected JSON"),
        (b'{"a": "\xff"}', "expected JSON"),
        (b'{"a":' * 100_000, "expected JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "expected JSON"),
    ],
)
def test_what_is_no_header_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(CheckpointError, match=why):
        parse_header("a.safetensors", text, 8 + len(text))


@pytest.mark.parametrize(
    ("first", "file_bytes", "why"),
    [
        (b"", 0, "got 0 bytes"),
        ((1 << 63).to_bytes(8, "little"), 100, "claims 9223372036854775808"),
        ((HEADER_BYTES_MAX + 1).to_bytes(8, "little"), 1 << 40, "claims 100000001"),
        ((0).to_bytes(8, "little"), 100, "claims 0"),
        ((93).to_bytes(8, "little"), 100, "truncated"),
    ],
)
def test_a_length_that_lies_is_refused_before_anything_is_read(first: bytes, file_bytes: int, why: str) -> None:
    with pytest.raises(CheckpointError, match=why):
        header_nbytes("a.safetensors", first, file_bytes)


def test_an_honest_length_is_believed() -> None:
    assert header_nbytes("a.safetensors", (92).to_bytes(8, "little"), 100) == 92


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(text: bytes) -> None:
    for candidate in (text, b"{" + text, b'{"a":' + text + b"}"):
        try:
            read = parse_header("a.safetensors", candidate, 8 + len(candidate))
        except CheckpointError:
            continue
        assert sum(tensor.nbytes for tensor in read.tensors) == 0


INDEX = {"metadata": {"total_size": 12}, "weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}


def test_an_index_names_each_shard_once() -> None:
    index = parse_index(
        "i.json", json.dumps(INDEX | {"weight_map": {"a": "2.safetensors", "b": "2.safetensors"}}).encode()
    )
    assert index.files == ("2.safetensors",)


@pytest.mark.parametrize(
    "shard",
    ["../a.safetensors", "/etc/a.safetensors", "x/a.safetensors", ".a.safetensors", "a.bin", 3, "a\n.safetensors"],
)
def test_an_index_may_not_point_elsewhere(shard: Any) -> None:
    with pytest.raises(CheckpointError, match=r"i\.json: a: expected the plain name"):
        parse_index("i.json", json.dumps({"weight_map": {"a": shard}}).encode())


@pytest.mark.parametrize("text", [b"{}", b'{"weight_map": {}}', b'{"weight_map": []}', b"[]"])
def test_an_index_without_a_map_is_refused(text: bytes) -> None:
    with pytest.raises(CheckpointError, match=r"i\.json"):
        parse_index("i.json", text)


def test_an_index_that_names_a_tensor_twice_is_refused() -> None:
    with pytest.raises(CheckpointError, match="the key a is there twice"):
        parse_index("i.json", b'{"weight_map": {"a": "1.safetensors", "a": "2.safetensors"}}')


def shard(file: str, *names: str) -> Header:
    entries = {name: entry("U8", [4], 4 * at, 4 * at + 4) for at, name in enumerate(names)}
    return header(entries, 4 * len(names), file)


def test_files_are_joined_and_held_to_the_index() -> None:
    index = parse_index("i.json", json.dumps(INDEX).encode())
    joined = assemble([shard("2.safetensors", "b"), shard("1.safetensors", "a")], index)
    assert list(joined.tensors) == ["a", "b"]
    assert joined.tensor_bytes == 8


@pytest.mark.parametrize(
    ("one", "two", "why"),
    [
        (("a",), (), "2.safetensors: b: the index promises this tensor, no file has it"),
        (("a", "b"), (), "2.safetensors: b: the index promises this tensor, it lies in 1.safetensors"),
        (("a",), ("b", "c"), "2.safetensors: c: the index does not know this tensor"),
        (("a",), ("b", "a"), "2.safetensors: a: the tensor lies in 1.safetensors too"),
    ],
)
def test_index_and_files_must_agree(one: tuple[str, ...], two: tuple[str, ...], why: str) -> None:
    index = parse_index("i.json", json.dumps(INDEX).encode())
    with pytest.raises(CheckpointError, match=why):
        assemble([shard("1.safetensors", *one), shard("2.safetensors", *two)], index)


def test_bits_that_do_not_fill_bytes_have_no_length() -> None:
    assert tensor_nbytes("F4", [2, 3]) == 3
    assert tensor_nbytes("F4", [3]) is None
    assert tensor_nbytes("F6_E3M2", [4]) == 3


def test_a_config_is_an_object_without_doubles() -> None:
    assert parse_config("config.json", b'{"a": [1]}') == {"a": [1]}
    with pytest.raises(CheckpointError, match="config.json: expected JSON, got: the key a is there twice"):
        parse_config("config.json", b'{"a": 1, "a": 2}')
