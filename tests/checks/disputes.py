"""Law 9 and what segments say of other messages: `objects_to`, `agree`, `again`.

Only clear cases: what objects must answer by `reply_to` and open with a cue of the short list below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.checks import words
from tests.checks.record import Log, Reading, seconds
from tests.stranger import Frame

CUES = re.compile(r"(I disagree|I object|That is wrong|That's not true|Not true)[:,.]")
AGREEMENT_WORDS_MAX = 8
OBJECTIONS_KEPT_MAX = 64  # more than that do not wait for ever
WAITING_WORDS_SURE = 4_000  # fewer words than this cannot be 2,000 units
WAITING_S = 400.0


def objections(log: Log) -> dict[int, int]:
    """Explicit objections of AIs by seq: which message each objects to. Nobody objects to themselves."""
    found: dict[int, int] = {}
    for seq, message in log.messages.items():
        about = message.get("reply_to")
        if about not in log.messages or log.author(about) == log.author(seq) or log.kind(seq) == "human":
            continue
        asked = log.messages[about]["text"].rstrip().endswith(("?", "？"))
        if CUES.match(message["text"]) and not asked and not {seq, about} & set(log.redacted):
            found[seq] = about
    return found


@dataclass(slots=True)
class Sides:
    """Objections of which a reader was shown something, and of how many of these the target too, at that time."""

    objections: int = 0  # waited for the reader at all
    shown: int = 0
    with_target: int = 0
    targets: int = 0  # turns in which a target was shown while its objection waited
    alone: list[str] = field(default_factory=list)  # of these, violations


def both_sides(reading: Reading, log: Log) -> Sides:
    """What became of each explicit objection, turn by turn; law 9 where nothing excuses it."""
    sides = Sides()
    shown: set[int] = set()
    known = objections(log)
    waiting: dict[int, int] = {}
    for number, seen in sorted(reading.turns.items()):
        turn = seen.frame
        if turn["covers"] is None:
            continue
        span = range(turn["covers"]["from"], turn["covers"]["to"] + 1)
        waiting |= {seq: known[seq] for seq in span if seq in known and seq not in reading.messages}
        sides.objections += sum(seq in waiting for seq in span)
        here = {seq for segment in turn["segments"] if not segment.get("redacted") for seq in segment["sources"]}
        for seq, about in list(waiting.items()):
            if seq in here:
                sides.shown += 1
                sides.with_target += about in here | shown or about in reading.messages
                del waiting[seq]
            elif about in here:
                sides.targets += 1
                if turn["mode"] != "paced" and _surely_waits(seq, turn, reading, log):
                    label = f"law 9: {reading.who}, turn {number} shows seq {about}"
                    sides.alone.append(f"{label} without the objection {seq}, which waits: {turn['segments']}")
        shown |= here
    return sides


def _surely_waits(seq: int, turn: Frame, reading: Reading, log: Log) -> bool:
    """Whether nothing since the objection came can have condensed it away without this client knowing."""
    since, now = log.at(seq), seconds(turn["at"])
    if turn["mode"] == "catch_up":
        return bool(turn["covers"]["from"] <= seq)
    came = [joining.seen.at for joining in reading.joinings.values()]
    if any(since <= at <= now for at in came) or _changed_mode(reading, since, now):
        return False
    if any(since <= seconds(t.frame["at"]) <= now and t.frame["mode"] != "paraphrase" for t in reading.turns.values()):
        return False
    later = [other for other in log.messages if seq < other <= turn["covers"]["to"]]
    answers = sum("reply_to" in log.messages[other] or ">" in log.messages[other]["text"] for other in later)
    recent = (other for other in log.messages if now - WAITING_S <= log.at(other) <= now)
    return answers < OBJECTIONS_KEPT_MAX and sum(words.of_message(log.messages[o]) for o in recent) < WAITING_WORDS_SURE


def _changed_mode(reading: Reading, since: float, now: float) -> bool:
    modes = {view["mode"] for at, view in reading.views if since - 1 <= at <= now + 1}
    return bool({*modes, reading.mode_at(since), reading.mode_at(now)} - {"paraphrase"})


def law_9(reading: Reading, log: Log) -> list[str]:
    """A target is not shown without the objection that waits; what segments say of others is true."""
    return both_sides(reading, log).alone + _well_formed(reading, log)


def _well_formed(reading: Reading, log: Log) -> list[str]:
    found: list[str] = []
    shown: set[int] = set()
    clauses = sum(words.of_message(message) for message in log.messages.values())  # no more than words
    sure = not reading.second and sum(joining.afresh for joining in reading.joinings.values()) <= 1
    for number, seen in sorted(reading.turns.items()):
        shown |= {seq for segment in seen.frame["segments"] for seq in segment["sources"]}
        for segment in seen.frame["segments"]:
            label = f"{reading.who}, turn {number}: {segment}"
            about = segment.get("objects_to")
            if about is not None:
                found += [f"law 9: {what} [{label}]" for what in _objects(segment, about, log)]
                if sure and about not in shown and about not in reading.messages:
                    found.append(f"law 9: seq {about} was never shown [{label}]")
            for name, most in (("agree", len(_agreeing(segment, log))), ("again", clauses)):
                count = segment.get(name, 1)
                if type(count) is not int or not 1 <= count <= max(1, most) or name in segment and not most:
                    found.append(f"counts: `{name}` is {count}, expected 1 to {most} [{label}]")
    return found


def _objects(segment: Frame, about: object, log: Log) -> list[str]:
    """What is wrong with `objects_to`: it must be what a source answers, and of somebody else."""
    if about not in log.messages or not isinstance(about, int):
        return [f"objects to {about!r}, which is no message"]
    if log.author(about) in segment["speakers"]:
        return ["objects to its own author"]
    answers = [log.messages[seq] for seq in segment["sources"]]
    if not any(message.get("reply_to") == about or _quotes(message) for message in answers):
        return [f"no source answers seq {about}"]
    return []


def _agreeing(segment: Frame, log: Log) -> set[tuple[str, int]]:
    """Who may merely agree with a source: they answer it, in few words."""
    found: set[tuple[str, int]] = set()
    for message in log.messages.values():
        about = message.get("reply_to")
        short = words.count(message["text"]) <= AGREEMENT_WORDS_MAX
        if about in segment["sources"] and short and log.author(about) != message["from"]["id"]:
            found.add((message["from"]["id"], about))
        elif _quotes(message):
            found |= {(message["from"]["id"], seq) for seq in segment["sources"] if seq < message["seq"]}
    return found


def _quotes(message: Frame) -> bool:
    return bool(message["text"].lstrip().startswith(">"))
