"""What is overheard: `ambient` segments of other rooms and pods (LOD section 4, protocol rule 10, law 17)."""

from __future__ import annotations

from tests.checks.record import Log, Reading
from tests.stranger import Frame, Seen

REDACTION_S = 1.0  # while it travels, a redaction may or may not have been heard of


def overheard(reading: Reading, log: Log, *, guest: bool) -> list[str]:
    """What is wrong with what one reader overheard; text and authors are checked with those of all segments."""
    found: list[str] = []
    told: dict[tuple[str, int], int] = {}
    for number, seen in sorted(reading.whole.items()):
        for segment in (one for one in seen.frame["segments"] if one["kind"] == "ambient"):
            label = f"ambient: {reading.who}, turn {number}"
            found += [f"{label}: {what} [{segment}]" for what in _lawful(segment, seen, log, guest=guest)]
            for seq in segment["sources"] if "room" in segment else ():
                if (segment["room"], seq) in told:
                    found.append(f"law 10: {label} tells of {segment['room']} {seq} again")
                told[segment["room"], seq] = number
    return found


def _lawful(segment: Frame, seen: Seen, log: Log, *, guest: bool) -> list[str]:
    found: list[str] = []
    if seen.frame["mode"] != "paraphrase":
        found.append(f"overheard in mode {seen.frame['mode']}")
    room = segment.get("room", log.room)
    if room == log.room:
        pods = {log.messages[seq].get("pod") for seq in segment["sources"]}
        return found if None not in pods else [*found, "said in no pod, so it is not of another"]
    other = log.others.get(room)
    if other is None:
        return [*found, f"of {room}, which is not in hearing"]
    if guest and not other.public:
        found.append("a guest overhears a room that is closed to guests")
    if any(other.kind(seq) == "human" for seq in segment["sources"] if seq in other.messages):
        found.append("what humans say in another room stays there")
    late = [seq for seq in segment["sources"] if other.redacted.get(seq, seen.at) < seen.at - REDACTION_S]
    if late and segment["text"]:
        found.append(f"law 17: {late} were redacted before")
    return found
