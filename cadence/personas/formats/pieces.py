"""Texts cut to what fits a frame, where they can best be cut.

Pure: text in, pieces out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec
from sentencex import segment

from cadence.personas.script import frame_bytes
from cadence.rooms.wire import FRAME_BYTES_MAX

TEXT_BYTES_MAX = FRAME_BYTES_MAX - frame_bytes("")


def split_text(text: str, bytes_max: int) -> list[str]:
    """`text` in pieces of at most `bytes_max` as JSON, cut where sentences end, else between words, else anywhere.

    Joined again the pieces are the text. A single character may exceed a `bytes_max` below 12.
    """
    return list(_pack(text, bytes_max, (_sentences, _words, list)))


def _size(text: str) -> int:
    """What `text` takes inside a frame, in bytes; the sizes of two texts add up."""
    return len(msgspec.json.encode(text)) - 2


def _pack(text: str, bytes_max: int, splitters: Sequence[Callable[[str], list[str]]]) -> Iterator[str]:
    """`text` if it fits; else its parts, as many together as fit, cut finer where even one does not."""
    if _size(text) <= bytes_max or not splitters:
        yield text
        return
    split, *finer = splitters
    gathered: list[str] = []
    size = 0
    for part in split(text):
        if size + _size(part) > bytes_max:
            if gathered:
                yield "".join(gathered)
            *whole, part = _pack(part, bytes_max, finer)
            yield from whole
            gathered, size = [], 0
        gathered.append(part)
        size += _size(part)
    yield "".join(gathered)


def _sentences(text: str) -> list[str]:
    parts = list(segment("en", text))
    return parts if "".join(parts) == text else [text]  # never lose what a splitter would tidy away


def _words(text: str) -> list[str]:
    return re.split(r"(?<=\s)(?=\S)", text)
