"""What Alex keeps of a room, once for all its readers: recent authors, units on demand, word counts.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from cadence.lod.terms import Background
from cadence.lod.units import Parsed, PartText, Source, parse
from cadence.rooms.wire import Message, from_iso

AUTHORS_KEPT_MAX = 20_000  # seqs whose author is remembered, so that a reply is known to be one


class Entry:
    """One message of the log as the mediators see it; split into units when first looked at, then never again."""

    __slots__ = ("_parsed", "at", "human", "message", "replied_to", "seq", "speaker")

    def __init__(self, message: Message, replied_to: str | None) -> None:
        self.message = message
        self.seq = message.seq
        self.speaker = message.from_.id
        self.human = message.from_.kind == "human"
        self.at = from_iso(message.at)
        self.replied_to = replied_to  # author of the message this one answers, if that is known
        self._parsed: Parsed | None = None

    @property
    def parsed(self) -> Parsed:
        if self._parsed is None:
            message = self.message
            parts = tuple(PartText(p.kind, p.body, p.lang or None, p.name or None) for p in message.parts)
            self._parsed = parse(Source(self.seq, self.speaker, self.at, message.text, parts, message.spoken))
        return self._parsed

    @property
    def words(self) -> int:
        """Words of the whole message, blocks included; at least 1."""
        return self.parsed.words

    def concerns(self, reader: str) -> bool:
        """Whether the message mentions `reader` or answers something they said."""
        return self.replied_to == reader or reader in self.message.mentions


class Transcript:
    """The recent past of one room. Readers only read it, so none can change what another is shown."""

    def __init__(self) -> None:
        self.background = Background()
        self._authors: OrderedDict[int, str] = OrderedDict()

    def enter(self, message: Message) -> Entry:
        """Note a message and return its entry. Call once per message, in order of seq."""
        reply_to = message.reply_to or None
        replied_to = self._authors.get(reply_to) if reply_to is not None else None
        self._authors[message.seq] = message.from_.id
        while len(self._authors) > AUTHORS_KEPT_MAX:
            self._authors.popitem(last=False)
        return Entry(message, replied_to)

    def learn(self, entry: Entry) -> None:
        """Count an entry's words as the room's everyday language. Call once per entry, in order of seq."""
        for unit in entry.parsed.units:
            self.background.add(unit.terms)

    def authors(self, seqs: Iterable[int]) -> set[str]:
        """Who wrote these messages, as far as it is remembered."""
        return {author for seq in seqs if (author := self._authors.get(seq)) is not None}

    def forget(self) -> None:
        """Start the word counts afresh (a played conversation begins again)."""
        self.background.clear()
