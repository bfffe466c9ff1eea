"""Fetch a whole room from a running server, line by line: what `cadence export` does."""

from __future__ import annotations

from typing import BinaryIO

from cadence.address import Address
from cadence.remote import opened, path_of

CHUNK_BYTES = 64 * 1024


def export(address: Address, room: str, token: str, out: BinaryIO) -> int:
    """Write every message of `room` to `out`, a line each; returns how many. Blocks. Raises `RemoteError`.

    What was written before an error is a beginning of the room, and may end within a line.
    """
    lines = 0
    with opened(address, token, "GET", path_of("rooms", room, "export")) as answer:
        while chunk := answer.read(CHUNK_BYTES):
            out.write(chunk)
            lines += chunk.count(b"\n")
    out.flush()
    return lines
