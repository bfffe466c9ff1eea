"""The calibration corpus: pinned by its hash, counted, and cut into sequences of one length.

A corpus is JSON lines with a `text` (or `content`) and, if it mixes several, a `domain`. Which text a model is
profiled on decides what survives more than how it is ranked, so nobody profiles on a file that only looks like the
one they meant: the sha256 of its bytes must be given, and stands in the profile.

Documents of one domain are laid end to end, with the tokenizer's own end mark between them, and cut every `length`
tokens. The last cut of each domain may be short; it is padded and the padding is never counted.

Pure: bytes and token ids in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CORPUS_BYTES_MAX = 4 * 2**30
DOMAIN_CHARS_MAX = 40
DOMAIN = "text"  # of lines that name none

Ids = NDArray[np.int64]


class CorpusError(ValueError):
    """A corpus that may not be used: what was expected, what came, what to do."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents by domain, in the order of the file."""

    sha256: str
    documents: Mapping[str, tuple[str, ...]]

    @property
    def examples(self) -> int:
        """How many documents there are."""
        return sum(len(texts) for texts in self.documents.values())


def parse_corpus(name: str, data: bytes, pinned: str | None) -> Corpus:
    """Read a corpus whose bytes must have the sha256 `pinned`. CorpusError names the line that is wrong."""
    found = hashlib.sha256(data).hexdigest()
    if pinned is None:
        raise CorpusError(f"{name} is not pinned; look at it, and if it is the one you mean, say so: --sha256 {found}")
    if found != pinned.strip().lower():
        raise CorpusError(
            f"{name} has sha256 {found}, expected {pinned[:80]}; it is another text than the one that was pinned: get "
            "the right file, or pin this one"
        )
    documents: dict[str, list[str]] = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            domain, text = _document(f"{name}, line {number}", line)
            if text.strip():
                documents.setdefault(domain, []).append(text)
    if not documents:
        raise CorpusError(f"{name} has no text; expected JSON lines with a field text or content")
    return Corpus(found, {domain: tuple(documents[domain]) for domain in sorted(documents)})


def _document(where: str, line: bytes) -> tuple[str, str]:
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        raise CorpusError(f"{where}: expected one JSON object, got {line[:40]!r}") from None
    text = read.get("text", read.get("content")) if isinstance(read, dict) else None
    if not isinstance(text, str):
        raise CorpusError(f"{where}: expected a field text or content that is a string")
    domain = read.get("domain", DOMAIN)
    if not isinstance(domain, str) or not 0 < len(domain) <= DOMAIN_CHARS_MAX or not domain.isprintable():
        raise CorpusError(f"{where}: a domain has 1 to {DOMAIN_CHARS_MAX} characters, not {str(domain)[:60]!r}")
    return domain, text


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A tokenised corpus: sequences [n, length] padded with 0, the tokens in each, and its domain's number."""

    domains: tuple[str, ...]
    ids: Ids
    sizes: Ids
    domain_of: Ids

    @property
    def mix(self) -> dict[str, int]:
        """Tokens by domain."""
        return {
            domain: int(self.sizes[self.domain_of == number].sum()) for number, domain in enumerate(self.domains)
        }  # fmt: skip

    def batches(self, batch: int) -> int:
        """How many batches of `batch` sequences there are."""
        return -(-len(self.ids) // batch)

    def token_domains(self, start: int, end: int) -> Ids:
        """The domain's number of each token of the sequences [start, end), -1 for padding: [n, length]."""
        there = np.arange(self.ids.shape[1]) < self.sizes[start:end, None]
        return np.where(there, self.domain_of[start:end, None], -1)


def cut(documents: Mapping[str, Sequence[Sequence[int]]], length: int, end_mark: int | None) -> Cut:
    """Lay the token ids of documents end to end, domain by domain, and cut them every `length` tokens."""
    if length < 1:
        raise CorpusError(f"expected sequences of at least one token, not {length}")
    rows, sizes, domain_of = [], [], []
    for number, domain in enumerate(sorted(documents)):
        stream = np.fromiter(_stream(documents[domain], end_mark), dtype=np.int64)
        for start in range(0, len(stream), length):
            piece = stream[start : start + length]
            rows.append(np.pad(piece, (0, length - len(piece))))
            sizes.append(len(piece))
            domain_of.append(number)
    if not rows:
        raise CorpusError("the corpus has no tokens; is this the tokenizer of the model?")
    return Cut(tuple(sorted(documents)), np.stack(rows), np.array(sizes), np.array(domain_of))


def _stream(documents: Sequence[Sequence[int]], end_mark: int | None) -> Iterator[int]:
    for document in documents:
        yield from document
        if end_mark is not None:
            yield end_mark
