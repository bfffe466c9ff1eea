"""Names for the rarer things that can happen in a turn, so that a test can ask whether they ever did."""

from __future__ import annotations

from tests.checks import Log
from tests.checks.record import is_aside
from tests.stranger import Frame


def marks_of(turn: Frame, log: Log) -> list[str]:
    """What happened in this turn that happens seldom."""
    marks = [f"{turn['mode']} turn"]
    marks += ["overheard" if "room" in s else "other pod" for s in turn["segments"] if s["kind"] == "ambient"]
    marks += ["whisper" for segment in turn["segments"] if segment["kind"] == "whisper"]
    covers, segments = turn["covers"], [segment for segment in turn["segments"] if not is_aside(segment)]
    if turn["segments"] and not segments:
        return marks
    if not segments:
        marks.append("empty closing turn")
    if covers is not None and any(min(segment["sources"]) < covers["from"] for segment in segments):
        marks.append("postponed text")
    if any(segment["kind"] == "quote" for segment in segments):
        marks.append("digest turn")
    if any(segment.get("part", {}).get("folded") for segment in segments):
        marks.append("folded block")
    if any(log.kind(seq) == "human" for segment in segments for seq in segment["sources"]):
        marks.append("human speech in a turn")
    paced = turn["mode"] == "paced"
    marks += ["paced catch_up" for segment in segments if paced and segment["kind"] == "catch_up"]
    marks += ["answer with a quote"] if turn["mode"] == "answer" and segments else []
    marks += [name for name in ("agree", "again") if any(name in segment for segment in segments)]
    if any("objects_to" in segment for segment in segments):
        marks.append("dispute")
    return marks
