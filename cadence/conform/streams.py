"""What agents, raw readers and mediated readers receive (rules 1, 2 and 4), views, typing."""

from __future__ import annotations

import re
from functools import partial

from cadence.conform.kit import ANSWER_SECONDS_MAX, Rule, Server, fence, message, refused, rule
from cadence.conform.report import Skipped, expect
from cadence.conform.stranger import Frame, Stranger

RULES: list[Rule] = []
_rule = partial(rule, RULES)
MEDIATED = ("turn", "alex", "view")
LINES = 30
CUT = " … "


@_rule("1", "an agent gets every message at once, in order, without a gap, and nothing of the mediator's")
async def agents(server: Server) -> None:
    ann, bob, _ = await server.member("Ann"), await server.member("Bob"), await server.member("Rae", "human")
    last = 0
    for number in range(LINES):
        last = (await ann.say(server.room, f"Line {number}."))["seq"]
    await message(bob, last)
    for stranger in (ann, bob):
        head = stranger.received("joined")[0]["head"]
        seqs = [f["seq"] for f in stranger.received("message")]
        want = list(range(head + 1, head + 1 + len(seqs)))
        expect(seqs == want and seqs[-1] >= last, f"every seq from {head + 1} to {last}, each once, ascending", seqs)
        expect(not stranger.received(*MEDIATED), "no turn, alex or view", stranger.received(*MEDIATED)[:1])


@_rule("1", "`view`, `ask`, `read` and turn history are `forbidden` to agents")
async def forbidden(server: Server) -> None:
    ann = await server.member("Ann")
    for frame in (
        {"type": "view", "cadence_s": 5},
        {"type": "ask", "what": "room"},
        {"type": "read", "turn": 1},
        {"type": "history", "stream": "turns"},
    ):
        await refused(ann, {**frame, "room": server.room}, "forbidden")


@_rule("2", "a human in raw gets every message, and neither turns nor alex")
async def raw(server: Server) -> None:
    ann, rae = await server.member("Ann"), await server.member("Rae", "human", mode="raw")
    _mode(rae, server, "raw")
    last = 0
    for number in range(LINES):
        last = (await ann.say(server.room, f"Line {number}."))["seq"]
    await message(rae, last)
    head = rae.received("joined")[0]["head"]
    seqs = [f["seq"] for f in rae.received("message")]
    expect(seqs == list(range(head + 1, head + 1 + len(seqs))), f"every seq from {head + 1}", seqs)
    expect(not rae.received("turn", "alex"), "no turn and no alex", rae.received("turn", "alex")[:1])


@_rule("2", "a mediated human gets human speech at once and AI speech as turns only")
async def mediated(server: Server) -> None:
    ann, bob = await server.member("Ann"), await server.member("Bob", "human")
    rae = await server.member("Rae", "human", cadence_s=1)
    _mode(rae, server, "paraphrase")
    spoken = await ann.say(server.room, "The ledger lost two appointments on Tuesday, and nobody noticed before noon.")
    said = await bob.say(server.room, "Good morning, all.")
    await message(rae, said["seq"])
    await _covered(rae, spoken["seq"])
    agents = [f for f in rae.received("message") if f["from"]["kind"] == "agent"]
    expect(not agents, "no AI speech as `message`", agents[:1])


@_rule("4", "turns are numbered without gaps and their ranges join, and count the AI messages in them")
async def ranges(server: Server) -> None:
    ann, rae = await server.member("Ann"), await server.member("Rae", "human", cadence_s=1)
    _mode(rae, server, "paraphrase")
    for number in range(3):
        said = await ann.say(server.room, f"Shard {number} moved to the second hall, which took {number} hours.")
        await _covered(rae, said["seq"])
    joined = rae.received("joined")[0]
    head, turns = joined["head"], rae.received("turn")
    numbers = [turn["turn"] for turn in turns]
    expect(numbers == list(range(1, len(turns) + 1)), "turns 1, 2, 3 and so on", numbers)
    kinds = {item["seq"]: item["from"]["kind"] for item in await _all(ann, server, head)}
    at = head
    for covers in (turn["covers"] for turn in turns if turn["covers"] is not None):
        expect(covers["epoch"] == joined["epoch"], "the epoch of the room", covers)
        if covers["to"] != covers["from"] - 1:
            expect(covers["from"] == at + 1, f"`covers.from` {at + 1}", covers)
            at = covers["to"]
        of_agents = sum(kinds.get(seq) == "agent" for seq in range(covers["from"], covers["to"] + 1))
        expect(covers["messages"] == of_agents, f"`covers.messages` {of_agents}", covers)


@_rule("4", "segments cite their sources: quotes are cut from them, their authors are the speakers")
async def segments(server: Server) -> None:
    ann, bea = await server.member("Ann"), await server.member("Bea")
    rae = await server.member("Rae", "human", cadence_s=1)
    _mode(rae, server, "paraphrase")
    last = 0
    for number in range(12):
        who = (ann, bea)[number % 2]
        text = f"Replica {number} was {number * 7} seconds late, because its disk had to be replaced. Nobody looked."
        last = (await who.say(server.room, text))["seq"]
    await _covered(rae, last)
    items = {item["seq"]: item for item in await _all(ann, server, 0)}
    shown = [(turn, segment) for turn in rae.received("turn") for segment in turn["segments"]]
    expect(shown, "at least one segment", rae.received("turn"))
    for turn, segment in shown:
        _cites(turn, segment, items)


def _cites(turn: Frame, segment: Frame, items: dict[int, Frame]) -> None:
    sources = segment["sources"]
    expect(sources and all(seq in items for seq in sources), "sources that are messages of the room", segment)
    expect(0 <= segment["weight"] <= 1, "`weight` 0 to 1", segment)
    if turn["covers"] is not None:
        expect(max(sources) <= turn["covers"]["to"], "no source after `covers.to`", segment)
    authors = {items[seq]["from"]["id"] for seq in sources}
    expect(authors == set(segment["speakers"]), f"the speakers {sorted(authors)}", segment)
    if segment["kind"] == "verbatim" and "part" not in segment:
        expect(segment["text"] == items[sources[0]]["text"], "the whole message, byte for byte", segment)
    if segment["kind"] == "quote":
        expect(len(segment["speakers"]) == 1, "one speaker", segment)
        texts = [_plain(items[seq]["text"]) for seq in sources if not items[seq].get("spoken")]
        for piece in segment["text"].split(CUT):
            found = any(_plain(piece) in text for text in texts) or len(texts) < len(sources)
            expect(found, "a quote that is cut from its sources", segment)


@_rule("view", "a view is changed in part, answered whole, and pushed to the reader's other connections")
async def views(server: Server) -> None:
    rae = await server.member("Rae", "human")
    second = server.client(None, "human")
    second.session = rae.session
    await second.open(await server.dial())
    await second.join(server.room)
    pushed = second.expect(lambda f: f["type"] == "view" and f["view"]["cadence_s"] == 12)
    reply = await rae.view(server.room, cadence_s=12)
    expect(reply["participant"] == rae.id and reply["view"]["cadence_s"] == 12, "`view` with cadence_s 12", reply)
    expect(reply["set_by"] == rae.id and isinstance(reply["locked"], list), "`set_by` oneself, `locked`", reply)
    expect("pace_wpm" in reply["view"] and "mode" in reply["view"], "the complete view", reply)
    expect("ref" not in await pushed, "a pushed `view` without `ref`", await pushed)


@_rule("view", "a view out of range is a `bad_field`, and nothing changes")
async def bad_views(server: Server) -> None:
    rae = await server.member("Rae", "human")
    before = (await rae.view(server.room))["view"]
    for field, value in (("cadence_s", 0.5), ("cadence_s", 31), ("pace_wpm", 59), ("sigma", 11), ("mode", "loud")):
        frame = {"type": "view", "room": server.room, "auto": not before["auto"], field: value}
        error = await refused(rae, frame, "bad_field")
        expect(error.get("field") == field, f"`field` {field}", error)
    after = (await rae.view(server.room))["view"]
    expect(after == before, f"the view as it was: {before}", after)


@_rule("typing", "typing reaches the others, not oneself")
async def typing(server: Server) -> None:
    ann, bob = await server.member("Ann"), await server.member("Bob", "human")
    if "typing" not in ann.received("welcome")[0]["features"]:
        raise Skipped("the server does not offer `typing`")
    await bob.send({"type": "typing", "room": server.room})
    await ann.until(lambda f: f["type"] == "typing" and f["participant"] == bob.id, within=ANSWER_SECONDS_MAX)
    await fence(bob)
    own = [f for f in bob.received("typing") if f["participant"] == bob.id]
    expect(not own, "no typing of one's own", own)


@_rule("presence", "who comes and goes is told")
async def presence(server: Server) -> None:
    ann = await server.member("Ann")
    bob = await server.member("Bob")

    def came(frame: Frame) -> bool:
        members = [*frame.get("joined", ()), *frame.get("members", ())] if frame["type"] == "presence" else []
        return bob.id in [member["id"] for member in members]

    def left(frame: Frame) -> bool:
        return frame["type"] == "presence" and (bob.id in frame.get("left", ()) or "members" in frame)

    await ann.until(came, within=ANSWER_SECONDS_MAX)
    await bob.leave(server.room)
    await ann.until(left, within=ANSWER_SECONDS_MAX)


def _mode(stranger: Stranger, server: Server, mode: str) -> None:
    features = stranger.received("welcome")[0]["features"]
    if mode not in features:
        raise Skipped(f"the server does not offer `{mode}`")
    view = stranger.places[server.room].view
    expect(view is not None and view["mode"] == mode, f"mode {mode} in `joined.view`", view)


async def _covered(rae: Stranger, seq: int) -> None:
    def covers(frame: Frame) -> bool:
        return frame["type"] == "turn" and frame["covers"] is not None and bool(frame["covers"]["to"] >= seq)

    await rae.until(covers, within=ANSWER_SECONDS_MAX)


async def _all(ann: Stranger, server: Server, after: int) -> list[Frame]:
    items: list[Frame] = []
    more = True
    while more:
        page = await ann.history(server.room, after=items[-1]["seq"] if items else after, limit=200)
        items, more = items + page["items"], page["more"] and bool(page["items"])
    return items


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
