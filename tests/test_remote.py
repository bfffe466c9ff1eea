"""Asking a server over HTTP: what it says, and what it cannot say. See also tests/test_export.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cadence.address import Address, parse_address
from cadence.remote import RemoteError, call, host_token, path_of

pytestmark = pytest.mark.real_time


@asynccontextmanager
async def answering(answer: bytes, asked: list[bytes]) -> AsyncIterator[Address]:
    """A server that says `answer` to everybody and keeps what it was asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
        asked.append(head + await reader.readexactly(length))
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield parse_address(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")


def ok(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def test_what_is_asked_and_what_is_answered_is_json() -> None:
    asked: list[bytes] = []
    async with answering(ok(b'{"user": "bea"}'), asked) as address:
        path = path_of("rooms", "a/../b", "invitations")
        assert await asyncio.to_thread(call, address, "t", "POST", path, {"name": "Bea"}) == {"user": "bea"}
    assert asked[0].startswith(b"POST /api/rooms/a%2F..%2Fb/invitations HTTP/1.1")
    assert b"Authorization: Bearer t\r\n" in asked[0] and asked[0].endswith(b'{"name": "Bea"}')


async def test_no_content_is_nothing() -> None:
    async with answering(b"HTTP/1.1 204 No Content\r\n\r\n", []) as address:
        assert await asyncio.to_thread(call, address, "t", "DELETE", "/api/tokens/1") is None


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (ok(b'{"error": {"code": "conflict", "message": "taken\\u001b[31m"}}', "409 Conflict"), "taken [31m"),
        (ok(b"<html>", "502 Bad Gateway"), "with status 502: is that a Cadence"),
        (ok(b"<html>"), "expected JSON"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", "expected JSON"),
    ],
)
async def test_a_refusal_is_one_sentence(answer: bytes, sentence: str) -> None:
    async with answering(answer, []) as address:
        with pytest.raises(RemoteError) as caught:
            await asyncio.to_thread(call, address, "t", "GET", "/api/tokens")
    assert sentence in str(caught.value)


def test_the_token_is_found_in_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "host-token").write_text("secret-secret-secret\n")
    assert host_token(tmp_path) == "secret-secret-secret"
    with pytest.raises(RemoteError, match="cannot be read: No such file or directory; name the server's data folder"):
        host_token(tmp_path / "nowhere")
