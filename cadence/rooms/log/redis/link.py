"""The way to Redis: calls scripts, survives cuts, and lets nothing reach a Redis that was not examined.

Redis may come back from a restart with less than it acknowledged: with `appendfsync everysec` up to a second, after
a failover what had not been copied. A client that simply connects again would number new messages like lost ones.
So no command is sent by name: each is a script that only the examined process knows (see `scripts`). A restart
forgets scripts, the next call fails with NOSCRIPT, and the Redis that answers now is examined before anything else.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    NoScriptError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from cadence.rooms.log import LogError, LogFenced, LogUnavailable
from cadence.rooms.log.redis import scripts

ANSWER_SECONDS_MAX = 5.0  # for one answer, beyond which the connection counts as dead
RETRY_SECONDS_MAX = 1.5  # how long a call goes on trying before its caller is told that the store is away
RETRY_PAUSE_SECONDS = 0.05
CONNECTIONS_MAX = 32
VERSION_MIN = (6, 2)

log = structlog.get_logger(__name__)


_AWAY = (NoScriptError, BusyLoadingError, ConnectionError, TimeoutError, OSError)
Call = tuple[str, tuple[Any, ...]]  # what the keys begin with, and the arguments


class UnknownRoom(LogError):
    """A write to a room that has no log."""


@dataclass(frozen=True, slots=True)
class Incarnation:
    """One life of Redis. `durable`: it answers a write only after it is on disk."""

    run: str
    durable: bool


def client(url: str, answer_s: float = ANSWER_SECONDS_MAX) -> redis.Redis:
    """A client that never repeats a command by itself. Raises `LogError` for what is no address of a Redis."""
    try:
        pool = redis.BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            socket_timeout=answer_s,
            socket_connect_timeout=ANSWER_SECONDS_MAX,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            timeout=ANSWER_SECONDS_MAX,
        )
    except ValueError as error:
        raise LogError(f"expected redis://HOST:PORT, rediss:// or unix://, got another address: {error}") from None
    return redis.Redis(connection_pool=pool)


class Link:
    """Calls scripts of one Redis. `prove` is awaited after each examination, before any other call goes on."""

    def __init__(self, url: str, prove: Callable[[Incarnation], Awaitable[None]]) -> None:
        self._client = client(url)
        self._prove = prove
        self._digests: dict[str, str] = {}
        self._examining = asyncio.Lock()
        self.closed = False
        self.examinations = 0

    async def open(self) -> None:
        """Examine the Redis for the first time. Raises `LogError` if it cannot serve."""
        try:
            await self._check()
            await self._examine("")
        except AuthenticationError as error:
            raise LogError(f"Redis refused us: {error}; put user and password into the address") from None
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"expected a Redis that answers, got: {error}") from None

    async def call(self, name: str, prefix: str, *args: Any) -> Any:
        """Run a script on the keys that begin with `prefix`. Raises `LogUnavailable` and what scripts refuse."""
        (answer,) = await self.call_each(name, [(prefix, args)])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def call_each(self, name: str, calls: Sequence[Call]) -> list[Any]:
        """Run a script for each of `calls`, all in one write; what `call` would raise stands where an answer would."""
        loop = asyncio.get_running_loop()
        until = loop.time() + RETRY_SECONDS_MAX
        answers: list[Any] = [None] * len(calls)
        left = list(range(len(calls)))
        while left:
            if self.closed:
                closed = LogUnavailable("expected an open log, got one that was closed: open it again")
                return _filled(answers, left, closed)
            if self._examining.locked():
                async with self._examining:
                    continue
            digest, again = self._digests[name], list[int]()
            try:
                found = await self._evaluate(digest, [calls[at] for at in left])
                for at, answer in zip(left, found, strict=True):
                    if isinstance(answer, NoScriptError):
                        again.append(at)
                    elif isinstance(answer, ResponseError):
                        answers[at] = _refusal(str(answer), calls[at][0])
                    else:
                        answers[at] = answer
                left = again
                if left:
                    await self._examine(digest)
            except _AWAY as error:
                if loop.time() >= until:
                    away = LogUnavailable(f"expected an answer of Redis, got: {error}; try again")
                    return _filled(answers, left, away)
                await asyncio.sleep(RETRY_PAUSE_SECONDS)
            except ResponseError as error:
                return _filled(answers, left, _refusal(str(error), calls[left[0]][0]))
        return answers

    async def prove_call(self, name: str, prefix: str, *args: Any) -> Any:
        """A call made while examining: it fails rather than reach another life of Redis."""
        (answer,) = await self._evaluate(self._digests[name], [(prefix, args)])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        """Disconnect; every later call raises `LogUnavailable`."""
        self.closed = True
        await self._client.aclose(close_connection_pool=True)

    async def _evaluate(self, digest: str, calls: Sequence[Call]) -> list[Any]:
        """An answer for each call, or the `ResponseError` that it got."""
        pool = self._client.connection_pool
        connection = await pool.get_connection()
        try:
            commands = [("EVALSHA", digest, 1, prefix, *args) for prefix, args in calls]
            await connection.send_packed_command(connection.pack_commands(commands))
            return [await _answer(connection) for _ in commands]
        except BaseException:
            await connection.disconnect(nowait=True)  # what it still answers is not for whoever has it next
            raise
        finally:
            await pool.release(connection)

    async def _examine(self, failed: str) -> None:
        """Load the scripts, then look at the Redis that knows them; `failed` is the digest it did not know."""
        async with self._examining:
            if failed and failed not in self._digests.values():
                return  # somebody else examined it meanwhile
            try:
                nonce = secrets.token_hex(8)
                for text in scripts.texts(nonce).values():
                    await self._client.execute_command("SCRIPT", "LOAD", text)
                incarnation = await self._look()
                self._digests = scripts.digests(nonce)
                await self._prove(incarnation)
                self.examinations += 1
            except BaseException:
                self._digests = scripts.digests("none")  # so that the next call examines again
                raise

    async def _look(self) -> Incarnation:
        server = await self._client.info("server")
        copied = await self._client.info("replication")
        # After a failover the second id is that of the lost primary, of which not all may have been copied.
        whole = str(copied.get("master_replid2", "")).strip("0") == ""
        durable = whole and await self._config("appendonly") == "yes" and await self._config("appendfsync") == "always"
        return Incarnation(str(server["run_id"]), durable)

    async def _config(self, name: str) -> str:
        try:
            found = await self._client.execute_command("CONFIG GET", name)
        except ResponseError:  # a managed Redis that keeps its settings to itself proves nothing
            return ""
        return str(found.get(name, ""))

    async def _check(self) -> None:
        server = await self._client.info("server")
        version = tuple(int(part) for part in str(server["redis_version"]).split(".")[:2])
        if version < VERSION_MIN:
            raise LogError(f"expected Redis {'.'.join(map(str, VERSION_MIN))} or newer, got {server['redis_version']}")
        policy = await self._config("maxmemory-policy")
        if policy not in ("", "noeviction"):
            raise LogError(f"expected maxmemory-policy noeviction, got {policy}: Redis would throw messages away")
        if server.get("redis_mode") == "cluster":
            size = int((await self._client.execute_command("CLUSTER INFO"))["cluster_size"])
            if size > 1:
                raise LogError(f"expected one primary, got a cluster of {size}: rooms over several are not served yet")


async def _answer(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


def _filled(answers: list[Any], left: Sequence[int], error: LogError) -> list[Any]:
    """`answers` with `error` for all that are `left`."""
    for at in left:
        answers[at] = error
    return answers


def _refusal(text: str, prefix: str) -> LogError:
    if "FENCED" in text:
        return LogFenced("expected to mediate this reader, but another node does now: nothing was kept")
    if "NOROOM" in text:
        return UnknownRoom(f"expected a room that was opened, got {prefix!r}: call `open_room` first")
    return LogUnavailable(f"expected Redis to write, got: {text[:200]}; nothing was kept, try again")
