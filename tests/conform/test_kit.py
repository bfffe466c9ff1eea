from __future__ import annotations

import asyncio

from cadence.conform import kit
from cadence.conform.kit import Rule, Server, judge, rule
from cadence.conform.report import Result, Skipped, expect
from cadence.conform.stranger import Closed


async def nobody() -> None:
    raise OSError("connection refused")


def server() -> Server:
    return Server(nobody, None, "room", None, "t")  # type: ignore[arg-type]


async def outcome(check: kit.Check) -> Result:
    return (await judge(server(), "there", [Rule("1", "a rule", check)])).results[0]


async def test_whatever_a_check_meets_becomes_a_line_of_the_report() -> None:
    async def skips(server: Server) -> None:
        raise Skipped("not here")

    async def is_cut(server: Server) -> None:
        raise Closed(1006)

    async def stumbles(server: Server) -> None:
        {}["welcome"]

    async def fails(server: Server) -> None:
        expect(False, "a", "b")

    async def waits(server: Server) -> None:
        await asyncio.Event().wait()

    async def cannot_dial(server: Server) -> None:
        await server.guest("Ann")

    async def has_no_http(server: Server) -> None:
        await server.get("/livez")

    found = [await outcome(check) for check in (skips, is_cut, stumbles, fails, waits, cannot_dial, has_no_http)]
    assert [each.state for each in found] == ["skipped", "fail", "fail", "fail", "fail", "fail", "skipped"]
    assert [each.came for each in found[1:6]] == [
        "closed with 1006",
        "KeyError 'welcome'",
        "b",
        "none",
        "connection refused",
    ]


async def test_each_check_is_told_when_it_is_done() -> None:
    rules: list[Rule] = []
    told: list[str] = []

    @rule(rules, "1", "first")
    async def first(server: Server) -> None:
        assert told == []

    @rule(rules, "2", "second")
    async def second(server: Server) -> None:
        assert told == ["first"]

    report = await judge(server(), "there", rules, lambda result: told.append(result.title))
    assert report.conforms and told == ["first", "second"] and report.server.startswith("there (kit ")


def test_names_differ_from_check_to_check() -> None:
    there = server()
    assert len({there.client("Ann").name for _ in range(5)}) == 5
    assert there.client(None).name is None
