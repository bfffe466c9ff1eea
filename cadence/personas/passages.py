"""Closed nodes of a chronicle as text for a prompt: the best clauses of each stretch, in their speakers' own words.

A node keeps no text, only which clauses stand for it; the log has the words. So rendering says which messages it
needs (`wanted`), is told them (`learn`), and then gives the same text for the same node for ever, which keeps the
beginning of a prompt unchanged from call to call. What was taken back is not among the words of the log any more.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import numpy as np

from cadence.lod.digest import SpeakerMemory
from cadence.lod.nodes import Kept, Node
from cadence.lod.reading import Interval
from cadence.lod.units import Source, parse
from cadence.personas.chronicle import plain_name
from cadence.rooms.wire import Message, from_iso, to_iso

MESSAGES_KEPT_MAX = 2_000  # learned and not yet rendered
PASSAGES_KEPT_MAX = 1_000
WANTED_MAX = 2_000

_Key = tuple[int, int, int, int, int]


class Passages:
    """Renders nodes of one room, for all its minds."""

    def __init__(self) -> None:
        self._rendered: OrderedDict[_Key, tuple[str, frozenset[int]]] = OrderedDict()
        self._clauses: OrderedDict[int, tuple[str, dict[int, str]]] = OrderedDict()  # seq -> name, texts by index
        self._chosen: dict[_Key, list[Kept]] = {}  # what waits for the log
        self._wanted: dict[int, None] = {}

    @property
    def wanted(self) -> list[int]:
        """The messages, by seq, whose texts are needed; ask the log and `learn`."""
        return list(self._wanted)

    def render(self, nodes: Sequence[Node], words: int) -> list[str] | None:
        """A passage of at most so many words for each node; None while texts are missing (then they are `wanted`)."""
        found = [self._passage(node, words) for node in nodes]
        return None if None in found else [passage for passage in found if passage]

    def learn(self, messages: Iterable[Message], asked: Iterable[int]) -> None:
        """These are messages of the log; those `asked` for that are not among them are not there."""
        for message in messages:
            source = Source(message.seq, message.from_.id, from_iso(message.at), message.text, (), message.spoken)
            self._clauses[message.seq] = (
                plain_name(message),
                {unit.index: unit.text for unit in parse(source).units if unit.block is None},
            )
        for seq in asked:
            self._wanted.pop(seq, None)
            self._clauses.setdefault(seq, ("", {}))
        while len(self._clauses) > MESSAGES_KEPT_MAX:
            self._clauses.popitem(last=False)

    def redact(self, seq: int) -> None:
        """A message is gone: nothing rendered may show it."""
        self._clauses.pop(seq, None)
        for key in [key for key, (_, seqs) in self._rendered.items() if seq in seqs]:
            del self._rendered[key]

    def _passage(self, node: Node, words: int) -> str | None:
        key = (node.first_key, node.last_key, node.last, node.gone, words)
        known = self._rendered.get(key)
        if known is not None:
            self._rendered.move_to_end(key)
            return known[0]
        chosen = self._chosen.get(key) or _choose(node, words)
        missing = [kept.seq for kept in chosen if kept.seq not in self._clauses]
        if missing:
            self._chosen[key] = chosen
            if len(self._chosen) > PASSAGES_KEPT_MAX:
                self._chosen.pop(next(iter(self._chosen)))
            self._wanted.update(dict.fromkeys(missing[: max(0, WANTED_MAX - len(self._wanted))]))
            return None
        self._chosen.pop(key, None)
        text = self._text(node, chosen)
        self._rendered[key] = text, frozenset(kept.seq for kept in chosen)
        while len(self._rendered) > PASSAGES_KEPT_MAX:
            self._rendered.popitem(last=False)
        return text

    def _text(self, node: Node, chosen: Sequence[Kept]) -> str:
        lines: list[str] = []
        before = -1
        for kept in chosen:
            name, clauses = self._clauses[kept.seq]
            clause = clauses.get(kept.index, "")
            if not clause:
                continue  # taken back, or a block
            if kept.seq == before:
                lines[-1] += f" {clause}"
            else:
                lines.append(f"{name}: {clause}")
            before = kept.seq
        if not lines:
            return ""
        return "\n".join([f"[{to_iso(node.start)[:16]}, #{node.first} to #{node.last}]", *lines])


def _choose(node: Node, words: int) -> list[Kept]:
    """The clauses that stand for a node in so many words, in order of time."""
    stretch = Interval([node])
    weights = np.ones(len(stretch.kept))
    return sorted(
        (one.kept for one in stretch.choose(weights, words, SpeakerMemory(), node.end)), key=lambda k: k.order
    )
