"""What is answered to an `ask`: one turn beside the cadence, of that which was asked for, quoting it by name."""

from __future__ import annotations

from tests.checks import words
from tests.checks.record import Log, Reading, seconds
from tests.checks.text import quote_stands, unnamed
from tests.stranger import Frame, Seen

WORDS = 120
ASKS_PER_MINUTE = 6
WHILE_S = 1.0  # a redaction may cross an answer on its way


def answers(reading: Reading, log: Log) -> list[str]:
    """Every answer is a turn without a range that tells what was asked, in the speakers' own words."""
    found: list[str] = []
    asked: dict[tuple[int, str], Seen] = {}
    times: list[float] = []
    for seen in reading.events:
        if seen.way == "out" and seen.frame["type"] == "ask":
            asked[seen.connection, seen.frame["ref"]] = seen
        elif seen.way == "in" and seen.frame["type"] == "turn":
            turn = seen.frame
            label = f"ask: {reading.who}, turn {turn['turn']}"
            if (turn["mode"] == "answer") != (turn["covers"] is None):
                found.append(f"{label} has mode {turn['mode']} and covers {turn['covers']}")
            if "ref" not in turn:
                continue
            question = asked.pop((seen.connection, turn["ref"]), None)
            if question is None or turn["mode"] != "answer":
                found.append(f"{label} has the ref {turn['ref']}, which asked for no answer")
                continue
            times.append(seen.at)
            found += [f"{label}, asked {question.frame}: {what}" for what in _told(turn, question.frame, log)]
    for at in times:
        if (count := sum(at - 60.0 < one <= at for one in times)) > ASKS_PER_MINUTE:
            found.append(f"ask: {reading.who} was answered {count} times in the minute before {at:.3f}")
    return found


def _told(turn: Frame, asked: Frame, log: Log) -> list[str]:
    found: list[str] = []
    if words.of_turn(turn) > asked.get("words", WORDS):
        found.append(f"{words.of_turn(turn)} words, at most {asked.get('words', WORDS)}")
    kind = "catch_up" if asked["what"] == "catch_up" else "answer"
    objected = {segment.get("objects_to") for segment in turn["segments"]}
    for segment in turn["segments"]:
        if segment["kind"] != kind:
            found.append(f"a segment of kind {segment['kind']}, expected {kind}")
        if segment.get("redacted"):
            continue
        found += _quoted(segment, log) if turn.get("by", "embedded") == "embedded" else unnamed(segment, log)
        if asked["what"] == "speaker" and segment["speakers"] != [asked["speaker"]] and "objects_to" not in segment:
            found.append(f"{segment['speakers']} speak")
        since = asked.get("since", 0)
        if isinstance(since, int) and min(segment["sources"]) <= since and not objected & set(segment["sources"]):
            found.append(f"{segment['sources']} lie before what was asked for")
        gone = [seq for seq in segment["sources"] if log.redacted.get(seq, 1e18) < seconds(turn["at"]) - WHILE_S]
        if gone:
            found.append(f"rule 8: quotes {gone}, redacted by then")
    return found


def _quoted(segment: Frame, log: Log) -> list[str]:
    """The text is a name and a quote of that speaker."""
    author = log.messages[segment["sources"][0]]["from"]
    name, colon, said = segment["text"].partition(": ")
    if name != author["name"] or not colon:
        return [f"`{segment['text'][:40]}` does not begin with the name `{author['name']}`"]
    if not quote_stands({**segment, "text": said}, log):
        return [f"`{author['name']}` never said `{said}`"]
    return []
