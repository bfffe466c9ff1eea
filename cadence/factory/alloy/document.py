"""Strict JSON: an alloy's text as plain values, or one fault with its place, in bounded memory.

JSON readers differ in what they do with a key that occurs twice, with NaN, with half a surrogate pair and with numbers
that no double holds; a document that two readers understand differently must not be signed (RFC 8259 section 4 and 6,
RFC 7493, RFC 8785 section 3.1). So all of these are refused by name.

Numbers: beyond 2^53 - 1 an integer is no longer told from its neighbour. Refused are integers above it and doubles
that RFC 8785 would write as such integers (up to 1e21, from where on it writes an exponent). So whatever was read has a
canonical form which can be read again.

The good case runs in the C parser of the standard library. Places are found by a second, slower pass
(`cadence.factory.alloy.scan`), which runs only when something is wrong or when a place is asked for.

Pure: text in, values out. Files are read by `cadence.factory.alloy.files`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cadence.factory.alloy import scan
from cadence.factory.alloy.scan import DEPTH_MAX, VALUES_MAX, Fault, Path, Place, show_path

BYTES_MAX = 8 * 2**20

__all__ = ["BYTES_MAX", "DEPTH_MAX", "VALUES_MAX", "Document", "DocumentError", "Path", "read", "show_path"]

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class DocumentError(ValueError):
    """One fault of a document: where it is, what is wrong, why that matters, what to do.

    `line` and `column` count from 1, in characters; both are 0 where the fault is of the file as a whole.
    """

    def __init__(self, file: str, line: int, column: int, path: Path, what: str, why: str, fix: str) -> None:
        super().__init__(file, line, column, path, what, why, fix)
        self.file, self.line, self.column, self.path = file, line, column, path
        self.what, self.why, self.fix = what, why, fix

    def __str__(self) -> str:
        """One line: `file:line:column: path: what. Why. Fix.`"""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {show_path(self.path)}: {self.what}. {self.why}. {self.fix}."


@dataclass(frozen=True, eq=False)
class Document:
    """A document that was read: its values, its exact bytes, and the way from a path to a place in the text."""

    name: str
    raw: bytes
    value: Any

    def where(self, path: Path) -> tuple[int, int]:
        """Line and column of the value at `path`, from 1; of its nearest ancestor where there is no such value."""
        place = self._places
        for step in path:
            child = place.child(step)
            if child is None:
                break
            place = child
        return scan.position(self._text, place.at)

    def error(self, path: Path, what: str, why: str, fix: str) -> DocumentError:
        """A fault of the value at `path`, with its place."""
        return DocumentError(self.name, *self.where(path), path, what, why, fix)

    @cached_property
    def _text(self) -> str:
        return self.raw.decode()

    @cached_property
    def _places(self) -> Place:
        return scan.places(self._text)


def read(source: str | bytes, *, name: str) -> Document:
    """Read one JSON document of at most 8 MiB, 64 levels and 100,000 values; `name` is what errors call the file.

    Raises `DocumentError` for what is not JSON and for what JSON readers do not agree on.
    """
    if len(source) > BYTES_MAX:
        raise _too_large(name)
    raw = source if isinstance(source, bytes) else _encode(source, name)
    if len(raw) > BYTES_MAX:
        raise _too_large(name)
    text = _decode(raw, name)
    try:
        if text.count(",") + text.count("[") + text.count("{") >= VALUES_MAX:
            scan.places(text)  # counts them exactly, and stops before they take memory
        value = _parse(text)
        if value is _UNSURE:
            scan.places(text)
            value = _DECODER.decode(text)
    except Fault as fault:
        raise DocumentError(
            name, *scan.position(text, fault.at), fault.path, fault.what, fault.why, fault.fix
        ) from None
    return Document(name, raw, value)


def _too_large(name: str) -> DocumentError:
    """The fault of a file that is longer than an alloy may be."""
    return DocumentError(
        name,
        0,
        0,
        (),
        f"expected at most {BYTES_MAX // 2**20} MiB, the file is larger",
        "An alloy describes a model and does not contain one; published ones are some ten kilobytes",
        "Keep samples and tables in files of their own and name their hashes here",
    )


_UNSURE = object()


def _parse(text: str) -> Any:
    """The values of a document without faults; `_UNSURE` where the slow pass must look for one."""
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return _UNSURE
    if _SURROGATE.search(text) or not _is_shallow(value):
        return _UNSURE
    return value


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    return not any(isinstance(node, dict | list) for node in level)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=scan.integer, parse_float=scan.double, parse_constant=scan.constant
)


def _encode(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DocumentError(name, *scan.position(text, error.start), (), *scan.LONE_SURROGATE) from None


def _decode(raw: bytes, name: str) -> str:
    if raw.startswith(_BYTE_ORDER_MARK):
        what = "expected JSON, the file begins with a byte order mark"
        raise DocumentError(name, 1, 1, (), what, "RFC 8259 forbids it, and it changes every hash", "Save without it")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        what = f"expected UTF-8, byte {error.start} (0x{raw[error.start]:02x}) is not"
        why, fix = "Alloys are UTF-8 on every machine, so that their hashes agree", "Save the file as UTF-8"
        raise DocumentError(name, *scan.position(before, len(before)), (), what, why, fix) from None
