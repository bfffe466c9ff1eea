"""One node of the pyramid: a stretch of conversation as the few units that stand for it, and what can be added up.

A node keeps a head of at most 256 words. Each unit that is left out gives its mass to the kept one nearest to it, by
the weighted terms they share, and the node counts how many of its units used each term. Without both, quality falls by
4 to 6 ROUGE-1; with them by 0.2 (LOD.md section 6). What adds up (units, words, messages, counts) is exact; only which
units are kept is a choice.

`merge` depends on its two nodes and nothing else, so it does not matter when, by whom or in how many steps a node was
made; two nodes of one scope, of two rooms, or of two groups of rooms merge alike.

Pure. The same nodes give the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

import msgspec
import numpy as np
from numpy.typing import NDArray

from cadence.lod.digest import SpeakerMemory, rank
from cadence.lod.terms import Background
from cadence.lod.units import Unit
from cadence.lod.vectors import Matrix

HEAD_WORDS_MAX = 256
TERMS_MAX = 512  # counted by a node; of more, the ones used most
OBJECTIONS_MAX = 32  # known to a node, the newest
RARITY_MIN = 0.1  # a term that everybody uses still ties two units together a little
_FORMAT = 1  # of the bytes, and of the choice of heads: nodes of another one are built again


@dataclass(frozen=True, slots=True)
class Said:
    """A message as the pyramid hears it. A redacted one has no units, and is still counted.

    `words` is what it counts in `covers`; `objects_to` the seq of the message it explicitly objects to.
    """

    seq: int
    at: float
    human: bool
    words: int
    units: tuple[Unit, ...]
    objects_to: int | None = None
    redacted: bool = False


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A unit without its text, which only the log has, and for how many units it stands."""

    scope: str
    seq: int
    index: int
    speaker: str
    human: bool
    at: float
    n: int
    salience: float
    block: bool
    terms: tuple[str, ...]
    mass: int

    @property
    def order(self) -> tuple[float, str, int, int]:
        """Sorts units of any scopes in time."""
        return self.at, self.scope, self.seq, self.index

    def unit(self) -> Unit:
        """The unit as the digest ranks it; it has no text to show."""
        return Unit(
            seq=self.seq,
            index=self.index,
            speaker=self.speaker,
            at=self.at,
            n=self.n,
            text="",
            terms=self.terms,
            question=False,
            salience=self.salience,
            block=None,
            start=0,
            end=0,
        )


class Node(msgspec.Struct, frozen=True, array_like=True):
    """What a stretch of time comes to. `first_key` and `last_key` are its first and last leaf (see `pyramid`)."""

    first_key: int
    last_key: int
    spans: tuple[tuple[str, int, int], ...]  # scope, first and last seq; one for each scope
    start: float  # seconds since the epoch, of its first and last message
    end: float
    messages: int  # of AIs, as `covers` counts them
    words: int  # of those
    gone: int  # redacted messages
    units: int
    unit_words: int
    head: tuple[Kept, ...]  # in order of time
    counts: dict[str, int]  # term -> units that used it; empty while the node is whole
    objections: tuple[tuple[str, int, int], ...]  # scope, seq, the seq it objects to

    @property
    def level(self) -> int:
        """How many bits its leaves differ in: 0 for a leaf."""
        return (self.first_key ^ self.last_key).bit_length()

    @property
    def whole(self) -> bool:
        """Whether nothing was left out."""
        return len(self.head) == self.units

    @property
    def first(self) -> int:
        """The first seq of a node of one scope."""
        return self.spans[0][1]

    @property
    def last(self) -> int:
        """The last seq of a node of one scope."""
        return self.spans[0][2]

    def term_counts(self) -> dict[str, int]:
        """How many of its units used each term."""
        return _counted(self.head) if self.whole else self.counts


def leaf(scope: str, key: int, said: Sequence[Said]) -> Node:
    """The node of these messages, at least one, in the order of the log."""
    kept = [
        Kept(
            scope=scope,
            seq=one.seq,
            index=unit.index,
            speaker=unit.speaker,
            human=one.human,
            at=one.at,
            n=unit.n,
            salience=unit.salience,
            block=unit.block is not None,
            terms=unit.terms,
            mass=1,
        )
        for one in said
        for unit in one.units
    ]
    return _condensed(
        Node(
            first_key=key,
            last_key=key,
            spans=((scope, said[0].seq, said[-1].seq),),
            start=said[0].at,
            end=said[-1].at,
            messages=sum(not one.human for one in said),
            words=sum(one.words for one in said if not one.human),
            gone=sum(one.redacted for one in said),
            units=len(kept),
            unit_words=sum(one.n for one in kept),
            head=tuple(kept),
            counts=_counted(kept),
            objections=tuple((scope, one.seq, one.objects_to) for one in said if one.objects_to is not None),
        )
    )


def merge(one: Node, other: Node) -> Node:
    """Both as one node: of the same scope and next to each other in time, or of different scopes."""
    counts = Counter(one.term_counts())
    counts.update(other.term_counts())
    return _condensed(
        Node(
            first_key=min(one.first_key, other.first_key),
            last_key=max(one.last_key, other.last_key),
            spans=_joined(one.spans, other.spans),
            start=min(one.start, other.start),
            end=max(one.end, other.end),
            messages=one.messages + other.messages,
            words=one.words + other.words,
            gone=one.gone + other.gone,
            units=one.units + other.units,
            unit_words=one.unit_words + other.unit_words,
            head=(*one.head, *other.head),
            counts=counts,
            objections=(*one.objections, *other.objections),
        )
    )


def encode(node: Node) -> bytes:
    """The node as bytes for `decode`; equal nodes give equal bytes."""
    return bytes([_FORMAT]) + msgspec.msgpack.encode(node)


def decode(body: bytes) -> Node:
    """The node of these bytes; raises `ValueError` if this program did not make them."""
    if body[:1] != bytes([_FORMAT]):
        raise ValueError(f"expected a node of format {_FORMAT}, got {body[:1]!r}: build it again from the log")
    try:
        return _decoder.decode(body[1:])
    except msgspec.MsgspecError as error:
        raise ValueError(f"expected a node, got {error}: build it again from the log") from error


def lexical(all_terms: Sequence[Sequence[str]], counts: Mapping[str, int], units: int) -> Matrix:
    """Units as vectors over their terms, rarer ones weighing more: [units, terms], each of length 1 or 0."""
    ids: dict[str, int] = {}
    columns = np.array([ids.setdefault(term, len(ids)) for terms in all_terms for term in terms], dtype=np.int64)
    rows = np.repeat(np.arange(len(all_terms)), [len(terms) for terms in all_terms])
    rarity = np.array([max(RARITY_MIN, log((units + 1) / (counts.get(term, 1) + 1))) for term in ids], dtype=np.float32)
    matrix = np.zeros((len(all_terms), len(ids)), dtype=np.float32)
    if len(ids):
        matrix[rows, columns] = rarity[columns]
        matrix /= np.maximum(np.sqrt((matrix**2).sum(axis=1, keepdims=True)), 1e-9)
    return matrix


def _condensed(full: Node) -> Node:
    """The node with the best of its units; with all of them while they fit and nothing was left out before."""
    head = tuple(sorted(full.head, key=lambda one: one.order))
    newest = tuple(sorted(full.objections, key=lambda one: (one[1], one[0]))[-OBJECTIONS_MAX:])
    if full.whole and full.unit_words <= HEAD_WORDS_MAX:
        return msgspec.structs.replace(full, head=head, counts={}, objections=newest)
    most = sorted(full.counts.items(), key=lambda pair: (-pair[1], pair[0]))[:TERMS_MAX]
    kept = tuple(_head(head, full.counts, full.units))
    return msgspec.structs.replace(full, head=kept, counts=dict(sorted(most)), objections=newest)


def _head(kept: Sequence[Kept], counts: dict[str, int], units: int) -> list[Kept]:
    """The units to keep, with the masses of those that are left out."""
    plain = [one.unit() for one in kept]
    masses = np.array([one.mass for one in kept], dtype=np.float64)
    vectors = lexical([one.terms for one in kept], counts, units)
    ladder = rank(
        plain,
        np.ones(len(kept)),
        Background(counts, units),
        SpeakerMemory(),
        0.0,
        HEAD_WORDS_MAX,
        vectors=vectors,
        counted=counts,
        masses=masses,
    )
    chosen = sorted(ladder.select(HEAD_WORDS_MAX))
    heirs = _heirs(kept, vectors, chosen)
    inherited = np.bincount(heirs, weights=masses, minlength=len(kept))
    return [msgspec.structs.replace(kept[i], mass=int(inherited[i])) for i in chosen]


def _heirs(kept: Sequence[Kept], vectors: Matrix, chosen: Sequence[int]) -> NDArray[np.int64]:
    """For each unit the chosen one that stands for it: itself, else the nearest in terms, else in time."""
    picked = np.array(chosen, dtype=np.int64)
    # Rounded, so that the last bits of a sum, which differ between processors, decide nothing.
    likeness = np.round((vectors @ vectors[picked].T).astype(np.float64), 4)
    at = np.array([one.at for one in kept], dtype=np.float64)
    apart = np.abs(at[:, None] - at[picked][None, :])
    nearness = likeness - apart / (1.0 + apart.max()) * 1e-6
    heirs: NDArray[np.int64] = picked[nearness.argmax(axis=1)]
    heirs[picked] = picked
    return heirs


def _counted(kept: Sequence[Kept]) -> dict[str, int]:
    return Counter(term for one in kept for term in one.terms)


def _joined(
    one: tuple[tuple[str, int, int], ...], other: tuple[tuple[str, int, int], ...]
) -> tuple[tuple[str, int, int], ...]:
    """The spans of both, one for each scope."""
    spans: dict[str, tuple[int, int]] = {}
    for scope, first, last in (*one, *other):
        low, high = spans.get(scope, (first, last))
        spans[scope] = (min(low, first), max(high, last))
    return tuple((scope, *spans[scope]) for scope in sorted(spans))


_decoder = msgspec.msgpack.Decoder(Node)
