"""Names: what one may be called, and who is called so. Unique per server, whatever the case.

Pure. `Roster` says nothing about rooms; a room's members are `cadence.rooms.room`'s.
"""

from __future__ import annotations

import re
import unicodedata

NAME_CHARS_MAX = 40
SLUG_CHARS_MAX = 40

# Joiners hold emoji and several scripts together; every other invisible character only serves to deceive.
_JOINERS = "\u200c\u200d"


class NameRefused(ValueError):
    """A name that nobody can have; the text says what was expected and what came."""


def clean_name(raw: str, chars_max: int = NAME_CHARS_MAX) -> str:
    """`raw` as it will be shown: NFKC, no spaces around it. Raises `NameRefused`."""
    name = unicodedata.normalize("NFKC", raw).strip()
    if not 1 <= len(name) <= chars_max:
        raise NameRefused(f"expected a name of 1 to {chars_max} characters, got {len(name)}")
    for char in name:
        if char not in _JOINERS and (unicodedata.category(char)[0] == "C" or char in "\u2028\u2029"):
            raise NameRefused(f"expected a name without control characters, got U+{ord(char):04X}")
    if not name_key(name):
        raise NameRefused("expected a name that can be seen, got only joiners")
    return name


def name_key(name: str) -> str:
    """What two names share when nobody could tell them apart by ear: case and joiners do not count."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded.translate({ord(char): None for char in _JOINERS}))


def slug(name: str) -> str:
    """The readable half of a guest's id: [a-z0-9_-], never empty."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_-]+", "-", plain).strip("-_")[:SLUG_CHARS_MAX].strip("-_") or "guest"


class Roster:
    """Who holds which name. A reserved name is held by its owner even when nobody is there."""

    def __init__(self) -> None:
        self._holder: dict[str, str] = {}  # name key -> user
        self._key: dict[str, str] = {}  # user -> name key
        self._reserved: dict[str, str] = {}  # name key -> the user who may bear it

    def reserve(self, name: str, owner: str) -> None:
        """Keep `name` for the user `owner`, whoever holds it now."""
        self._reserved[name_key(name)] = owner

    def unreserve(self, name: str, owner: str) -> None:
        """Keep `name` for `owner` no longer."""
        key = name_key(name)
        if self._reserved.get(key) == owner:
            del self._reserved[key]

    def is_free(self, name: str, user: str) -> bool:
        """Whether `user` may be called `name`."""
        key = name_key(name)
        return self._reserved.get(key, user) == user and self._holder.get(key, user) == user

    def claim(self, name: str, user: str) -> None:
        """Give `name` to `user`, who lets go of an earlier one. Call only where `is_free`."""
        assert self.is_free(name, user)
        self.release(user)
        key = name_key(name)
        self._holder[key] = user
        self._key[user] = key

    def release(self, user: str) -> None:
        """`user` needs its name no longer."""
        key = self._key.pop(user, None)
        if key is not None:
            del self._holder[key]
