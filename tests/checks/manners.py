"""Rules that hold for every receiver: frame shapes, what agents never get, presence, redaction."""

from __future__ import annotations

from collections.abc import Sequence

from tests.checks.record import Log
from tests.stranger import Frame, Seen

_S, _N, _I, _B, _L, _D = str, (int, float), int, bool, list, dict
_NULL = type(None)
SHAPES: dict[str, dict[str, object]] = {
    "welcome": {
        "you": _D,
        "session": _S,
        "resumed": _B,
        "heartbeat_s": _N,
        "limits": _D,
        "features": _L,
        "server": _D,
    },
    "joined": {
        "room": _S,
        "title": _S,
        "epoch": _S,
        "head": _I,
        "recovered": _B,
        "members": _L,
        "member_count": _I,
        "view": (_D, _NULL),
    },
    "message": {"room": _S, "epoch": _S, "seq": _I, "id": _S, "from": _D, "at": _S, "text": _S},
    "said": {"ref": _S, "room": _S, "id": _S, "seq": _I, "epoch": _S, "at": _S},
    "turn": {
        "room": _S,
        "turn": _I,
        "at": _S,
        "mode": _S,
        "covers": (_D, _NULL),
        "words": _I,
        "segments": _L,
        "by": _S,
    },
    "view": {"room": _S, "participant": _S, "view": _D, "locked": _L, "set_by": _S},
    "alex": {"room": _S, "state": _S, "behind": _D},
    "presence": {"room": _S},
    "typing": {"room": _S, "participant": _S},
    "page": {"room": _S, "stream": _S, "items": _L, "more": _B},
    "redacted": {"room": _S, "seq": _I, "by": _S},
    "reconnect": {"after_s": _N},
    "error": {"code": _S, "message": _S},
    "left": {},
    "ok": {},
    "pong": {},
}
MEDIATED = ("turn", "alex", "view")
MEDIATOR = "alex"
VIEW_FIELDS = {"mode", "cadence_s", "pace_wpm", "sigma", "focus", "interests", "whisper", "auto"}


def shapes(who: str, diary: Sequence[Seen]) -> list[str]:
    """Every frame is one of the protocol's and has its fields; a `view` is complete; times end in Z."""
    found: list[str] = []
    for frame in (seen.frame for seen in diary if seen.way == "in"):
        shape = SHAPES.get(frame.get("type", ""))
        if shape is None:
            found.append(f"shape: {who} got an unknown frame {frame}")
            continue
        for name, kind in shape.items():
            if not isinstance(frame.get(name, ...), kind):  # type: ignore[arg-type]
                found.append(f"shape: {who} got {frame['type']} with `{name}` = {frame.get(name)!r}")
        view = frame.get("view")
        if frame["type"] in ("view", "joined") and view is not None and not set(view) >= VIEW_FIELDS:
            found.append(f"shape: {who} got an incomplete view {view}")
        if frame["type"] == "alex" and (mood := frame.get("mood")) is not None and not _is_mood(mood):
            found.append(f"shape: {who} got a mood {mood}")
        if not str(frame.get("at", "Z")).endswith("Z"):
            found.append(f"shape: {who} got a time that is not UTC: {frame['at']}")
    return found


def _is_mood(mood: Frame) -> bool:
    return 0 <= mood["energy"] <= 1 and -1 <= mood["warmth"] <= 1 and type(mood["insight"]) is bool


def agent(who: str, diary: Sequence[Seen]) -> list[str]:
    """Agents never receive `turn`, `alex` or `view`; nobody's member list names a mediator."""
    found: list[str] = []
    for frame in (seen.frame for seen in diary if seen.way == "in"):
        if frame["type"] in MEDIATED or frame["type"] == "joined" and frame["view"] is not None:
            found.append(f"rule 1: the agent {who} got {frame}")
    return found


def members(who: str, diary: Sequence[Seen], calm: list[tuple[float, float]]) -> list[str]:
    """Member lists name no mediator and nobody twice; while `calm`, `presence` comes at most once a second."""
    found: list[str] = []
    last: dict[tuple[int, str], float] = {}
    for seen in diary:
        if seen.way != "in" or seen.frame["type"] not in ("joined", "presence"):
            continue
        listed = [member["id"] for key in ("members", "joined") for member in seen.frame.get(key, ())]
        if MEDIATOR in listed or len(set(listed)) < len(listed):
            found.append(f"members: {who} got {listed}")
        if seen.frame["type"] == "presence":
            key = (seen.connection, seen.frame["room"])
            early = seen.at < last.get(key, float("-inf")) + 0.999
            if early and any(since <= last[key] and seen.at <= until for since, until in calm):
                found.append(f"presence: {who} got two within {seen.at - last[key]:.3f} s")
            last[key] = seen.at
    return found


def redaction(who: str, diary: Sequence[Seen], log: Log) -> list[str]:
    """After `redacted`, no frame shows the text again: not a message, not a turn, not a page (rule 8)."""
    found: list[str] = []
    gone: set[tuple[str, int]] = set()
    for seen in diary:
        if seen.way == "in" and seen.frame["type"] == "redacted":
            gone.add((seen.frame["room"], seen.frame["seq"]))
        if seen.way != "in" or seen.frame.get("room") != log.room:
            continue
        items = seen.frame["items"] if seen.frame["type"] == "page" else [seen.frame]
        for frame in items:
            found += [f"rule 8: {who}: {what}" for what in _keeps(frame, gone)]
    return found


def _keeps(frame: Frame, gone: set[tuple[str, int]]) -> list[str]:
    room = frame.get("room")
    if frame["type"] == "message" and (room, frame["seq"]) in gone:
        if not frame.get("redacted") or frame["text"] or frame.get("parts"):
            return [f"the redacted seq {frame['seq']} came as {frame}"]
    if frame["type"] == "turn":
        cited = [s for s in frame["segments"] if gone.intersection((s.get("room", room), seq) for seq in s["sources"])]
        return [f"turn {frame['turn']} shows {s}" for s in cited if not s.get("redacted") or s["text"] or "part" in s]
    return []


def gone_from_history(who: str, pages: Sequence[Frame], log: Log) -> list[str]:
    """`history` at the end: every seq once, redacted ones empty, the others as they were said."""
    found: list[str] = []
    if [item["seq"] for item in pages] != list(log.messages):
        found.append(f"history: {who} read {len(pages)} messages, the log has {len(log.messages)}")
    for item in pages:
        whole = log.messages.get(item["seq"])
        erased = item.get("redacted") and not item["text"] and not item.get("parts")
        if item["seq"] in log.redacted and not erased or item["seq"] not in log.redacted and item != whole:
            found.append(f"history: {who} read seq {item['seq']} as {item}; it was said as {whole}")
    return found
