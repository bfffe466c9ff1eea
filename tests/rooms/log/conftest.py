"""One Redis for all tests of the log that want a Redis which stays up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import redis_server


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis_server.RedisServer]:
    if redis_server.find() is None:
        pytest.skip(redis_server.MISSING)
    pytest.importorskip("redis", reason="needs the extra `redis`")
    server = redis_server.RedisServer(tmp_path_factory.mktemp("redis"), appendfsync="everysec", cluster=True)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis_url(shared_redis: redis_server.RedisServer) -> str:
    """The address of a Redis that holds nothing."""
    shared_redis.ask("FLUSHALL")
    return shared_redis.url
