"""Scripts: named, known only under their nonce, and each of them a program that Redis takes."""

from __future__ import annotations

import pytest

from cadence.rooms.log.redis import scripts
from tests.redis_server import RedisServer


def test_a_nonce_makes_every_script_another() -> None:
    one, other = scripts.digests("one"), scripts.digests("other")
    assert one.keys() == other.keys() == scripts.texts("one").keys()
    assert not set(one.values()) & set(other.values())
    assert len(set(one.values())) == len(one)


@pytest.mark.parametrize("name", sorted(scripts.ALL))
def test_redis_takes_every_script_and_knows_it_by_its_digest(name: str, shared_redis: RedisServer) -> None:
    text = scripts.texts("nonce")[name]
    assert scripts.digests("nonce")[name] in shared_redis.ask("SCRIPT", "LOAD", text)


def test_what_is_written_for_a_reader_asks_for_its_fence() -> None:
    assert all("FENCED" in scripts.ALL[name] for name in ("turn", "reader", "keep"))
