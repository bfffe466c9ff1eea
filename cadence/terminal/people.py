"""Who speaks and who is here: names, steady colours, and whom a typed name means.

Pure: frames in, answers out.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Protocol

from cadence.rooms.wire import Kind, Member
from cadence.terminal.text import Span, one_line

HUES = 12
PEOPLE_MAX = 10_000  # known by name; whoever was met first is forgotten first


class _Person(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Kind: ...


class People:
    """`here` are the members by id, as far as the server listed them; `count` is how many there are."""

    def __init__(self) -> None:
        self.here: dict[str, Member] = {}
        self.count = 0
        self._names: dict[str, str] = {}
        self._hues: dict[str, int] = {}

    def whole(self, members: Sequence[Member], count: int) -> None:
        """These are the members, of `count`."""
        self.here = {member.id: member for member in members}
        self.count = count
        # Agents first and by id, so that the cast of a room has the same colours on every visit.
        self.meet(sorted(members, key=lambda member: (member.kind == "human", member.id)))

    def changed(self, joined: Sequence[Member], left: Sequence[str]) -> tuple[list[str], list[str]]:
        """Some came, then some went; returns the ids of those of whom that is news."""
        came = [member.id for member in joined if member.id not in self.here]
        self.here.update({member.id: member for member in joined})
        self.meet(joined)
        went = [id for id in left if self.here.pop(id, None) is not None]
        self.count = max(len(self.here), self.count + len(came) - len(went))
        return came, went

    def meet(self, people: Iterable[_Person]) -> None:
        """Learn names, and give whoever is new a colour."""
        for person in people:
            self._names[person.id] = one_line(person.name)
            if person.id not in self._hues:
                self._hues[person.id] = self._free_hue(person)
        while len(self._names) > PEOPLE_MAX:
            oldest = next(iter(self._names))
            del self._names[oldest], self._hues[oldest]

    def name(self, id: str) -> str:
        """The name, or the id of somebody who left before we came."""
        return self._names.get(id) or one_line(id)

    def span(self, id: str) -> Span:
        """The name in its colour."""
        return self.name(id), f"hue{self._hues.get(id, _own_hue(id))}"

    def find(self, text: str) -> list[str]:
        """The ids that `text` can mean: one if it is an id or a name, else all whose names begin so."""
        wanted = text.removeprefix("@").strip().casefold()
        exact = [id for id, name in self._names.items() if wanted in (id, name.casefold())]
        here = [id for id in exact if id in self.here]
        if exact:
            return here or exact
        return [id for id in self.here if wanted and self.name(id).casefold().startswith(wanted)]

    def _free_hue(self, person: _Person) -> int:
        """Its own or, for agents, the next that nobody has: people come and go, and keep theirs."""
        hue = _own_hue(person.id)
        taken = set(self._hues.values())
        if person.kind == "agent" and len(taken) < HUES:
            while hue in taken:
                hue = (hue + 5) % HUES  # 5 and 12 share no factor: all are tried
        return hue


def _own_hue(id: str) -> int:
    return zlib.crc32(id.encode()) % HUES
