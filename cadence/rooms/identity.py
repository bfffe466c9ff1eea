"""Who a connection is: guests, the host, the personas of the house; their names, sessions and tokens.

A session is a secret the client holds; only its sha256 is kept. A guest may resume for `RESUME_SECONDS` after
its last connection closed, also over a restart; who came by a token may resume as long as they have a valid one.

    token given      host token -> the user `host`; persona token -> that persona; a token of `tokens` -> its user;
                     a ticket -> who asked for it; entry token -> as on an open server; else unauthorized
    no token         a valid `resume` -> who it was; on an open server -> a new guest; else unauthorized
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import structlog
from msgspec import UnsetType

from cadence.rooms import Clock
from cadence.rooms.log import Log, LogConflict, LogUnavailable, SessionRecord
from cadence.rooms.roster import NameRefused, Roster, clean_name, slug
from cadence.rooms.tokens import Tokens, key_of
from cadence.rooms.wire import Hello, Member, Role, WireError, You

RESUME_SECONDS = 120.0
TICKET_SECONDS = 24 * 3600.0
TICKETS_MAX = 1000  # not yet used
GUESTS_MAX = 10_000  # connected or resumable
GUEST_DIGITS_MIN = 4
TRIES_MAX = 8  # for a guest's name that is free, each with a digit more

HOST = "host"
HOST_NAME = "Host"
MEDIATOR = "alex"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a hello was given. `session` is the secret for the client, `key` what the server calls it by."""

    you: You
    session: str
    resumed: bool
    key: str


_THE_HOST = You(HOST, HOST_NAME, "human", "host")


@dataclass(frozen=True, slots=True)
class _Ticket:
    """Whose it is, until when."""

    you: You
    expires_at: float


@dataclass(slots=True)
class _Session:
    record: SessionRecord
    connections: int = 0


@dataclass(slots=True)
class _User:
    """Somebody connected: one name, however many sessions."""

    name: str
    connections: int = 0


class Identity:
    """Answers `hello`. `open` lets guests in without a token, `entry_token` those who show it.

    `shared`: other nodes must know every session, so that one which cannot be kept is not given.
    `barred` tells whether a host has shut somebody out, and `token` makes secrets, random unless given.
    """

    def __init__(
        self,
        store: Log,
        clock: Clock,
        *,
        host_token: str,
        open: bool,
        entry_token: str | None = None,
        barred: Callable[[str], bool] = lambda user: False,
        shared: bool = False,
        token: Callable[[], str] = secrets.token_urlsafe,
    ) -> None:
        self.open = open
        self._store = store
        self._clock = clock
        self._token = token
        self._barred = barred
        self._shared = shared
        self._owed: dict[str, SessionRecord] = {}  # by key: closed, and not kept yet; at most GUESTS_MAX and the others
        self._entry = None if entry_token is None else key_of(entry_token)
        self._roster = Roster()
        self.tokens = Tokens(store, clock, self._roster, token)
        self.tokens.taken = self.is_ours
        self._live: dict[str, _Session] = {}  # by key: connected
        self._resting: dict[str, _Session] = {}  # by key: guests who may resume, the earliest closed first
        self._users: dict[str, _User] = {}
        self._fixed = {key_of(host_token): _THE_HOST}
        self._persona_tokens: dict[str, str] = {}  # by persona id
        self._house: set[str] = set()  # ids and names that nobody else may have
        self.shut: set[str] = set()  # users who are being forgotten, and whose sessions are none any more
        self._tickets: dict[str, _Ticket] = {}  # by key, the earliest to expire first
        for name in (HOST, HOST_NAME):
            self._roster.reserve(name, HOST)
        self.reserve([MEDIATOR])

    async def load(self) -> None:
        """Take over the sessions of the last run: their names are taken until they expire."""
        now = self._clock()
        await self.tokens.load()
        records = await self._store.sessions_open_since(now - RESUME_SECONDS)
        for record in sorted(records, key=lambda record: now if record.closed_at is None else record.closed_at):
            if record.role == "guest" and self._roster.is_free(record.name, record.user):
                closed = now if record.closed_at is None else record.closed_at
                self._resting[record.key] = _Session(replace(record, closed_at=closed))
                self._roster.claim(record.name, record.user)

    def reserve(self, names: Iterable[str]) -> None:
        """Let nobody else bear these names (of personas that are not there yet, say)."""
        for name in names:
            self._house.add(name)
            self._roster.reserve(name, MEDIATOR)

    def persona_token(self, persona: str, name: str) -> str:
        """A token with which a connection of this process is the agent `persona`. The same on every call."""
        token = self._persona_tokens.setdefault(persona, self._token())
        self._fixed[key_of(token)] = You(persona, name, "agent", "member")
        for taken in (persona, name):
            self._roster.reserve(taken, persona)
        return token

    def ticket(self, you: You = _THE_HOST) -> str:
        """A token that makes one hello that of `you`, who has a token too; once, within `TICKET_SECONDS`."""
        now = self._clock()
        for key in [key for key, ticket in self._tickets.items() if ticket.expires_at <= now]:
            del self._tickets[key]
        while len(self._tickets) >= TICKETS_MAX:
            del self._tickets[next(iter(self._tickets))]
        ticket = self._token()
        self._tickets[key_of(ticket)] = _Ticket(you, now + TICKET_SECONDS)
        return ticket

    def member(self, user: str) -> Member | None:
        """Who `user` is: connected, gone for less than `RESUME_SECONDS`, or with a valid token."""
        if theirs := self.tokens.of(user):
            return Member(user, theirs[0].name, theirs[0].kind, theirs[0].role)
        self._expire()
        sessions = (*self._live.values(), *self._resting.values())
        found = next((one.record for one in sessions if one.record.user == user), None)
        return None if found is None else Member(found.user, found.name, found.kind, found.role)

    def forget(self, user: str) -> None:
        """Drop the sessions of a guest who is gone; their name is free."""
        for key in [key for key, session in self._resting.items() if session.record.user == user]:
            del self._resting[key]
        if user not in self._users:
            self._roster.release(user)

    def is_fixed(self, user: str) -> bool:
        """Whether `user` has a token that is valid now: their sessions may always be resumed."""
        return self.is_ours(user) or bool(self.tokens.of(user))

    def is_ours(self, user: str) -> bool:
        """The host, the mediator and the personas of the house."""
        return user == HOST or user in self._house or user in self._persona_tokens

    def bearer(self, token: str) -> You | None:
        """Who an HTTP request with this token or session is; None if nobody."""
        key = key_of(token)
        if (fixed := self._token_of(key)) is not None:
            return fixed
        self._expire()
        session = self._live.get(key) or self._resting.get(key)
        return _you(session.record) if session is not None and self._may_go_on(session.record) else None

    def _token_of(self, key: str) -> You | None:
        if (ours := self._fixed.get(key)) is not None:
            return ours
        found = self.tokens.find(key)
        return None if found is None else found.you

    def _may_go_on(self, record: SessionRecord) -> bool:
        """Whether a session is still somebody's: members and hosts only as long as they have a token."""
        return record.role == "guest" or self.is_fixed(record.user)

    def admits(self, token: str | None) -> bool:
        """Whether a stranger with this token (or none) may come in as a guest."""
        return self.open or (token is not None and key_of(token) == self._entry)

    async def greet(self, hello: Hello) -> Grant:
        """Answer `hello`; raises `WireError`. `part` must follow when the connection closes."""
        self._expire()
        fixed = self._credential(hello)
        found = await self._resumable(hello, fixed)
        if found is None and fixed is None and not self.admits(hello.token or None):
            raise WireError("unauthorized", "expected a token or a session to resume, got neither: ask the host")
        # From here to `_save` nothing waits: two hellos cannot share a name or a ticket.
        fixed = self._credential(hello)
        record, secret = self._resume(hello, found) if found is not None else self._begin(hello, fixed)
        if not isinstance(hello.token, UnsetType):
            self._tickets.pop(key_of(hello.token), None)
        self._arrive(record)
        try:
            await self._save(record)
            await self._pay()
        except LogUnavailable:
            self._abandon(record)
            raise WireError("unavailable", "no session can be kept now: try again", retry_after_s=1.0) from None
        except LogConflict:
            self._abandon(record)
            raise WireError("conflict", f"the name `{record.name}` is taken: choose another", field="name") from None
        except BaseException:
            self._depart(record.key)
            raise
        return Grant(_you(record), secret, found is not None, record.key)

    async def part(self, grant: Grant) -> None:
        """The connection that was given `grant` closed."""
        closed = self._depart(grant.key)
        if closed is None:
            return
        try:
            await self._save(closed)
        except LogUnavailable:
            self._owed[closed.key] = closed  # else its name were taken for as long as this node lives

    def _arrive(self, record: SessionRecord) -> None:
        session = self._live.get(record.key) or self._resting.pop(record.key, None) or _Session(record)
        session.record = record
        session.connections += 1
        self._live[record.key] = session
        self._users.setdefault(record.user, _User(record.name)).connections += 1

    def _depart(self, key: str) -> SessionRecord | None:
        """Count a connection out; returns the session's record if it was its last."""
        session = self._live[key]
        session.connections -= 1
        user = self._users[session.record.user]
        user.connections -= 1
        guest = session.record.role == "guest"
        if user.connections == 0:
            del self._users[session.record.user]
            if not guest:
                self._roster.release(session.record.user)
        if session.connections > 0:
            return None
        del self._live[key]
        session.record = replace(session.record, closed_at=self._clock())
        if guest:
            self._resting[key] = session
        return session.record

    def _abandon(self, record: SessionRecord) -> None:
        """Another node has given the name away: this session never was."""
        self._depart(record.key)
        if self._resting.pop(record.key, None) is not None and record.user not in self._users:
            self._roster.release(record.user)

    def _credential(self, hello: Hello) -> You | None:
        """Whom the token stands for. Found by its hash: how long that takes tells nothing about a token."""
        if isinstance(hello.token, UnsetType):
            return None
        key = key_of(hello.token)
        if (fixed := self._token_of(key)) is not None:
            return fixed
        if key == self._entry:
            return None
        ticket = self._tickets.get(key)
        if ticket is not None and ticket.expires_at > self._clock() and self.is_fixed(ticket.you.id):
            return ticket.you
        raise WireError("unauthorized", "the token is not valid here, or was used before: ask the host for a new one")

    async def _resumable(self, hello: Hello, fixed: You | None) -> SessionRecord | None:
        if isinstance(hello.resume, UnsetType):
            return None
        key = key_of(hello.resume)
        live = self._live.get(key) or self._resting.get(key)
        record = live.record if live is not None else await self._stored(key)
        if record is None or record.user in self.shut or (fixed is not None and fixed.id != record.user):
            return None
        if record.role != "guest" or self.is_fixed(record.user):
            return record if self._may_go_on(record) else None
        # Also one whose time to resume is over: under a new identity a page would walk in again by itself.
        if self._barred(record.user):
            raise WireError("forbidden", "a host has shut you out: ask them to let you in again", field="resume")
        if live is None and record.closed_at is not None and record.closed_at < self._clock() - RESUME_SECONDS:
            return None
        return record  # one that is not known here was given by another node

    async def _stored(self, key: str) -> SessionRecord | None:
        try:
            return await self._store.session(key)
        except LogUnavailable as error:
            log.warning("sessions cannot be read", error=str(error))
            message = "it cannot be seen now whether this session is known: try again in a moment"
            raise WireError("unavailable", message, field="resume", retry_after_s=1.0) from None

    def _resume(self, hello: Hello, record: SessionRecord) -> tuple[SessionRecord, str]:
        assert not isinstance(hello.resume, UnsetType)
        usual = record.name if self._roster.is_free(record.name, record.user) else self._default_name(record.role)
        return replace(record, name=self._settle(hello, record.user, usual), closed_at=None), hello.resume

    def _begin(self, hello: Hello, fixed: You | None) -> tuple[SessionRecord, str]:
        if fixed is None:
            return self._new_guest(hello)
        secret = self._token()
        name = self._settle(hello, fixed.id, fixed.name)
        return SessionRecord(key_of(secret), fixed.id, name, fixed.kind, fixed.role), secret

    def _new_guest(self, hello: Hello) -> tuple[SessionRecord, str]:
        if len(self._live) + len(self._resting) >= GUESTS_MAX:
            raise WireError("unavailable", "too many guests: try again in a while", retry_after_s=RESUME_SECONDS)
        wish = self._wish(hello)
        name = wish if wish is not None else self._default_name("guest")
        user = f"{slug(name)}-{key_of(self._token())[:10]}"
        secret = self._token()
        return SessionRecord(key_of(secret), user, self._settle(hello, user, name), hello.kind, "guest"), secret

    def _settle(self, hello: Hello, user: str, usual: str) -> str:
        """The name of `user` from now on. One who is connected keeps it; a persona's is its card's."""
        if user in self._users:
            return self._users[user].name
        wish = None if user in self._persona_tokens else self._wish(hello)
        name = usual if wish is None else wish
        if not self._roster.is_free(name, user):
            raise WireError("conflict", f"the name `{name}` is taken: choose another", field="name")
        self._roster.claim(name, user)
        return name

    def _default_name(self, role: Role) -> str:
        if role == "host":
            return HOST_NAME
        for digits in range(GUEST_DIGITS_MIN, GUEST_DIGITS_MIN + TRIES_MAX):
            name = f"Guest {int(key_of(self._token())[:24], 16) % 10**digits:0{digits}}"
            if self._roster.is_free(name, ""):
                return name
        raise WireError("unavailable", "no free guest name was found: choose a name", field="name")

    def _wish(self, hello: Hello) -> str | None:
        if isinstance(hello.name, UnsetType):
            return None
        try:
            return clean_name(hello.name)
        except NameRefused as refused:
            raise WireError("bad_field", f"`name`: {refused}", field="name") from None

    def _expire(self) -> None:
        """Forget guests who can no longer resume; their names are free again."""
        limit = self._clock() - RESUME_SECONDS
        for key, session in list(self._resting.items()):
            if session.record.closed_at is None or session.record.closed_at >= limit:
                break
            del self._resting[key]
            self._roster.release(session.record.user)

    async def _save(self, record: SessionRecord) -> None:
        try:
            await self._store.save_session(record)
        except LogUnavailable as error:
            # Better a session that does not survive a restart than a reader locked out by a full disk.
            log.warning("session not kept", user=record.user, error=str(error))
            if self._shared:
                raise

    async def reaffirm(self) -> None:
        """Keep all sessions that are open once more: other nodes may have closed them, thinking this one dead."""
        for session in list(self._live.values()):
            try:
                await self._save(session.record)
            except LogConflict:
                log.warning("name given away meanwhile", user=session.record.user)

    async def _pay(self) -> None:
        """Keep what could not be kept when it closed, unless it is open again."""
        for key, record in list(self._owed.items()):
            if key not in self._live:
                await self._save(record)
            self._owed.pop(key, None)


def _you(record: SessionRecord) -> You:
    return You(record.user, record.name, record.kind, record.role)
