"""Whether a calibration corpus holds text of the benchmark that will judge the result.

Two texts share a passage where they have 13 words in a row in common, whatever their case and punctuation (the measure
of arXiv 2005.14165, appendix C). An item shorter than that counts when the corpus holds it whole.

Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cadence.factory.profile.corpus import CorpusError

WORDS = 13
WORDS_MIN = 5  # of a short item: fewer say nothing about where they are from
BENCHMARK_BYTES_MAX = 2**30

Passage = tuple[str, ...]

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Leak:
    """A passage that both have."""

    item: int  # line of the benchmark
    domain: str
    document: int  # of the domain, from 1
    words: str


def parse_benchmark(name: str, data: bytes) -> list[tuple[int, str]]:
    """The texts of a benchmark with their lines: every string in JSON lines, or whole lines of plain text."""
    items: list[tuple[int, str]] = []
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        if line.strip():
            items += [(number, text) for text in _strings(line)]
    if not items:
        raise CorpusError(f"{name} has no text; expected the benchmark's items, one a line")
    return items


def find_leaks(items: Iterable[tuple[int, str]], documents: Mapping[str, Sequence[str]]) -> Iterator[Leak]:
    """Passages of the benchmark in the corpus: the first of each document, in the order of the corpus."""
    begins = _passages(items)
    for domain, texts in documents.items():
        for number, text in enumerate(texts, 1):
            words = _words(text)
            for at, head in enumerate(_grams(words, WORDS_MIN)):
                found = begins.get(head, {}).items()
                hit = next(((passage, line) for passage, line in found if _is_at(passage, words, at)), None)
                if hit is not None:
                    yield Leak(hit[1], domain, number, " ".join(hit[0]))
                    break


def _passages(items: Iterable[tuple[int, str]]) -> dict[Passage, dict[Passage, int]]:
    """Every passage of the benchmark and the line it is first in, by the words it begins with."""
    begins: dict[Passage, dict[Passage, int]] = {}
    for line, text in items:
        words = _words(text)
        if len(words) >= WORDS_MIN:
            for passage in _grams(words, min(WORDS, len(words))):
                begins.setdefault(passage[:WORDS_MIN], {}).setdefault(passage, line)
    return begins


def _is_at(passage: Passage, words: Sequence[str], at: int) -> bool:
    return tuple(words[at : at + len(passage)]) == passage


def _strings(line: str) -> Iterator[str]:
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        read = line
    pending = [read]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict | list):
            pending += reversed(list(each.values()) if isinstance(each, dict) else each)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _grams(words: Sequence[str], size: int) -> Iterator[Passage]:
    return zip(*(words[start:] for start in range(size)), strict=False)
