"""Frames to bytes and back, and times as the wire spells them.

Pure: no clock, no files.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from cadence.rooms.wire.client import ClientFrame
from cadence.rooms.wire.explain import explain
from cadence.rooms.wire.server import ServerFrame

TIMES_MAX = 256  # spelled lately and remembered

_request: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_reply: msgspec.json.Decoder[ServerFrame] = msgspec.json.Decoder(ServerFrame)
_encoder = msgspec.json.Encoder()


def encode(frame: msgspec.Struct) -> bytes:
    """`frame` as UTF-8 JSON."""
    return _encoder.encode(frame)


def decode_reply(data: str | bytes) -> ServerFrame:
    """A server's frame, for clients of ours; raises `msgspec.DecodeError`."""
    return _reply.decode(data)


def decode_request(data: str | bytes) -> ClientFrame:
    """A client's frame. Raises `WireError` naming the field, what was expected and what came."""
    try:
        return _request.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise explain(data, str(error)) from None


def to_iso(seconds: float) -> str:
    """Seconds since the epoch as UTC ISO 8601, rounded to milliseconds, with Z."""
    # In whole milliseconds: a float that was read from .123 may lie below it, and truncation would lose one each time.
    return _spelled(round(seconds * 1000))


@lru_cache(TIMES_MAX)  # what is said in the same millisecond, and what is said of a message several times
def _spelled(milliseconds: int) -> str:
    whole, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(whole, UTC).isoformat()[:19]}.{rest:03d}Z"


def from_iso(text: str) -> float:
    """The inverse of `to_iso`, for any offset; raises `ValueError`, also where the offset is missing."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"expected a time with Z or an offset, got {text[:40]!r}")
    return moment.timestamp()


def json_schema() -> dict[str, Any]:
    """JSON Schema of all frames, the contract for strangers: {client, server, $defs}."""
    (client, server), definitions = msgspec.json.schema_components(
        [ClientFrame, ServerFrame], ref_template="#/$defs/{name}"
    )
    return {"client": client, "server": server, "$defs": definitions}
