from __future__ import annotations

import pytest

from cadence.address import DEFAULT, Address, AddressError, parse_address


@pytest.mark.parametrize(
    ("text", "websocket"),
    [
        (DEFAULT, "ws://127.0.0.1:8765/ws"),
        ("http://127.0.0.1:8765/#ticket=a-b_c", "ws://127.0.0.1:8765/ws"),
        ("ws://127.0.0.1:8765/ws", "ws://127.0.0.1:8765/ws"),
        (" localhost:9000 ", "ws://localhost:9000/ws"),
        ("chat.example", "ws://chat.example/ws"),
        ("https://chat.example/cadence/", "wss://chat.example/cadence/ws"),
        ("wss://chat.example/cadence/ws", "wss://chat.example/cadence/ws"),
        ("http://[::1]:8765/?x=1", "ws://[::1]:8765/ws"),
    ],
)
def test_a_server_is_found_under_each_way_to_write_it(text: str, websocket: str) -> None:
    assert parse_address(text).websocket == websocket


def test_the_printed_address_brings_its_ticket() -> None:
    assert parse_address("http://127.0.0.1:8765/#ticket=a-b_c") == Address(False, "127.0.0.1:8765", "", "a-b_c")
    assert parse_address("http://127.0.0.1:8765/#ticket=").ticket is None


def test_paths_are_asked_under_the_prefix() -> None:
    assert parse_address("wss://chat.example/c/ws").http("/api/rooms") == "https://chat.example/c/api/rooms"


@pytest.mark.parametrize(
    "text", ["", "http://", "ftp://host", "http://host:port", "http://host:99999", "http://[", "a b", "http://u:p@host"]
)
def test_what_is_no_address_is_told_with_an_example(text: str) -> None:
    with pytest.raises(AddressError, match=r"^expected the address of a server, like http://127\.0\.0\.1:8765, got "):
        parse_address(text)


def test_an_address_without_end_is_not_repeated() -> None:
    with pytest.raises(AddressError) as caught:
        parse_address("ftp://" + "x" * 10_000)
    assert len(str(caught.value)) < 200
