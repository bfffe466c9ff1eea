"""Tokens for single persons and agents: who bears one is always the same user, with the same role, until it ends.

At rest there is only the sha256 of a token. A slow or salted hash (argon2) protects what people choose and others can
guess; these are 256 random bits, nobody tries them all, and looking one up by its hash costs what a dictionary costs
and tells nothing by how long it takes.

What changes is in the log, and in the audit log, before it has an effect.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, Struct

from cadence.rooms import Clock
from cadence.rooms.log import HostAction, Log
from cadence.rooms.roster import NameRefused, Roster, clean_name, name_key, slug
from cadence.rooms.wire import Kind, Role, WireError, You
from cadence.rooms.wire.hosting import NewToken

TOKENS_MAX = 10_000  # that are valid at once
ID_BYTES = 4
KIND = "token"  # of the log's small records


class Token(Struct, frozen=True):
    """One token as it is kept: `key` is its hash. Times in seconds since the epoch, `expires_at` None is never."""

    id: str
    key: str
    user: str
    name: str
    kind: Kind
    role: Role
    made_by: str
    made_at: float
    expires_at: float | None = None

    def holds(self, now: float) -> bool:
        """Whether it is still valid."""
        return self.expires_at is None or now < self.expires_at

    @property
    def you(self) -> You:
        """Whom it stands for."""
        return You(self.user, self.name, self.kind, self.role)


@dataclass(frozen=True, slots=True)
class Made:
    """A new token with its secret, which is told this once."""

    token: Token
    secret: str


class Tokens:
    """The valid tokens. Names of those who have one are kept for them in `roster`."""

    def __init__(
        self, store: Log, clock: Clock, roster: Roster, secret: Callable[[], str] = lambda: secrets.token_urlsafe(32)
    ) -> None:
        self._store, self._clock, self._roster, self._secret = store, clock, roster, secret
        self._by_key: dict[str, Token] = {}
        self._changing = asyncio.Lock()  # what is known here and what is in the log differ meanwhile
        self.taken: Callable[[str], bool] = lambda user: False  # ids that are somebody else's for good

    async def load(self) -> None:
        """Take over what is in the log; what has expired there is dropped."""
        for body in (await self._store.kept(KIND)).values():
            self._add(msgspec.json.decode(body, type=Token))
        await self.expire()

    async def refresh(self) -> list[str]:
        """Take over what other servers that share the log have changed; returns the users who have no token left."""
        async with self._changing:
            kept = [msgspec.json.decode(body, type=Token) for body in (await self._store.kept(KIND)).values()]
            over = [self._by_key[key] for key in self._by_key.keys() - {token.key for token in kept}]
            self._drop(over)
            for token in kept:
                if token.key not in self._by_key:
                    self._add(token)
        return [user for user in dict.fromkeys(token.user for token in over) if not self.of(user)]

    def find(self, key: str) -> Token | None:
        """The valid token with this hash."""
        found = self._by_key.get(key)
        return found if found is not None and found.holds(self._clock()) else None

    def all(self) -> list[Token]:
        """All that are valid, the oldest first."""
        now = self._clock()
        return sorted((token for token in self._by_key.values() if token.holds(now)), key=lambda one: one.made_at)

    def of(self, user: str) -> list[Token]:
        """The valid tokens of one user."""
        now = self._clock()
        return [token for token in self._by_key.values() if token.user == user and token.holds(now)]

    async def make(self, by: str, asked: NewToken) -> Made:
        """A new token; raises `WireError`. A second one for a user is for the same kind and role."""
        async with self._changing:
            return await self._make(by, asked)

    async def _make(self, by: str, asked: NewToken) -> Made:
        if len(self._by_key) >= TOKENS_MAX:
            raise WireError("unavailable", f"expected at most {TOKENS_MAX} tokens: revoke some first")
        now, secret = self._clock(), self._secret()
        user, name = self._whom(asked)
        expires_at = None if asked.expires_in_s is None else now + asked.expires_in_s
        id = key_of(secret)[: 2 * ID_BYTES]
        token = Token(id, key_of(secret), user, name, asked.kind, asked.role, by, now, expires_at)
        self._add(token)
        try:
            await self._store.record(HostAction(now, by, "token", "", user, expires_at, note=f"{asked.role} {id}"))
            await self._store.keep(KIND, id, msgspec.json.encode(token))
        except BaseException:
            self._drop([token])
            raise
        return Made(token, secret)

    async def revoke(self, by: str, id: str) -> Token:
        """End a token at once; raises `WireError`."""
        token = next((one for one in self.all() if one.id == id), None)
        if token is None:
            raise WireError("not_found", f"expected the id of a valid token, got `{id[:64]}`", field="id")
        await self._store.record(HostAction(self._clock(), by, "revoke", "", token.user, note=token.id))
        await self._end([token])
        return token

    async def expire(self) -> list[str]:
        """Drop what has expired; returns the users who have none left."""
        now = self._clock()
        over = [token for token in self._by_key.values() if not token.holds(now)]
        await self._end(over)
        return [user for user in dict.fromkeys(token.user for token in over) if not self.of(user)]

    async def forget(self, user: str) -> int:
        """Drop all tokens of a user; returns how many there were."""
        theirs = [token for token in self._by_key.values() if token.user == user]
        await self._end(theirs)
        return len(theirs)

    def _whom(self, asked: NewToken) -> tuple[str, str]:
        """The user and the name a new token is for."""
        try:
            name = clean_name(asked.name)
        except NameRefused as refused:
            raise WireError("bad_field", f"`name`: {refused}", field="name") from None
        user = slug(name) if asked.user is UNSET else asked.user
        theirs = self.of(user)
        if self.taken(user):
            raise WireError("conflict", f"`{user}` is somebody else here: choose another", field="user")
        if any((one.kind, one.role) != (asked.kind, asked.role) for one in theirs):
            raise WireError(
                "conflict",
                f"`{user}` is {theirs[0].kind} and {theirs[0].role}: revoke their tokens first, or choose another name",
                field="role",
            )
        if theirs and theirs[0].name != name and asked.user is UNSET:
            raise WireError("conflict", f"`{user}` is {theirs[0].name}: choose another name, or say user", field="name")
        for taken in (name, user):  # whoever is called like a user's id could be taken for them
            if not self._roster.is_free(taken, user):
                raise WireError("conflict", f"the name `{taken}` is taken: choose another", field="name")
        return user, name

    def _add(self, token: Token) -> None:
        self._by_key[token.key] = token
        for taken in (token.name, token.user):
            self._roster.reserve(taken, token.user)

    async def _end(self, over: Iterable[Token]) -> None:
        over = list(over)
        async with self._changing:
            for token in over:
                await self._store.keep(KIND, token.id, None)
            self._drop(over)

    def _drop(self, over: Iterable[Token]) -> None:
        for token in over:
            self._by_key.pop(token.key, None)
            left = [one for one in self._by_key.values() if one.user == token.user]
            kept = {name_key(name) for one in left for name in (one.name, one.user)}
            for name in (token.name, token.user):
                if name_key(name) not in kept:
                    self._roster.unreserve(name, token.user)


def key_of(secret: str) -> str:
    """What is kept of a secret, and found by."""
    return hashlib.sha256(secret.encode()).hexdigest()
