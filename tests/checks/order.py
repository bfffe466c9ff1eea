"""Order and completeness: raw receivers, law 1 (nothing is lost), law 11 (human speech), turn numbers."""

from __future__ import annotations

from collections import deque

from tests.checks import words
from tests.checks.record import Log, Reading
from tests.stranger import Frame

SPEECH_WINDOW_S = 60.0
SHARE = 0.7
LOOK_S_MAX = 31.0


def raw_stream(reading: Reading, log: Log, *, to_head: bool = True) -> list[str]:
    """A raw receiver gets every message, once per joining, in order; `to_head`: up to the last one."""
    found: list[str] = []
    expected: int | None = None
    for index, seen in enumerate(reading.events):
        if seen.way == "closed":
            expected = None
        elif seen.way != "in":
            continue
        elif index in reading.joinings:
            joining = reading.joinings[index]
            if "after" in joining.asked and seen.frame["recovered"]:
                expected = joining.asked["after"]["seq"] + 1
            elif expected is None or "after" in joining.asked:
                expected = seen.frame["head"] + 1
        elif seen.frame["type"] == "left":
            expected = None
        elif seen.frame["type"] == "message":
            if seen.frame["seq"] != expected:
                found.append(f"order: {reading.who} expected seq {expected}, got {seen.frame['seq']} at {seen.at:.3f}")
            expected = seen.frame["seq"] + 1
    if to_head and expected is not None and expected <= log.head:
        found.append(f"order: {reading.who} is connected and has nothing from seq {expected} to {log.head}")
    return found


def same_messages(reading: Reading, log: Log) -> list[str]:
    """Every receiver is sent the same frame for the same seq (or what redaction left of it), ascending."""
    found: list[str] = []
    last = 0
    for index, seen in enumerate(reading.events):
        if index in reading.joinings and "after" in reading.joinings[index].asked or seen.way == "closed":
            last = 0
        if seen.way != "in" or seen.frame["type"] != "message":
            continue
        seq = seen.frame["seq"]
        if seq <= last:
            found.append(f"order: {reading.who} got seq {seq} after {last}")
        last = seq
        whole = log.messages.get(seq)
        if seen.frame != whole and not (seq in log.redacted and seen.frame.get("redacted")):
            found.append(f"same: {reading.who} got seq {seq} as {seen.frame}, the log has {whole}")
    return found


def turn_numbers(reading: Reading) -> list[str]:
    """`turn` counts from 1 without gaps; only who came back without saying how far it was may have missed some."""
    found: list[str] = []
    last, any_next, first = 0, reading.second, min(reading.joinings, default=0)
    for index, seen in enumerate(reading.events):
        if index in reading.joinings:  # to the first joining nothing was there to miss
            any_next = any_next or reading.joinings[index].afresh and index > first
        elif seen.way == "in" and seen.frame["type"] == "turn" and seen.frame["turn"] > last:
            if seen.frame["turn"] != last + 1 and not any_next:
                found.append(f"turns: {reading.who} got turn {seen.frame['turn']} after {last}")
            last, any_next = seen.frame["turn"], False
    return found


def ranges(reading: Reading, log: Log) -> list[str]:
    """Law 1: turn ranges and raw ranges are contiguous and disjoint, and their counts are true."""
    found, _ = _walk(reading, log)
    return found


def covered_to(reading: Reading, log: Log) -> int:
    """The last seq up to which everything was covered by a turn or received as a message."""
    _, expected = _walk(reading, log)
    while expected in reading.messages:
        expected += 1
    return expected - 1


def _walk(reading: Reading, log: Log) -> tuple[list[str], int]:
    found: list[str] = []
    expected = 0
    had: set[int] = set()
    numbers: set[int] = set()
    begins = goes_on = False
    for index, seen in enumerate(reading.events):
        if seen.way != "in":
            continue
        if index in reading.joinings:  # what is replayed comes as turns first, then as messages
            had |= _replayed(reading, index)
        if index in reading.joinings and (reading.joinings[index].afresh or not expected):
            begins, goes_on = True, bool(expected) and reading.lingered(index)
            expected = 0 if reading.second else seen.frame["head"] + 1
        elif seen.frame["type"] == "message":
            had.add(seen.frame["seq"])
        elif seen.frame["type"] == "turn" and seen.frame["turn"] not in numbers:
            numbers.add(seen.frame["turn"])
            covers = seen.frame["covers"]
            if covers is None or begins and covers["to"] < expected:
                continue  # the last turn of the former run, which the log was slow to take
            if begins and goes_on:  # rule 5: a new run begins only where no other connection of the user is there
                expected = min(expected, covers["from"])
            begins = False
            label = f"law 1: {reading.who}, turn {seen.frame['turn']} covers {covers['from']}..{covers['to']}"
            expected = expected or covers["from"]
            missing = [seq for seq in range(expected, covers["from"]) if seq not in had]
            if covers["from"] < expected or missing:
                found.append(f"{label}, expected from {expected}; neither covered nor received: {missing[:5]}")
            found += [f"{label}: {what}" for what in _counts(covers, reading, log)]
            expected = covers["to"] + 1
    return found, expected


def _replayed(reading: Reading, joined: int) -> set[int]:
    """The messages up to the head that this joining was told of."""
    start = reading.events[joined]
    later = (seen for seen in reading.events[joined:] if seen.connection == start.connection and seen.way == "in")
    return {
        seen.frame["seq"]
        for seen in later
        if seen.frame["type"] == "message" and seen.frame["seq"] <= start.frame["head"]
    }


def _counts(covers: Frame, reading: Reading, log: Log) -> list[str]:
    """Whether `messages` and `words` are those of the AI messages of the range."""
    found: list[str] = []
    span = range(covers["from"], covers["to"] + 1)
    if covers["to"] < covers["from"] - 1 or covers["to"] > log.head:
        return [f"no such range, the log ends at {log.head}"]
    spoken = [seq for seq in span if log.kind(seq) == "agent"]
    if covers["messages"] != len(spoken):
        found.append(f"{covers['messages']} messages, counted {len(spoken)}")
    gone = {seq for seq in spoken if seq in log.redacted}
    least = sum(words.of_message(log.messages[seq]) for seq in spoken if seq not in gone)
    most = least + sum(words.of_message(log.messages[seq]) for seq in gone)
    if not least <= covers["words"] <= most:
        found.append(f"{covers['words']} words, counted {least}..{most}")
    for seq in spoken:
        if seq in reading.messages and not _replayed_raw(reading, seq):
            found.append(f"seq {seq} was sent as a message as well")
    return found


def _replayed_raw(reading: Reading, seq: int) -> bool:
    """A return in mode raw replays from `after.seq`, whatever turns had covered."""
    at = reading.messages[seq].at
    return any(
        joining.seen.frame["head"] >= seq and joining.seen.at <= at and "after" in joining.asked
        for joining in reading.joinings.values()
        if (joining.seen.frame["view"] or {"mode": "raw"})["mode"] == "raw"
    )


def speech(reading: Reading, log: Log, user: str, *, calm: list[tuple[float, float]], prompt_s: float) -> list[str]:
    """Law 11: human speech comes as `message`, at once while `calm`, up to the bound of LOD section 2.

    `calm` are times in which nothing held this client back (no stall, no fault, no replay).
    """
    found: list[str] = []
    window: deque[tuple[float, int]] = deque()
    start = min((joining.seen.frame["head"] for joining in reading.joinings.values()), default=log.head)
    for seq in (seq for seq in log.messages if log.kind(seq) == "human" and log.author(seq) != user):
        at = log.at(seq)
        while window and window[0][0] < at - SPEECH_WINDOW_S:
            window.popleft()
        before = sum(count for _, count in window)
        window.append((at, words.of_message(log.messages[seq])))
        if seq <= start or before > _bound(reading, at) or not reading.present(at, at + prompt_s):
            continue
        seen = reading.messages.get(seq)
        late = seen is None or seen.at > at + prompt_s
        if late and any(since <= at and at + prompt_s <= until for since, until in calm):
            when = "never" if seen is None else f"{seen.at - at:.3f} s later"
            found.append(f"law 11: {reading.who} got the human seq {seq} {when}; {before} words in the minute before")
    return found


def _bound(reading: Reading, at: float) -> float:
    """The least bound that any view around `at` gives: a change counts at the next look."""
    before = [view["pace_wpm"] for when, view in reading.views if when < at - LOOK_S_MAX][-1:]
    asked = zip(reading.asked_at, reading.views, strict=True)
    around = [view["pace_wpm"] for since, (told, view) in asked if since <= at and told >= at - LOOK_S_MAX]
    return max(SPEECH_WINDOW_S * min(before + around) / 60 * SHARE, 240.0)


def own_speech(reading: Reading, log: Log, user: str) -> list[str]:
    """The sender gets `said`, then its own `message`, on the connection it spoke on; it stands as it was sent.

    Who was answered `unavailable` was told that the message may have been kept, and may learn from it that it was.
    """
    found: list[str] = []
    said: dict[tuple[int, int], str] = {}
    sent: dict[str, Frame] = {}
    asked: set[tuple[int, str]] = set()
    refs: dict[object, tuple[int, str]] = {}
    replayed = 0
    for index, seen in enumerate(reading.events):
        if index in reading.joinings:
            replayed = seen.frame["head"]
        elif seen.way == "out" and seen.frame["type"] == "say":
            sent.setdefault(seen.frame["id"], seen.frame)
            asked.add((seen.connection, seen.frame["id"]))
            refs[seen.frame.get("ref")] = (seen.connection, seen.frame["id"])
        elif seen.way == "in" and seen.frame["type"] == "error" and seen.frame["code"] == "unavailable":
            asked.discard(refs.get(seen.frame.get("ref"), (0, "")))
        elif seen.way == "in" and seen.frame["type"] == "said":
            said[seen.connection, seen.frame["seq"]] = seen.frame["id"]
        elif seen.way == "in" and seen.frame["type"] == "message" and seen.frame["from"]["id"] == user:
            key = (seen.connection, seen.frame["seq"])
            if seen.frame["seq"] > replayed and (seen.connection, seen.frame["id"]) in asked and key not in said:
                found.append(f"said: {reading.who} got its own seq {seen.frame['seq']} before `said`")
    for (_, seq), ident in said.items():
        if seq not in log.messages:
            found.append(f"said: seq {seq} was acknowledged to {reading.who} and is not in the log")
        elif not log.messages[seq].get("redacted"):
            found += _as_sent(sent[ident], log.messages[seq])
    return found


def _as_sent(sent: Frame, message: Frame) -> list[str]:
    """A message says what its author sent, to the byte; nothing is derived, nothing altered."""
    fields = {"text": "", "parts": [], "reply_to": None, "pod": None, "spoken": False}
    other = [name for name, none in fields.items() if sent.get(name, none) != message.get(name, none)]
    return [f"said: {other} of seq {message['seq']} are not as sent: {sent} became {message}"] if other else []
