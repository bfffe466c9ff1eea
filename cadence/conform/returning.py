"""Coming back after a cut, and taking back (rules 5 and 8)."""

from __future__ import annotations

from functools import partial

from cadence.conform.kit import ANSWER_SECONDS_MAX, Rule, Server, fence, message, refused, rule
from cadence.conform.report import expect
from cadence.conform.stranger import Stranger

RULES: list[Rule] = []
_rule = partial(rule, RULES)
MISSED = 20


@_rule("5", "who comes back gets what was missed, in order, each once, and then what is new")
async def recovers(server: Server) -> None:
    ann, bob = await server.member("Ann"), await server.member("Bob")
    await message(bob, (await ann.say(server.room, "Before the cut."))["seq"])
    await bob.cut()
    for number in range(MISSED):
        await ann.say(server.room, f"Missed {number}.")
    await bob.open(await server.dial())
    joined = await bob.join(server.room)
    expect(joined["recovered"] is True, "`recovered` true", joined)
    last = (await ann.say(server.room, "After the cut."))["seq"]
    await message(bob, last)
    await fence(bob)
    seqs = [f["seq"] for f in bob.received("message")]
    whole = list(range(seqs[0], seqs[0] + len(seqs)))
    expect(seqs == whole and seqs[-1] >= last, f"every seq from {seqs[0]} to {last}, each once, ascending", seqs)


@_rule("5", "another epoch, or a place the room never came to, is `recovered` false")
async def other_epoch(server: Server) -> None:
    ann = await server.member("Ann")
    epoch = ann.places[server.room].epoch
    for after in ({"epoch": f"not-{epoch}", "seq": 0}, {"epoch": epoch, "seq": 2**40}):
        await ann.leave(server.room)
        joined = await ann.request({"type": "join", "room": server.room, "after": after})
        expect(joined["recovered"] is False, f"`recovered` false after {after}", joined)
        expect(joined["epoch"] == epoch, f"the epoch {epoch}", joined)


@_rule("5", "saying again after a cut says it once")
async def says_once(server: Server) -> None:
    ann = await server.member("Ann")
    said = await ann.say(server.room, "Twice sent.", id=f"again-{server.run}")
    await ann.cut()
    await ann.open(await server.dial())
    await ann.join(server.room)
    again = await ann.say(server.room, "Twice sent.", id=f"again-{server.run}")
    expect((again["seq"], again["at"]) == (said["seq"], said["at"]), f"the same `said`: {said}", again)


@_rule("8", "what is taken back is gone: told to all, empty in history, and its id still answers")
async def redacts(server: Server) -> None:
    ann, bob = await server.member("Ann"), await server.member("Bob")
    said = await ann.say(server.room, "A secret.", id=f"secret-{server.run}", parts=[{"kind": "data", "body": "1"}])
    await message(bob, said["seq"])
    await refused(bob, {"type": "redact", "room": server.room, "seq": said["seq"]}, "forbidden")
    await ann.redact(server.room, said["seq"])
    await _told(bob, said["seq"])
    (item,) = (await bob.history(server.room, seqs=[said["seq"]]))["items"]
    expect(item["text"] == "" and item.get("redacted") is True and not item.get("parts"), "an empty message", item)
    parts = [{"kind": "data", "body": "1"}]
    again = await ann.say(server.room, "A secret.", id=f"secret-{server.run}", parts=parts)
    expect(again["seq"] == said["seq"], f"the same `said`: {said}", again)
    await refused(ann, {"type": "redact", "room": server.room, "seq": 2**40}, "not_found")


@_rule("8", "what was taken back while one was away is told at the return")
async def redacts_while_away(server: Server) -> None:
    ann, bob = await server.member("Ann"), await server.member("Bob")
    said = await ann.say(server.room, "Soon gone.")
    await message(bob, said["seq"])
    await bob.cut()
    await ann.redact(server.room, said["seq"])
    await bob.open(await server.dial())
    await bob.join(server.room)
    await _told(bob, said["seq"])


async def _told(bob: Stranger, seq: int) -> None:
    await bob.until(lambda f: f["type"] == "redacted" and f["seq"] == seq, within=ANSWER_SECONDS_MAX)
