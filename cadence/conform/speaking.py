"""Saying things, and saying them wrongly (rules 3 and 9, bad frames, history)."""

from __future__ import annotations

from functools import partial

from cadence.conform.kit import TIME, Rule, Server, closed_with, fence, message, refused, rule
from cadence.conform.report import expect
from cadence.conform.stranger import Frame, Refused

RULES: list[Rule] = []
_rule = partial(rule, RULES)
HUMAN_BURST = 60
TEXT = "*Naïve* `@x`  two  spaces\n\n    indented — 测量 \u200d🧯\u0000end"


@_rule("3", "the sender gets `said`, then its own `message`, which is what was said")
async def said_first(server: Server) -> None:
    ann = await server.member("Ann")
    parts = [{"kind": "code", "body": "x = 1\n", "lang": "python"}, {"kind": "tool", "body": "{}", "name": "look"}]
    said = await ann.say(server.room, TEXT, parts=parts, spoken=True)
    own = await message(ann, said["seq"])
    order = [f["type"] for f in ann.received("said", "message") if f["seq"] == said["seq"]]
    expect(order == ["said", "message"], "`said`, then `message`", order)
    expect(own["text"] == TEXT, f"the text byte for byte: {TEXT!r}", own["text"])
    expect(own.get("parts") == parts and own.get("spoken") is True, "the same parts, spoken", own)
    expect((own["id"], own["epoch"]) == (said["id"], said["epoch"]), "the id and epoch of `said`", own)
    expect(own["from"] == {"id": ann.id, "name": ann.name, "kind": "agent"}, "`from` {id, name, kind}", own["from"])
    expect(TIME.fullmatch(own["at"]) and own["at"] == said["at"], "one UTC time with milliseconds and Z", own["at"])


@_rule("3", "the same id with equal content is the same `said` and no second message")
async def repeated(server: Server) -> None:
    ann = await server.member("Ann")
    first = await ann.say(server.room, "Said once.", id=f"once-{server.run}")
    again = await ann.say(server.room, "Said once.", id=f"once-{server.run}")
    same = {key: value for key, value in again.items() if key != "ref"}
    expect(same == {key: value for key, value in first.items() if key != "ref"}, f"the first `said`: {first}", again)
    await fence(ann)
    count = sum(f["id"] == first["id"] and f["from"]["id"] == ann.id for f in ann.received("message"))
    expect(count == 1, "one message", f"{count} messages")


@_rule("3", "the same id with other content is a `conflict`")
async def conflict(server: Server) -> None:
    ann = await server.member("Ann")
    await ann.say(server.room, "This.", id=f"id-{server.run}")
    frame = {"type": "say", "room": server.room, "id": f"id-{server.run}"}
    await refused(ann, {**frame, "text": "That."}, "conflict")
    await refused(ann, {**frame, "text": "This.", "parts": [{"kind": "data", "body": "1"}]}, "conflict")


@_rule("3", "`reply_to` above the head and an unknown pod are `not_found`; no text and no parts a `bad_field`")
async def refused_speech(server: Server) -> None:
    ann = await server.member("Ann")
    frame: Frame = {"type": "say", "room": server.room, "id": "r", "text": "Hm."}
    await refused(ann, {**frame, "reply_to": 2**40}, "not_found")
    await refused(ann, {**frame, "pod": f"no-{server.run}"}, "not_found")
    await refused(ann, {**frame, "text": ""}, "bad_field")
    await refused(ann, {**frame, "id": ""}, "bad_field")
    await refused(ann, {**frame, "id": "x" * 65}, "bad_field")
    await refused(ann, {**frame, "parts": [{"kind": "data", "body": "1"}] * 17}, "bad_field")


@_rule("3", "`mentions` names members by name or id, and not inside code")
async def mentions(server: Server) -> None:
    ann, bob = await server.member("Ann"), await server.member("Bob")
    for text, named in (
        (f"@{bob.name} look", [bob.id]),
        (f"@{bob.id}: look", [bob.id]),
        (f"`@{bob.name}` look", []),
        (f"mail@{'example'}.org", []),
    ):
        seq = (await ann.say(server.room, text))["seq"]
        came = (await message(ann, seq)).get("mentions", [])
        expect(came == named, f"mentions {named} for {text!r}", came)


@_rule("frames", "bad frames are answered by code and field, unknown fields ignored, and the connection lives")
async def bad_frames(server: Server) -> None:
    ann = await server.member("Ann")
    for text, code in (("{", "bad_frame"), ("[]", "bad_frame"), ('{"room": "x"}', "bad_frame"), ('"x"', "bad_frame")):
        answer = ann.expect(lambda f: f["type"] == "error")
        await ann.send(text)
        error = await answer
        expect(error["code"] == code, f"error `{code}` for {text}", error)
    await refused(ann, {"type": f"shout-{server.run}"}, "unknown_type")
    error = await refused(ann, {"type": "say", "room": server.room, "id": "1"}, "bad_field")
    expect(error.get("field") == "text", "`field` text", error)
    error = await refused(ann, {"type": "say", "room": server.room, "id": "1", "text": 7}, "bad_field")
    expect(error.get("field") == "text", "`field` text", error)
    await ann.request({"type": "ping", "mood": "unknown"})


@_rule("9", "a frame over 64 KiB is `too_large`, and the connection lives")
async def too_large(server: Server) -> None:
    ann = await server.member("Ann")
    answer = ann.expect(lambda f: f["type"] == "error")
    await ann.send({"type": "say", "room": server.room, "id": "big", "text": "x" * 70_000})
    error = await answer
    expect(error["code"] == "too_large", "error `too_large`", error)
    await fence(ann)


@_rule("9", "who speaks too fast is told `rate_limited` and how long to wait")
async def too_fast(server: Server) -> None:
    bob = await server.member("Bob", "human")
    for number in range(HUMAN_BURST):
        try:
            await bob.say(server.room, f"Quick {number}.")
        except Refused as error:
            expect(error.code == "rate_limited", "error `rate_limited`", error.frame)
            expect(error.frame.get("retry_after_s", 0) > 0, "`retry_after_s` above 0", error.frame)
            return
    expect(False, f"error `rate_limited` within {HUMAN_BURST} messages at once", "all were taken")


@_rule("4000", "twenty bad frames in a minute close with 4000")
async def twenty(server: Server) -> None:
    eve = await server.guest("Eve")
    for _ in range(20):
        await eve.send("{")
    await closed_with(eve, 4000)


@_rule("history", "pages are ascending and their bounds exclusive")
async def pages(server: Server) -> None:
    ann = await server.member("Ann")
    seqs = [(await ann.say(server.room, f"Line {number}."))["seq"] for number in range(5)]
    first, last = seqs[0], seqs[-1]
    for query in ({"after": first - 1, "limit": 3}, {"before": last, "limit": 3}, {"seqs": [last, first]}):
        page = await ann.history(server.room, **query)
        came = [item["seq"] for item in page["items"]]
        expect(came == sorted(came) and len(came) <= 3, f"ascending, at most 3, for {query}", came)
        if "after" in query:
            expect(
                came == [first, first + 1, first + 2] and page["more"], "the first three above `after`, and more", page
            )
        elif "before" in query:
            expect(came == [last - 3, last - 2, last - 1], "the last three below `before`", came)
        else:
            expect(came == [first, last], "the two that were asked for", came)
    await refused(ann, {"type": "history", "room": server.room, "stream": "raw", "limit": 201}, "bad_field")
