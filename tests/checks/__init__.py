"""Checkers over recorded frames: each returns a list of violations, in words, with the evidence.

They read PROTOCOL.md and LOD.md as a stranger would and import nothing of Cadence. `agent` and `reader` gather
what must hold for one client; `calm` are the times in which nothing (stall, cut, fault) held it back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.checks import ambient, answers, disputes, manners, order, pace, paced, repeats, text, whispers
from tests.checks.record import Log, Reading, log_of
from tests.stranger import Seen

__all__ = ["Calm", "Verdict", "agent", "log_of", "reader"]
Calm = list[tuple[float, float]]


@dataclass(slots=True)
class Verdict:
    """What was found, and how often the rarer laws were put to the proof."""

    violations: list[str] = field(default_factory=list)
    identities: int = 0


def agent(who: str, diary: list[Seen], log: Log, user: str, *, calm: Calm, to_head: bool = True) -> Verdict:
    """All that an agent must have received."""
    reading = Reading(who, diary, log.room)
    found = order.raw_stream(reading, log, to_head=to_head) + manners.agent(who, diary)
    return Verdict(found + _anyone(who, diary, reading, log, user, calm))


def reader(
    who: str,
    diary: list[Seen],
    log: Log,
    user: str,
    *,
    calm: Calm,
    prompt_s: float = 0.1,
    second: bool = False,
    lingers_s: float = 0.0,
) -> Verdict:
    """All that a human must have received, whatever modes were in force.

    `second`: another connection of the user was there first. `prompt_s`: what "at once" means on this machine.
    `lingers_s`: for how long another server may think that a connection which broke is still there.
    """
    reading = Reading(who, diary, log.room, second=second, lingers_s=lingers_s)
    identity, identities = ([], 0) if second else pace.law_3(reading, log, user)
    found = order.turn_numbers(reading) + order.ranges(reading, log) + identity
    found += order.speech(reading, log, user, calm=calm, prompt_s=prompt_s)
    found += pace.law_2(reading, log) + pace.silence(reading, log, calm=calm, prompt_s=prompt_s)
    found += text.turn_text(reading, log) + text.once(reading, log) + repeats.law_10(reading, log, user)
    found += disputes.law_9(reading, log) + paced.rule_7(reading, log, user) + answers.answers(reading, log)
    found += ambient.overheard(reading, log, guest=user != "host") + whispers.rare_and_named(reading, log)
    return Verdict(found + _anyone(who, diary, reading, log, user, calm), identities)


def _anyone(who: str, diary: list[Seen], reading: Reading, log: Log, user: str, calm: Calm) -> list[str]:
    found = manners.shapes(who, diary) + manners.members(who, diary, calm) + manners.redaction(who, diary, log)
    return found + order.same_messages(reading, log) + order.own_speech(reading, log, user)
