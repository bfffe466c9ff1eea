"""What hosts may do to others, and nobody else. Needs a host's token."""

from __future__ import annotations

from functools import partial

from cadence.conform.kit import ANSWER_SECONDS_MAX, Rule, Server, closed_with, refused, rule
from cadence.conform.report import expect
from cadence.conform.stranger import Frame

RULES: list[Rule] = []
_rule = partial(rule, RULES)


@_rule("hosts", "`mute`, `kick`, `ban` and another's view are `forbidden` to guests")
async def guests(server: Server) -> None:
    ann, bob = await server.member("Ann", "human"), await server.member("Bob", "human")
    features = ann.received("welcome")[0]["features"]
    for name in ("mute", "kick", "ban"):
        frame = {"type": name, "room": server.room, "participant": bob.id}
        await refused(ann, frame, "forbidden" if name in features else "unavailable")
    await refused(ann, {"type": "view", "room": server.room, "participant": bob.id, "cadence_s": 9}, "forbidden")


@_rule("hosts", "who is muted hears and cannot say, until it ends")
async def mutes(server: Server) -> None:
    host, bob = await server.host("mute"), await server.member("Bob")
    await _ordered(host.request({"type": "mute", "room": server.room, "participant": bob.id}))
    say: Frame = {"type": "say", "room": server.room, "id": "m", "text": "I will speak."}
    await refused(bob, say, "forbidden")
    said = await host.say(server.room, "You can hear.")
    await bob.until(lambda f: f["type"] == "message" and f["seq"] == said["seq"], within=ANSWER_SECONDS_MAX)
    await _ordered(host.request({"type": "mute", "room": server.room, "participant": bob.id, "for_s": 0}))
    await bob.request(say)


@_rule("hosts", "who is kicked is closed with 4010 and may come back")
async def kicks(server: Server) -> None:
    host, bob = await server.host("kick"), await server.member("Bob")
    await _ordered(host.request({"type": "kick", "room": server.room, "participant": bob.id}))
    await closed_with(bob, 4010)
    await bob.open(await server.dial())
    await bob.join(server.room)


@_rule("hosts", "who is banned is closed with 4011 and cannot come back to the room")
async def bans(server: Server) -> None:
    host, bob = await server.host("ban"), await server.member("Bob")
    await _ordered(host.request({"type": "ban", "room": server.room, "participant": bob.id, "for_s": 60}))
    await closed_with(bob, 4011)
    again = server.client(None)
    again.session = bob.session
    try:
        await again.open(await server.dial())
    except Exception:
        return  # not let in at all
    if again.id == bob.id:
        await refused(again, {"type": "join", "room": server.room}, "forbidden")


@_rule("view", "a host sets and locks another's view, who is told and cannot change it")
async def locks(server: Server) -> None:
    host, rae = await server.host("view"), await server.member("Rae", "human")
    told = rae.expect(lambda f: f["type"] == "view" and f["set_by"] == host.id)
    frame = {"participant": rae.id, "cadence_s": 20, "lock": ["cadence_s"]}
    reply = await host.view(server.room, **frame)
    expect(reply["locked"] == ["cadence_s"] and reply["view"]["cadence_s"] == 20, "cadence_s 20, locked", reply)
    expect((await told)["participant"] == rae.id, "the reader is told", await told)
    error = await refused(rae, {"type": "view", "room": server.room, "cadence_s": 5}, "forbidden")
    expect(error.get("field") == "cadence_s", "`field` cadence_s", error)
    await host.view(server.room, participant=rae.id, lock=[])
    await rae.view(server.room, cadence_s=5)


async def _ordered(answer: object) -> None:
    frame = await answer  # type: ignore[misc]
    expect(frame["type"] == "ok", "`ok`", frame)
