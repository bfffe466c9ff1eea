"""Who speaks, under which name, and before whom.

Pure: frames in, answers out.
"""

from __future__ import annotations

from dataclasses import dataclass

from cadence.rooms.wire import Member

NAME_CHARS_MAX = 40
HUMANS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Cast:
    """Who speaks for the script's `id`: the name to ask for, and the token that proves it (None: a guest)."""

    id: str
    name: str
    token: str | None = None


class Humans:
    """Whether a human is in a room, from the frames an agent gets. Pure."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._unlisted = False

    @property
    def present(self) -> bool:
        """True also where the list of members was cut: better to play before nobody than not to play."""
        return self._unlisted or bool(self._ids)

    def whole(self, members: tuple[Member, ...], member_count: int) -> None:
        """These are the members, of `member_count`."""
        self._ids.clear()
        self._unlisted = member_count > len(members)
        self.changed(members, ())

    def changed(self, joined: tuple[Member, ...], left: tuple[str, ...]) -> None:
        """Some came, then some went."""
        for member in joined:
            if member.kind == "human" and len(self._ids) < HUMANS_MAX:
                self._ids.add(member.id)
        self._ids.difference_update(left)


def numbered(name: str, number: int) -> str:
    """`name` the first time, then `name 2` and so on, never over the limit of names."""
    if number == 1:
        return name[:NAME_CHARS_MAX].strip()
    tail = f" {number}"
    return name[: NAME_CHARS_MAX - len(tail)].strip() + tail
