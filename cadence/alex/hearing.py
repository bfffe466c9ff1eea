"""How the mediators of a room hear what is said: a human at once, an AI when they next look, as far as that will do.

So a message of an AI costs next to nothing for most of a crowd, and delays nobody (see `feed`).
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from cadence.alex.delivery import Delivery
from cadence.alex.events import Heard, Posted
from cadence.alex.feed import FEED_MESSAGES_MAX
from cadence.alex.reader import MediatedRoom, Reader
from cadence.alex.transcript import Entry


class Hearing:
    """`clock` gives seconds since the epoch."""

    def __init__(self, delivery: Delivery, clock: Callable[[], float]) -> None:
        self._delivery, self._clock = delivery, clock

    def human(
        self,
        mediated: MediatedRoom,
        entry: Entry,
        postpone: Callable[[Reader, int], None],
        elsewhere: AbstractSet[str],
    ) -> AbstractSet[str]:
        """All mediators hear a human at once; returns the readers who must not, for whom the message is postponed.

        Those who have pages at other nodes (`elsewhere`) have been told there.
        """
        withheld, now = set[str](), self._clock()
        for user, reader in mediated.readers.items():
            if reader.mediator is None:  # arriving: what it is owed is read from the log
                withheld.add(user)
                continue
            direct = reader.mediator.passes(entry) or user in elsewhere
            if not direct:
                withheld.add(user)
                postpone(reader, entry.seq)
            self._delivery.feed(reader, Posted(entry, direct), now=now)
        return withheld

    def agent(self, mediated: MediatedRoom, entry: Entry) -> AbstractSet[str]:
        """Of what an AI says only those hear at once who must; returns the readers who do not read raw."""
        feed, readers, now = mediated.feed, mediated.readers, self._clock()
        feed.add(entry, now)
        at_once = mediated.restless | {user: readers[user] for user in entry.involved & readers.keys()}
        raw = {user for user, one in at_once.items() if one.mediator is not None and one.mediator.passes(entry)}
        for reader in at_once.values():
            self._delivery.feed(reader, Heard(), now=now)
        if feed.full:
            self.catch_up(mediated)
        return readers.keys() - raw

    def catch_up(self, mediated: MediatedRoom) -> None:
        """Let whoever is far behind hear what was said, and forget what all have heard."""
        mediators = [(one, one.mediator) for one in mediated.readers.values() if one.mediator is not None]
        for reader, mediator in mediators:
            if mediator.heard < mediated.feed.end - FEED_MESSAGES_MAX // 2:
                self._delivery.feed(reader, Heard())
        mediated.feed.forget(mediator.heard for _, mediator in mediators)
