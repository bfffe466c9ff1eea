"""What came for one room and was not taken yet: in order, each once, and never more than so many.

A reader who is too slow does not stop the socket, on which answers come too: messages that find no room here are let
pass, and read from the room's log in pages as there is room again. So nothing is lost and nothing grows.

    LIVE     frames are kept as they come                       full, or a message is missing -> BEHIND
    BEHIND   messages pass; pages of the log are asked for      the last page is here -> LIVE
             (a mediated reader joins again instead: what it is owed is not in the log of messages)

Pure: no clock, no sockets.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

from cadence.client.link import Progress
from cadence.rooms.wire import PAGE_ITEMS_MAX, After, Message, Redacted, Turn

ITEMS_MAX = 1000  # not taken yet
REDACTED_MAX = 10_000  # not taken yet; no server tells of more at once (protocol rule 5)
MISSED_MAX = 100_000  # messages read from the log after a long absence; beyond, `Missed` says what was left out


@dataclass(frozen=True, slots=True)
class Missed:
    """Messages that will not come: those above `after`, up to `to`. `history` has them, unless the log is a new one."""

    after: int
    to: int
    new_log: bool


Item = Message | Turn | Redacted | Missed


class Inbox:
    """`progress` says how far one has come and is kept up to date; `whole`: every message is for this receiver."""

    def __init__(
        self, progress: Progress, *, whole: bool, items_max: int = ITEMS_MAX, missed_max: int = MISSED_MAX
    ) -> None:
        self._progress = progress
        self._whole = whole
        self._items_max = items_max
        self._missed_max = missed_max
        self._items: deque[Item] = deque()
        self._redacted: dict[int, Redacted] = {}
        self._seen = 0  # the highest seq that is there to be read
        self._behind = False
        self._asked = False

    def __len__(self) -> int:
        return len(self._items) + len(self._redacted)

    def joined(self, before: Progress, goes_on: bool) -> None:
        """The room was joined; `before` is how far one had come, `goes_on` what `Link.joined` said."""
        now = self._progress
        self._behind = self._asked = False
        if goes_on or before.epoch is None:
            return
        head, new_log = now.seq, before.epoch != now.epoch
        if self._whole and not new_log and 0 <= head - before.seq <= self._missed_max:
            now.seq, self._seen, self._behind = before.seq, head, head > before.seq
        elif new_log or head > before.seq:
            self._items.append(Missed(before.seq, head, new_log))

    def message(self, message: Message) -> None:
        """A live or replayed message."""
        if message.seq <= self._progress.seq:
            return
        self._seen = max(self._seen, message.seq)
        hole = self._whole and message.seq > self._progress.seq + 1
        if self._behind or hole or len(self._items) >= self._items_max:
            self._behind = True
        else:
            self._keep(message)

    def turn(self, turn: Turn) -> None:
        """A turn of this reader."""
        if turn.turn <= self._progress.turn:
            return
        if self._behind or len(self._items) >= self._items_max:
            self._behind = True
        else:
            self._progress.turn = turn.turn
            self._items.append(turn)

    def page(self, items: tuple[Message | Turn, ...], more: bool) -> None:
        """The page that `wanted` asked for."""
        self._asked = False
        for item in items:
            if isinstance(item, Message) and item.seq > self._progress.seq:
                self._keep(item)
        if not more and (self._progress.seq >= self._seen or not items):
            self._behind = False

    def redacted(self, frame: Redacted) -> None:
        """A message was taken back: if it waits here it is erased, else whoever took it is told."""
        if frame.seq > self._progress.seq:
            return  # it will be read erased
        for place, item in enumerate(self._items):
            if isinstance(item, Message) and item.seq == frame.seq:
                self._items[place] = item.erased()
                return
            if isinstance(item, Turn):
                self._items[place] = item.without([(frame.room, frame.seq)])
        self._redacted[frame.seq] = frame
        if len(self._redacted) > REDACTED_MAX:
            del self._redacted[next(iter(self._redacted))]

    @property
    def behind(self) -> bool:
        """Whether there is more to be had than what is here."""
        return self._behind

    def wanted(self) -> Literal["page", "join"] | None:
        """What to ask of the server now: `page_limit` messages above `progress.seq`, or to join again."""
        if not self._behind or self._asked or self.page_limit < min(PAGE_ITEMS_MAX, self._items_max):
            return None
        self._asked = True
        return "page" if self._whole else "join"

    @property
    def page_limit(self) -> int:
        """How many messages a page may have."""
        return max(0, min(PAGE_ITEMS_MAX, self._items_max - len(self._items)))

    def cut(self) -> None:
        """The connection is gone, and so is what was asked for."""
        self._asked = False

    def take(self) -> Item | None:
        """The next, None if there is none: what was taken back first, then what came, in its order."""
        if self._redacted:
            return self._redacted.pop(next(iter(self._redacted)))
        return self._items.popleft() if self._items else None

    @property
    def taken(self) -> After:
        """How far what was taken goes: before the first that waits."""
        seq = next((item.seq - 1 for item in self._items if isinstance(item, Message)), self._progress.seq)
        turn = next((item.turn - 1 for item in self._items if isinstance(item, Turn)), self._progress.turn)
        return After(self._progress.epoch or "", seq, turn)

    def _keep(self, message: Message) -> None:
        self._progress.seq = message.seq
        self._items.append(message)
