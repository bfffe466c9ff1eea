"""Who asks over HTTP: what stands in the `Authorization` header, against what a request is for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from cadence.rooms.identity import Identity
from cadence.rooms.wire import Member, WireError, You

Authorization = Annotated[str | None, Header(max_length=1000)]


def asker(identity: Identity, authorization: str | None) -> Member | None:
    """Who asks; None is a stranger, whom only an open server lets read."""
    if authorization is None:
        if not identity.open:
            raise WireError("unauthorized", "expected `Authorization: Bearer TOKEN`, got none")
        return None
    scheme, _, token = authorization.partition(" ")
    token = token.strip() if scheme.lower() == "bearer" else ""
    you = identity.bearer(token)
    if you is None and token and not identity.open and identity.admits(token):
        return None
    if you is None:
        raise WireError("unauthorized", "expected `Authorization: Bearer TOKEN` with a valid token")
    return Member(you.id, you.name, you.kind, you.role)


def host(identity: Identity, authorization: str | None, what: str) -> Member:
    """The host who asks; raises `WireError` if it is somebody else."""
    who = asker(identity, authorization)
    if who is None:
        raise WireError("unauthorized", "expected a host's token in the Authorization header, got none")
    if who.role != "host":
        raise WireError("forbidden", f"only a host may {what}")
    return who


def bearer(identity: Identity, authorization: str | None) -> You:
    """Whoever has a token of their own, or goes on with what such a token began; raises `WireError`."""
    who = asker(identity, authorization)
    if who is None:
        raise WireError("unauthorized", "expected a token of your own in the Authorization header, got none")
    if not identity.is_fixed(who.id):
        raise WireError("forbidden", "expected a token of your own: a guest has none, ask the host")
    return You(who.id, who.name, who.kind, who.role)


def operator(identity: Identity, authorization: str | None) -> None:
    """Raise `WireError` unless a host asks, or whoever was given the server's entry token."""
    if authorization is None:
        raise WireError("unauthorized", "expected `Authorization: Bearer TOKEN`, got none")
    who = asker(identity, authorization)
    if who is not None and who.role != "host":
        raise WireError("forbidden", "only a host, or the server's own token, may read this")
