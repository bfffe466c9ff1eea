"""Runs the checks against one server: each with clients of its own, which are gone when it ends."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cadence import __version__
from cadence.conform.report import Failure, Report, Result, Skipped, expect, failed
from cadence.conform.stranger import Closed, Duplex, Frame, Refused, Stranger

CHECK_SECONDS_MAX = 60.0
ANSWER_SECONDS_MAX = 15.0
CLEANUP_SECONDS_MAX = 5.0
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

Http = Callable[[str, str, dict[str, str], bytes | None], Awaitable[tuple[int, bytes]]]


@dataclass(slots=True)
class Server:
    """What is judged. `dial` opens a connection, `http` (method, path, headers, body) asks beside it, if anything can.

    `room` may be spoken in, `token` makes a host if there is one, and `run` keeps the names of two runs apart.
    """

    dial: Callable[[], Awaitable[Duplex]]
    http: Http | None
    room: str
    token: str | None
    run: str
    clients: list[Stranger] = field(default_factory=list)
    named: int = 0

    def client(self, name: str | None, kind: str = "agent", token: str | None = None) -> Stranger:
        """One who has not come in yet."""
        self.named += 1  # names stay taken for a while after their bearer has left
        stranger = Stranger(None if name is None else f"{name} {self.run}-{self.named}", kind, token=token)
        self.clients.append(stranger)
        return stranger

    async def guest(self, name: str, kind: str = "agent", *, token: str | None = None) -> Stranger:
        """One who was welcomed."""
        stranger = self.client(name, kind, token)
        await stranger.open(await self.dial())
        return stranger

    async def member(self, name: str, kind: str = "agent", *, token: str | None = None, **view: Any) -> Stranger:
        """One who is in the room; `view` are fields of the view to join with."""
        stranger = await self.guest(name, kind, token=token)
        await stranger.join(self.room, view=view or None)
        return stranger

    async def host(self, feature: str) -> Stranger:
        """A host in the room, if `token` makes one and the server offers `feature`."""
        if self.token is None:
            raise Skipped("needs a host's token")
        stranger = await self.guest("Host", "human", token=self.token)
        if stranger.you["role"] != "host":
            raise Skipped("the token is no host's")
        welcome = stranger.received("welcome")[0]
        if feature not in welcome["features"]:
            raise Skipped(f"the server does not offer `{feature}`")
        await stranger.join(self.room)
        return stranger

    async def get(self, path: str, token: str | None = None, method: str = "GET") -> tuple[int, Any]:
        """Status and JSON of an HTTP request."""
        status, body = await self.fetch(method, path, token)
        try:
            return status, json.loads(body)
        except ValueError:
            raise Failure("JSON", f"{status} {body[:200]!r}") from None

    async def post(
        self, path: str, fields: Any, token: str | None = None, method: str = "POST", **headers: str
    ) -> tuple[int, Any]:
        """Status and JSON of an HTTP request with a body: JSON, or bytes as they are, or none."""
        data = fields if isinstance(fields, bytes | None) else json.dumps(fields).encode()
        status, body = await self.fetch(method, path, token, data, **headers)
        try:
            return status, json.loads(body)
        except ValueError:
            raise Failure("JSON", f"{status} {body[:200]!r}") from None

    async def fetch(
        self, method: str, path: str, token: str | None = None, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Status and body of an HTTP request."""
        if self.http is None:
            raise Skipped("needs HTTP")
        bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
        return await self.http(method, path, {**bearer, **headers}, body)


Check = Callable[[Server], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Rule:
    rule: str
    title: str
    check: Check


def rule(rules: list[Rule], number: str, title: str) -> Callable[[Check], Check]:
    """Put a check into `rules`."""

    def add(check: Check) -> Check:
        rules.append(Rule(number, title, check))
        return check

    return add


async def judge(
    server: Server, name: str, rules: Sequence[Rule], told: Callable[[Result], None] | None = None
) -> Report:
    """Run `rules` one after the other; `told` hears of each when it is done."""
    results = []
    for each in rules:
        result = await _run(server, each)
        results.append(result)
        if told is not None:
            told(result)
    return Report(f"{name} (kit {__version__})", tuple(results))


async def _run(server: Server, each: Rule) -> Result:
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            await each.check(server)
    except Skipped as why:
        return Result(each.rule, each.title, "skipped", why=str(why))
    except Failure as failure:
        return failed(each.rule, each.title, failure)
    except Refused as refused:
        return failed(each.rule, each.title, Failure("the request to be answered", refused.frame))
    except Closed as closed:
        return failed(each.rule, each.title, Failure("the connection to live", f"closed with {closed.code}"))
    except TimeoutError:
        return failed(each.rule, each.title, Failure("an answer in time", "none"))
    except (KeyError, TypeError, ValueError, AttributeError, AssertionError, IndexError) as error:
        return failed(
            each.rule, each.title, Failure("frames of the protocol's shape", f"{type(error).__name__} {error}")
        )
    except OSError as error:
        return failed(each.rule, each.title, Failure("a server that can be reached", str(error)))
    finally:
        await _leave(server)
    return Result(each.rule, each.title, "pass")


async def _leave(server: Server) -> None:
    clients, server.clients = server.clients, []
    for client in clients:
        try:
            async with asyncio.timeout(CLEANUP_SECONDS_MAX):
                await client.cut()
        except Exception:
            continue  # a frame that broke the client has been reported by the check


async def refused(stranger: Stranger, frame: Frame, code: str) -> Frame:
    """The error that answers `frame`; it must be `code`."""
    try:
        answer = await stranger.request(frame, within=ANSWER_SECONDS_MAX)
    except Refused as error:
        expect(error.code == code, f"error `{code}` for {_short(frame)}", error.frame)
        expect(error.frame.get("message"), "an error with a message for people", error.frame)
        return error.frame
    raise Failure(f"error `{code}` for {_short(frame)}", answer)


async def fence(stranger: Stranger) -> None:
    """Return when everything the server sent before now has arrived."""
    answer = await stranger.request({"type": "ping"}, within=ANSWER_SECONDS_MAX)
    expect(answer["type"] == "pong", "`pong` for `ping`", answer)


async def closed_with(stranger: Stranger, code: int) -> None:
    """The connection must end with `code`."""
    try:
        came = await stranger.over(within=ANSWER_SECONDS_MAX)
    except TimeoutError:
        raise Failure(f"close code {code}", "the connection stays open") from None
    expect(came == code, f"close code {code}", came)


async def message(stranger: Stranger, seq: int) -> Frame:
    """The message `seq`, waiting for it."""
    return await stranger.until(lambda f: f["type"] == "message" and f["seq"] == seq, within=ANSWER_SECONDS_MAX)


def error_code(body: Any) -> object:
    """The code in the body of a response, None if it is no error of the protocol's shape."""
    error = body.get("error") if isinstance(body, dict) else None
    return error.get("code") if isinstance(error, dict) and error.get("message") else None


def offered(status: int, body: Any) -> None:
    """Skip the rule if the server says that it does not offer this."""
    if status == 503 and error_code(body) == "unavailable":
        raise Skipped("the server does not offer this now")


def _short(frame: Frame) -> str:
    text = json.dumps(frame, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:118]} …"
