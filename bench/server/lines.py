"""What each server speaks over a raw websocket: how one enters, how one says something, what one counts.

Sockets are blocking while people enter. Frames are masked with zero: legal, and it costs the client nothing.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass

TEXT_BYTES = 200
MARK = b"~~"  # begins each text; followed by the nanosecond it was sent, 19 digits
STAMP_DIGITS = 19
HEAD_BYTES_MAX = 16 * 1024


def text_of(size: int, sent_ns: int) -> bytes:
    """A text of `size` bytes that tells when it was sent."""
    return (MARK + b"%019d" % sent_ns).ljust(size, b"x")


def masked(payload: bytes, opcode: int = 1) -> bytes:
    """One final client frame (RFC 6455)."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + bytes(4) + payload


@dataclass(frozen=True, slots=True)
class Line:
    """The dialect of one server. `path` of its websocket; `protocol` to ask for."""

    path: str = "/"
    protocol: str = ""

    def dial(self, port: int) -> socket.socket:
        """Connect and shake hands."""
        end = socket.create_connection(("127.0.0.1", port), timeout=30)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asked = f"Sec-WebSocket-Protocol: {self.protocol}\r\n" if self.protocol else ""
        end.sendall(
            (
                f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{asked}\r\n"
            ).encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += end.recv(1)  # byte by byte: what follows the head belongs to the first frames
            if len(head) > HEAD_BYTES_MAX or head[:12] not in b"HTTP/1.1 101":
                raise RuntimeError(f"expected the handshake to succeed, got {head[:200]!r}")
        return end

    def enter(self, end: socket.socket, name: str) -> None:
        """Do what it takes to receive what is said."""

    def say(self, number: int, text: bytes) -> bytes:
        """The bytes that make the server tell everybody `text`."""
        return masked(text)


class Cadence(Line):
    """An agent in the room: the raw stream, each message made durable first."""

    def enter(self, end: socket.socket, name: str) -> None:
        end.sendall(masked(json.dumps({"type": "hello", "kind": "agent", "name": name}).encode()))
        until(end, b'"type":"welcome"')
        end.sendall(masked(json.dumps({"type": "join", "room": "meeting"}).encode()))
        until(end, b'"type":"joined"')

    def say(self, number: int, text: bytes) -> bytes:
        return masked(b'{"type":"say","room":"meeting","id":"%d","text":"%s"}' % (number, text))


class Nats(Line):
    """A subscriber of one subject; core NATS, nothing is kept."""

    def enter(self, end: socket.socket, name: str) -> None:
        end.sendall(masked(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB m 1\r\nPING\r\n', 2))
        until(end, b"PONG")

    def say(self, number: int, text: bytes) -> bytes:
        return masked(b"PUB m %d\r\n%s\r\n" % (len(text), text), 2)


class SocketIo(Line):
    """Engine.IO 4 over a websocket from the start, one event."""

    def enter(self, end: socket.socket, name: str) -> None:
        until(end, b'"sid"')
        end.sendall(masked(b"40"))
        until(end, b"40{")

    def say(self, number: int, text: bytes) -> bytes:
        return masked(b'42["m","%s"]' % text)


LINES: dict[str, Line] = {
    "cadence": Cadence("/ws", "cadence.v1"),
    "nats": Nats("/"),
    "socket.io": SocketIo("/socket.io/?EIO=4&transport=websocket"),
    "ws": Line("/"),
    "fastapi": Line("/ws"),
}


def until(end: socket.socket, sign: bytes) -> None:
    """Read until `sign` has come."""
    seen = b""
    while sign not in seen:
        data = end.recv(65536)
        if not data:
            raise RuntimeError(f"expected {sign!r}, got the end of the connection after {seen[-200:]!r}")
        seen = seen[-200:] + data
