"""Answers `why`: finds a stored turn, the reasons kept for it, and how prose for its time came about."""

from __future__ import annotations

from typing import Any

from cadence.alex.reader import MediatedRoom
from cadence.alex.why import explained
from cadence.rooms.mediation import ReaderStore
from cadence.rooms.wire import Member, WireError


async def why(store: ReaderStore, mediated: MediatedRoom | None, by: Member, user: str, turn: int) -> dict[str, Any]:
    """Why a turn of a reader is as it is, for them or a host. Raises `WireError`, `StoreUnavailable`."""
    if by.id != user and by.role != "host":
        raise WireError("forbidden", "only its reader or a host may ask why a turn is as it is")
    found = await store.turns(mediated.room, user, before=turn + 1, limit=1) if mediated is not None else []
    if mediated is None or not found or found[0].turn != turn:
        raise WireError("not_found", f"expected the number of a turn that `{user}` got, got {turn}")
    covers, reader = found[0].covers, mediated.readers.get(user)
    cited = [seq for segment in found[0].at_home() for seq in segment.sources]
    first = min([*cited, *([covers.from_] if covers is not None else [])], default=1)
    traces = mediated.transcript.written.traces(first, covers.to) if covers is not None else []
    reasons = reader.reasons.get(turn) if reader is not None else None
    return explained(found[0], reasons, traces, mediated.transcript.entry)
