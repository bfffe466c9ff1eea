"""The originals of one turn, asked for page by page.

Two things are asked: the messages that the turn quoted (that tells the server which were unfolded, and some lie
before its range), and the range it stands for.

Pure: pages in, requests out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cadence.rooms.wire import PAGE_ITEMS_MAX, History, Message, Page, Turn

ORIGINALS_MAX = 200  # of the range of one turn
PAGES_MAX = 20


@dataclass(slots=True)
class Opening:
    """One turn being opened. `waiting` are the refs of requests without an answer."""

    number: int
    cited: frozenset[int]
    first: int = 1
    last: int = 0  # of the range, below `first` if the turn has none
    waiting: set[str] = field(default_factory=set)
    _found: dict[int, Message] = field(default_factory=dict)
    _pages: int = 0

    @classmethod
    def of(cls, turn: Turn) -> Opening:
        """To open `turn`."""
        cited = frozenset(seq for segment in turn.at_home() for seq in segment.sources)
        if turn.covers is None:
            return cls(turn.turn, cited)
        return cls(turn.turn, cited, turn.covers.from_, turn.covers.to)

    @property
    def messages(self) -> list[Message]:
        """What was quoted, and what the agents said in the range: people's speech was shown when it was said."""
        found = (self._found[seq] for seq in sorted(self._found))
        return [message for message in found if message.seq in self.cited or message.from_.kind == "agent"]

    @property
    def left_out(self) -> int:
        """How many messages of the range are too many."""
        return max(0, self.last - self.first + 1 - ORIGINALS_MAX)

    def requests(self, room: str, ref: str) -> list[History]:
        """What to ask first."""
        asked = []
        if self.cited:
            seqs = tuple(sorted(self.cited))[:PAGE_ITEMS_MAX]
            asked.append(History(room=room, stream="raw", seqs=seqs, ref=f"{ref}-cited"))
        if (page := self._range(room, f"{ref}-range", self.first - 1)) is not None:
            asked.append(page)
        self.waiting.update(str(request.ref) for request in asked)
        return asked

    def take(self, page: Page) -> History | None:
        """A page of it came; what to ask next."""
        ref = str(page.ref)
        self.waiting.discard(ref)
        self._pages += 1
        items = [item for item in page.items if isinstance(item, Message)]
        self._found.update((item.seq, item) for item in items)
        if not page.more or not items or self._pages >= PAGES_MAX:
            return None
        if ref.endswith("-cited"):
            rest = tuple(seq for seq in sorted(self.cited) if seq > items[-1].seq)[:PAGE_ITEMS_MAX]
            more = History(room=page.room, stream="raw", seqs=rest, ref=ref) if rest else None
        else:
            more = self._range(page.room, ref, items[-1].seq)
        if more is not None:
            self.waiting.add(ref)
        return more

    def _range(self, room: str, ref: str, after: int) -> History | None:
        most = min(self.last, self.first + ORIGINALS_MAX - 1) - after
        if most <= 0:
            return None
        return History(room=room, stream="raw", after=after, limit=min(most, PAGE_ITEMS_MAX), ref=ref)
