"""Rule 7: in mode paced whole messages, oldest first; a `catch_up` segment names the voices it condenses."""

from __future__ import annotations

from tests.checks import words
from tests.checks.pace import BACKCHANNEL_WORDS_MAX, Timeline, rate_of
from tests.checks.record import Log, Reading, seconds
from tests.checks.text import quote_stands
from tests.stranger import Frame

BACKLOG_S_MAX = 300.0
REDACTION_S = 1.0


def rule_7(reading: Reading, log: Log, user: str) -> list[str]:
    """What is wrong with the paced turns of one reader."""
    found: list[str] = []
    timeline = Timeline(reading)
    turns = [seen.frame for _, seen in sorted(reading.turns.items())]
    for turn in (turn for turn in turns if turn["mode"] == "paced"):
        label = f"rule 7: {reading.who}, turn {turn['turn']}"
        whats = _whole(turn, log) + _complete(turn, reading, log, user) + _stops(turn, reading, log, user)
        condensed = [segment for segment in turn["segments"] if segment["kind"] == "catch_up"]
        if condensed:
            whats += _condensed(turn, condensed, reading, log, timeline)
        found += [f"{label}: {what}" for what in whats]
    quoting = [turn for turn in turns if turn.get("by", "embedded") == "embedded"]  # what a model answers is prose
    for segment in (segment for turn in quoting for segment in turn["segments"] if segment["kind"] == "catch_up"):
        found += [f"rule 7: {reading.who}: {what} [{segment}]" for what in _named(segment, log)]
    return found


def _shown(turn: Frame) -> list[int]:
    """The messages shown verbatim, in the order of the turn, each once."""
    return list(dict.fromkeys(s["sources"][0] for s in turn["segments"] if s["kind"] == "verbatim"))


def _gone(seq: int, log: Log) -> bool:
    return seq in log.redacted


def _whole(turn: Frame, log: Log) -> list[str]:
    """Segments are whole messages in the order of the log: the text, then each part, nothing folded."""
    shown = _shown(turn)
    found = [] if shown == sorted(shown) else [f"not oldest first: {shown}"]
    others = [s["kind"] for s in turn["segments"] if s["kind"] not in ("verbatim", "catch_up")]
    if others or any(s["kind"] == "catch_up" for s in turn["segments"][1:]):
        found.append(f"expected at most one catch_up, then verbatim, got {[s['kind'] for s in turn['segments']]}")
    for seq in (seq for seq in shown if not _gone(seq, log)):
        message = log.messages[seq]
        due = [(None, message["text"])] if message["text"] else []
        due += [(index, part["body"]) for index, part in enumerate(message.get("parts", ()))]
        mine = [s for s in turn["segments"] if s["kind"] == "verbatim" and s["sources"] == [seq]]
        if [(s.get("part", {}).get("index"), s["text"]) for s in mine] != due:
            found.append(f"seq {seq} is not whole: {mine}")
    return found


def _waits(seq: int, reading: Reading, log: Log, user: str) -> bool:
    """AI speech, and human speech that was not sent at once, if anything is left of it to be shown."""
    message = log.messages[seq]
    nothing = message.get("spoken") and words.count(message["text"]) <= BACKCHANNEL_WORDS_MAX
    mine = log.author(seq) == user or log.kind(seq) == "human" and seq in reading.messages
    return not (mine or nothing or _gone(seq, log)) and bool(message["text"].strip() or message.get("parts"))


def _complete(turn: Frame, reading: Reading, log: Log, user: str) -> list[str]:
    """All that the turn covers is shown in it, or stands before all that is shown and is condensed.

    What was said before the mode was paced may have been counted as a repeat by then.
    """
    covers, shown = turn["covers"], _shown(turn)
    condensed = any(segment["kind"] == "catch_up" for segment in turn["segments"])
    before = min(shown, default=covers["to"] + 1) if condensed else 0
    span = range(max(covers["from"], before), covers["to"] + 1)
    span_paced = (seq for seq in span if reading.mode_at(log.at(seq)) == "paced" == reading.mode_at(log.at(seq) - 1))
    missing = [seq for seq in span_paced if seq not in shown and _waits(seq, reading, log, user)]
    return [f"covers {covers['from']}..{covers['to']} and leaves out {missing}"] if missing else []


def _stops(turn: Frame, reading: Reading, log: Log, user: str) -> list[str]:
    """`covers.to` is the head at the look, or the seq before the first message that waits."""
    to, now = turn["covers"]["to"], seconds(turn["at"])
    following = log.messages.get(to + 1)
    if following is None or log.at(to + 1) >= now - REDACTION_S or _gone(to + 1, log):
        return []
    got = reading.messages.get(to + 1)
    if got is not None and got.at > now + REDACTION_S:
        return []  # a node that lags had not heard of it at its look
    if log.kind(to + 1) == "agent" and (following["text"].strip() or following.get("parts")):
        return []
    return [] if _waits(to + 1, reading, log, user) else [f"stops at {to}, though seq {to + 1} does not wait"]


def _condensed(turn: Frame, condensed: list[Frame], reading: Reading, log: Log, timeline: Timeline) -> list[str]:
    """Only a backlog of more than five minutes of reading is condensed, and only its oldest half."""
    now, first = seconds(turn["at"]), turn["covers"]["from"]
    rate = min(rate_of(view) for view in timeline.around(now - 1, now))
    open_ = [seq for seq in log.messages if seq >= first and log.at(seq) <= now]
    behind = sum(words.of_message(log.messages[seq]) for seq in open_) / rate
    found = [] if behind > BACKLOG_S_MAX else [f"condenses {behind:.0f} s of reading, at most {BACKLOG_S_MAX:.0f} wait"]
    cited = max(seq for segment in condensed for seq in segment["sources"])
    if cited >= min(_shown(turn), default=cited + 1):
        found.append(f"seq {cited} is condensed behind what is shown whole")
    return found


def _named(segment: Frame, log: Log) -> list[str]:
    """Each voice has a line that begins with its name, and Alex adds no word: what follows is a quote of theirs."""
    if segment.get("redacted"):
        return []
    found: list[str] = []
    names = {log.author(seq): str(log.messages[seq]["from"]["name"]) for seq in segment["sources"]}
    lines = segment["text"].split("\n")
    for speaker, name in names.items():
        said = [line.removeprefix(f"{name}: ") for line in lines if line.startswith(f"{name}: ")]
        own = [seq for seq in segment["sources"] if log.author(seq) == speaker]
        if len(said) != 1:
            found.append(f"`{name}` has {len(said)} lines")
        elif not quote_stands({**segment, "text": said[0], "sources": own}, log):
            found.append(f"what `{name}` is said to have said is not theirs")
    return found
