"""The line between a server and a mediator's process: one half of a pair of sockets, and frames on it.

A frame is four bytes of length, then a pickle. Both ends are this program, started by one another over a pair of
sockets that nobody else can open, so a pickle is as trusted as the code; what people send never is a pickle.
"""

from __future__ import annotations

import asyncio
import copyreg
import io
import pickle
import socket
import struct
from collections.abc import Callable
from typing import Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from cadence.rooms.wire import Alex, Message, Turn

FRAME_BYTES_MAX = 256 * 1024 * 1024  # a pyramid's nodes after weeks, with room to spare

_LENGTH = struct.Struct("!I")


def _unset() -> UnsetType:
    return UNSET


_pack = msgspec.msgpack.Encoder().encode
_read_message = msgspec.msgpack.Decoder(Message).decode
_read_turn = msgspec.msgpack.Decoder(Turn).decode
_read_alex = msgspec.msgpack.Decoder(Alex).decode


def _message(packed: bytes) -> Message:
    return _read_message(packed)


def _turn(packed: bytes) -> Turn:
    return _read_turn(packed)


def _alex(packed: bytes) -> Alex:
    return _read_alex(packed)


class _Pickler(pickle.Pickler):
    """Left to itself, pickle looks through every module for the name of each UNSET: 58 us for a message, not 2.

    It takes structs apart field by field, which is slow beside their own encoder: what comes often is packed by that.
    """

    dispatch_table = {
        **copyreg.dispatch_table,
        UnsetType: lambda _: (_unset, ()),
        Message: lambda message: (_message, (_pack(message),)),
        Turn: lambda turn: (_turn, (_pack(turn),)),
        Alex: lambda alex: (_alex, (_pack(alex),)),
    }


def _pickled(frame: Any) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(frame)
    return buffer.getvalue()


class Line(asyncio.Protocol):
    """One end of a line; `open` connects it, and what is sent before that is lost."""

    def __init__(self) -> None:
        self._received: Callable[[Any], None] = lambda frame: None
        self._lost: Callable[[], None] = lambda: None
        self._buffer = bytearray()
        self._transport: asyncio.WriteTransport | None = None

    async def open(self, end: socket.socket, received: Callable[[Any], None], lost: Callable[[], None]) -> None:
        """Speak over a connected socket, which is the line's from now on.

        `received` is called with each frame, `lost` once when the other end is gone.
        """
        self._received, self._lost = received, lost
        end.setblocking(False)
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=end)

    def send(self, frame: Any) -> None:
        """Queue a frame; one that the other end cannot get any more is dropped."""
        body = _pickled(frame)
        if len(body) > FRAME_BYTES_MAX:
            raise ValueError(f"expected a frame of at most {FRAME_BYTES_MAX} bytes, got {len(body)}")
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_LENGTH.pack(len(body)) + body)

    def close(self) -> None:
        """End the line when what is queued has been sent."""
        if self._transport is not None:
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # of uvloop, which does not say so

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        at = 0
        while len(self._buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, at)
            end = at + _LENGTH.size + length
            if end > len(self._buffer):
                break
            frame = pickle.loads(memoryview(self._buffer)[at + _LENGTH.size : end])
            at = end
            self._received(frame)
        del self._buffer[:at]

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._lost()
