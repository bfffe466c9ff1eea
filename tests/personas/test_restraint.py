from __future__ import annotations

import pytest

from cadence.personas.chronicle import Chronicle
from cadence.personas.inbox import Focus, Kind
from cadence.personas.restraint import LOOP_MESSAGES, Restraint
from tests.personas.test_chronicle import message

OVEN = "The oven is ten degrees too hot; I measured it twice on Sunday morning with the thermometer of the bakery."


class Room:
    """A room with one message in it, and the restraint of vera."""

    def __init__(self) -> None:
        self.chronicle, self.restraint = Chronicle("hall", "e"), Restraint("vera")
        self.say(OVEN, "Dov")

    def say(self, text: str, name: str) -> None:
        kind = "human" if name == "Pip" else "agent"
        heard = self.chronicle.hear(message(self.chronicle.last + 1, text, name=name, kind=kind))  # type: ignore[arg-type]
        assert heard is not None
        self.restraint.hear(heard)

    def fault(self, text: str, kind: Kind = "talk") -> str | None:
        return self.restraint.judge(text, Focus(kind), self.chronicle).fault


@pytest.mark.parametrize(
    ("draft", "fault"),
    [
        (OVEN, "echo"),
        ("On Sunday morning I measured the oven twice with the bakery thermometer: ten degrees too hot.", "echo"),
        ("Great point, Dov!", "flattery"),
        ("Exactly.", "flattery"),
        ("Thank you so much, I completely agree with all of you.", "flattery"),
        ("Well said, Dov, your measuring of the oven is wonderful and insightful!", "flattery"),
        ("Gut gesagt!", "flattery"),
        ("Good point. Did anybody calibrate against boiling water at this altitude, as the manual demands?", None),
        ("I disagree, because the dial reads 220 while the probe hangs beside the door seal.", None),
        ("Which shelf?", None),
        ("No.", None),
        ("Agreed:\n\n```python\nprint(228 - 220)\n```", None),
        ("the oven " * 30, "stammer"),
    ],
)
def test_what_only_echoes_flatters_or_stammers_is_not_said(draft: str, fault: str | None) -> None:
    assert Room().fault(draft) == fault


def test_a_person_who_asked_is_answered_all_the_same() -> None:
    room = Room()
    assert room.fault(OVEN, "asked") is None
    assert room.fault("Exactly.", "asked") is None
    assert room.fault("the oven " * 30, "asked") == "stammer"


def test_a_mind_remembers_what_it_said_itself_for_longer_than_the_room() -> None:
    room = Room()
    mine = "The boats of the harbour master came back from the north with eleven barrels of salted herring."
    room.say(mine, "Vera")
    for day in range(200):
        room.say(f"On day {day} somebody planted pear tree number {day} behind chapel {day + 7}.", "Dov")
    assert room.fault(mine) == "echo"
    room.say("Herring barrels cost eleven crowns apiece.", "Dov")
    assert room.fault("Herring barrels cost eleven crowns apiece, salted by the harbour master.") == "echo"


def test_a_room_that_goes_round_needs_something_new_or_a_person() -> None:
    room = Room()
    for _ in range(LOOP_MESSAGES):
        room.say("The oven, measured twice on Sunday morning, is ten degrees too hot by the thermometer.", "Bao")
    half_new = "The oven is ten degrees too hot by the thermometer, Sunday. Who paid for the repair of the door seal?"
    new = "Who paid for the repair of the door seal in February, and does the warranty cover labour?"
    assert room.fault(half_new) == "loop"
    assert room.fault(new) is None
    room.say("What now?", "Pip")
    assert room.fault(half_new) is None


def test_praise_in_a_room_of_new_words_is_fine_when_it_brings_some() -> None:
    room = Room()
    assert room.fault("Great question. Copper conducts heat about twenty times better than steel does.") is None
