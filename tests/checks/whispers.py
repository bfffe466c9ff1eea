"""Whispers: Alex's own sentences name their speakers, are rare, and come only to those who want them."""

from __future__ import annotations

from tests.checks.record import Log, Reading, seconds

PAUSE_S = {"light": 600.0, "heavy": 120.0}
CHECK_IN_S = 3_600.0


def rare_and_named(reading: Reading, log: Log) -> list[str]:
    """What is wrong with the whispers of one reader."""
    found: list[str] = []
    last: dict[bool, float] = {}
    for number, seen in sorted(reading.whole.items()):
        whispers = [segment for segment in seen.frame["segments"] if segment["kind"] == "whisper"]
        label, now = f"whisper: {reading.who}, turn {number}", seconds(seen.frame["at"])
        if len(whispers) > 1 or (whispers and seen.frame["mode"] != "paraphrase"):
            found.append(f"{label}: {len(whispers)} in a turn of mode {seen.frame['mode']}")
        for segment in whispers:
            where = log.others.get(segment.get("room", ""), log)
            names = {where.messages[seq]["from"]["name"] for seq in segment["sources"] if seq in where.messages}
            if not segment.get("redacted") and any(name not in segment["text"] for name in names):
                found.append(f"{label} does not name {sorted(names)}: {segment}")
            allowed = {view["whisper"] for at, view in reading.views if at <= now}
            if not allowed - {"off"}:
                found.append(f"{label}: whispers are off")
            far = "room" in segment
            pause = min((PAUSE_S[one] for one in allowed - {"off"}), default=0.0) if far else CHECK_IN_S
            if now - last.get(far, float("-inf")) < pause - 0.001:
                found.append(f"{label}: {now - last[far]:.1f} s after the one before, expected {pause:g}")
            last[far] = now
    return found
