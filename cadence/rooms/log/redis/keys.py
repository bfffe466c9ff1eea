"""Where things lie in Redis: every key of a room shares one hash tag, so that a cluster keeps them in one slot.

Pure. Rooms and users may be any text, so they are percent-encoded: no brace of theirs can end the tag.
"""

from __future__ import annotations

from urllib.parse import quote

HOUSE = "cadence:{house}:"
"""What belongs to no room: sessions, names, and which nodes live."""


def prefix(room: str) -> str:
    """What the keys of `room` begin with."""
    return f"cadence:{{r{quote(room, safe='')}}}:"


def pair(user: str, other: str) -> str:
    """Two texts as one that no other two make: the first is preceded by its length."""
    return f"{len(user)}:{user}{other}"


def unpair(both: str) -> tuple[str, str]:
    """The inverse of `pair`."""
    size, _, rest = both.partition(":")
    return rest[: int(size)], rest[int(size) :]
