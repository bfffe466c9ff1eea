"""The proof holds on both loops, and each thing it looks for can be missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from cadence import fastpath
from cadence.fastpath import why_not

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]


def verdict(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> str:
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(why_not())


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_the_pinned_server_offers_its_transport(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    assert verdict(loop_factory) == ""


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_server_without_a_transport_behind_send_is_found_out(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fastpath, "wire_of", lambda send: None)
    assert verdict(loop_factory) == "no transport is behind this server's send"


def test_frames_that_come_otherwise_than_written_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastpath, "text_frame", lambda payload: b"\x81\x01x")
    assert verdict(asyncio.new_event_loop) == "frame 0 came as another than was written"


def test_frames_that_are_none_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastpath, "text_frame", lambda payload: b"\xff\xff\xff")
    assert verdict(asyncio.new_event_loop) == "what was written is no frame to a client"


def test_a_full_transport_that_does_not_say_so_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WebSocketsSansIOProtocol, "pause_writing", lambda self: None)
    monkeypatch.setattr(fastpath, "FILL_BYTES_MAX", 4 * 1024 * 1024)
    assert verdict(asyncio.new_event_loop) == "a full transport does not say so"


def test_a_transport_that_never_has_room_again_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WebSocketsSansIOProtocol, "resume_writing", lambda self: None)
    monkeypatch.setattr(fastpath, "SECONDS_MAX", 0.2)
    assert verdict(asyncio.new_event_loop) == "the proof took more than 0.2 s"


def test_a_proof_that_breaks_is_a_verdict_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(app: Any) -> Any:
        raise RuntimeError("another uvicorn")

    monkeypatch.setattr(fastpath, "server_config", broken)
    assert verdict(asyncio.new_event_loop) == "the proof failed: RuntimeError"
