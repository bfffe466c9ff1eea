"""Who acts over HTTP: a token's or a session's user, or, on an open loopback, a guest who only gives a name.

Such a guest is made by the first request and is the same for later ones, until `RESUME_SECONDS` pass without any: it
says hello and is gone again within each, and resumes the next time. A name is no secret, so this is for the machine
that serves, where whoever can ask could be anyone here anyway; and never for a page of another site.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Header, Request
from msgspec import UNSET

from cadence.rooms import Clock
from cadence.rooms.access import asker
from cadence.rooms.identity import RESUME_SECONDS, Identity
from cadence.rooms.roster import NameRefused, clean_name, name_key
from cadence.rooms.wire import Hello, Member, WireError

GUESTS_MAX = 1_000  # with a name and without a connection
NAME_BYTES_MAX = 400

GuestName = Annotated[str | None, Header(alias="X-Cadence-Name", max_length=NAME_BYTES_MAX)]


@dataclass(slots=True)
class _Guest:
    used_at: float
    session: str | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Guests:
    """Guests by name. `hosts` are the names by which a browser may have reached this server."""

    def __init__(self, identity: Identity, clock: Clock, hosts: Collection[str]) -> None:
        self._identity, self._clock, self._hosts = identity, clock, frozenset(hosts)
        self._guests: dict[str, _Guest] = {}  # by key of the name, the longest unused first

    async def member(self, name: str, request: Request) -> Member:
        """Who `name`, as it stands in the header, is. Raises `WireError`: `conflict` if somebody else has the name."""
        self._check_page(request)
        try:
            wish = clean_name(_text(name))
        except NameRefused as refused:
            raise WireError("bad_field", f"`X-Cadence-Name`: {refused}", field="X-Cadence-Name") from None
        guest = self._guest(name_key(wish))
        async with guest.lock:  # two first requests must not become two guests
            resume = UNSET if guest.session is None else guest.session
            grant = await self._identity.greet(Hello(kind="agent", name=wish, resume=resume, client="HTTP"))
            guest.session = grant.session
            await self._identity.part(grant)
        return Member(grant.you.id, grant.you.name, grant.you.kind, grant.you.role)

    def _guest(self, key: str) -> _Guest:
        now = self._clock()
        for old in list(self._guests):
            if self._guests[old].used_at + RESUME_SECONDS > now or self._guests[old].lock.locked():
                break
            del self._guests[old]
        if key not in self._guests and len(self._guests) >= GUESTS_MAX:
            raise WireError("unavailable", "too many guests: try again in a while", retry_after_s=RESUME_SECONDS)
        guest = self._guests.pop(key, None) or _Guest(now)
        guest.used_at = now
        self._guests[key] = guest
        return guest

    def _check_page(self, request: Request) -> None:
        """Refuse what a page of another site sent, also one that points its own name at loopback."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        try:
            known = urlsplit(f"//{host}").hostname in self._hosts
            own = origin is None or urlsplit(origin).netloc == host
        except ValueError:  # a bracket that is never closed, say
            known = own = False
        if not (known and own):
            raise WireError("forbidden", "a name alone lets in only who asks on this machine, and no page elsewhere")


async def actor(
    identity: Identity, guests: Guests | None, request: Request, authorization: str | None, name: str | None
) -> Member:
    """Who acts; raises `WireError` for strangers. A token counts, whatever name is beside it."""
    if authorization is not None:
        who = asker(identity, authorization)
        if who is None:
            raise WireError("unauthorized", "this token lets in and names nobody: say hello over /ws, send its session")
        return who
    if name is not None and guests is not None and identity.open:
        return await guests.member(name, request)
    or_name = " or X-Cadence-Name" if guests is not None and identity.open else ""
    raise WireError("unauthorized", f"expected `Authorization: Bearer TOKEN`{or_name}, got neither: who are you?")


def _text(header: str) -> str:
    """A header's text: clients send UTF-8, servers read it as Latin-1."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header
