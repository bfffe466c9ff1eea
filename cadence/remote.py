"""A running server, asked over HTTP by the commands of those who keep it. Blocks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

from cadence.address import Address

ERROR_BYTES_MAX = 64 * 1024
ANSWER_BYTES_MAX = 64 * 1024 * 1024
TOKEN_BYTES_MAX = 1024
SILENCE_SECONDS_MAX = 60.0


class RemoteError(Exception):
    """The server could not be asked, or refused; the text is one sentence for the person who asked."""


def host_token(data: Path) -> str:
    """The host's token of the server whose data folder this is. Raises `RemoteError`."""
    path = data / "host-token"
    try:
        with path.open("rb") as file:
            return file.read(TOKEN_BYTES_MAX).decode("ascii", "replace").strip()
    except OSError as error:
        raise RemoteError(
            f"{path}: cannot be read: {error.strerror}; name the server's data folder with --data, or give --token"
        ) from None


def path_of(*steps: str) -> str:
    """A path of the API from steps that may hold anything."""
    return "/api/" + "/".join(quote(step, safe="") for step in steps)


def call(
    address: Address, token: str, method: str, path: str, body: object = None, within_s: float = SILENCE_SECONDS_MAX
) -> Any:
    """What the server answers, from JSON; None if that is nothing. Raises `RemoteError`."""
    with opened(address, token, method, path, body, within_s) as answer:
        data = answer.read(ANSWER_BYTES_MAX)
        try:
            return json.loads(data) if data else None
        except ValueError:
            raise RemoteError(
                f"expected JSON from {address.http('')}, got something else: is that a Cadence?"
            ) from None


@contextmanager
def opened(
    address: Address, token: str, method: str, path: str, body: object = None, within_s: float = SILENCE_SECONDS_MAX
) -> Iterator[HTTPResponse]:
    """The server's answer while it is read; whatever goes wrong then too is a `RemoteError`."""
    if not token.isascii() or not token.isprintable():
        raise RemoteError("expected a token of printable ASCII characters")
    data = None if body is None else json.dumps(body).encode()
    asked = Request(address.http(path), data, {"Authorization": f"Bearer {token}"}, method=method)
    if data is not None:
        asked.add_header("Content-Type", "application/json")
    try:
        # It is our own server: a proxy of the environment knows nothing of it.
        with build_opener(ProxyHandler({})).open(asked, timeout=within_s) as answer:
            yield answer
    except HTTPError as error:
        with error:
            raise RemoteError(_sentence(error.code, error.read(ERROR_BYTES_MAX))) from None
    except URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise RemoteError(f"expected a Cadence at {address.http('')}, but: {reason}") from None
    except (HTTPException, TimeoutError, ConnectionError):
        raise RemoteError("the server broke off: what came is not the whole; ask again") from None


def _sentence(status: int, body: bytes) -> str:
    """What the server said is wrong."""
    try:
        error: Any = json.loads(body)["error"]
        return "".join(char if char.isprintable() else " " for char in str(error["message"]))[:500]
    except (ValueError, KeyError, TypeError):
        return f"expected an answer of the protocol, got one with status {status}: is that a Cadence?"
