"""Fetch a whole room from a running server, line by line: what `cadence export` does."""

from __future__ import annotations

import json
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

from cadence.address import Address

CHUNK_BYTES = 64 * 1024
ERROR_BYTES_MAX = 64 * 1024
TOKEN_BYTES_MAX = 1024
SILENCE_SECONDS_MAX = 60.0


class ExportError(Exception):
    """The room could not be fetched to its end; the text is one sentence for the person who asked."""


def host_token(data: Path) -> str:
    """The host's token of the server whose data folder this is. Raises `ExportError`."""
    path = data / "host-token"
    try:
        with path.open("rb") as file:
            return file.read(TOKEN_BYTES_MAX).decode("ascii", "replace").strip()
    except OSError as error:
        raise ExportError(
            f"{path}: cannot be read: {error.strerror}; name the server's data folder with --data, or give --token"
        ) from None


def export(address: Address, room: str, token: str, out: BinaryIO) -> int:
    """Write every message of `room` to `out`, a line each; returns how many. Blocks. Raises `ExportError`.

    What was written before an error is a beginning of the room, and may end within a line.
    """
    if not token.isascii() or not token.isprintable():
        raise ExportError("expected a token of printable ASCII characters")
    url = address.http(f"/api/rooms/{quote(room, safe='')}/export")
    asked = Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        # It is our own server: a proxy of the environment knows nothing of it.
        with build_opener(ProxyHandler({})).open(asked, timeout=SILENCE_SECONDS_MAX) as answer:
            return _copy(answer, out)
    except HTTPError as error:
        with error:
            raise ExportError(_sentence(error.code, error.read(ERROR_BYTES_MAX))) from None
    except URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise ExportError(f"expected a Cadence at {address.http('')}, but: {reason}") from None
    except (HTTPException, TimeoutError, ConnectionError):
        raise ExportError("the server broke off: what was written is not the whole room; ask again") from None


def _copy(answer: HTTPResponse, out: BinaryIO) -> int:
    lines = 0
    while chunk := answer.read(CHUNK_BYTES):
        out.write(chunk)
        lines += chunk.count(b"\n")
    out.flush()
    return lines


def _sentence(status: int, body: bytes) -> str:
    """What the server said is wrong."""
    try:
        error: Any = json.loads(body)["error"]
        return "".join(char if char.isprintable() else " " for char in str(error["message"]))[:500]
    except (ValueError, KeyError, TypeError):
        return f"expected an export, got an answer with status {status}: is that a Cadence?"
