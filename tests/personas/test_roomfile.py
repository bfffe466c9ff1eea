from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.fields import Report
from cadence.lod.scopes import Floor
from cadence.personas.roomfile import Room, parse_room
from cadence.rooms.wire import Focus, ViewPatch


def parse(text: str) -> tuple[Room | None, list[str]]:
    report = Report("rooms/hall.toml")
    room = parse_room("hall", text, report)
    return room, [str(problem).removeprefix("rooms/hall.toml:").strip() for problem in report.all()]


def test_a_title_is_enough() -> None:
    assert parse('title = "The hall"') == (Room("hall", "The hall"), [])


def test_a_room_may_say_more() -> None:
    room, problems = parse(
        'title = "The hall"\nscope = "north/house-2"\npods = ["left"]\nmembers = ["ada", "bo"]\n'
        'script = "hall.script.jsonl"\npublic = false\n[view]\ncadence_s = 8\nmode = "raw"\n'
        '[view.focus]\nfollow = ["ada"]\n'
    )
    assert problems == []
    assert room == Room(
        "hall",
        "The hall",
        "north/house-2",
        ("left",),
        ("ada", "bo"),
        "hall.script.jsonl",
        False,
        ViewPatch(cadence_s=8.0, mode="raw", focus=Focus(follow=("ada",))),
    )


def test_pods_may_stand_somewhere() -> None:
    room, problems = parse(
        'title = "The hall"\npods = ["hearth", "door"]\ntable_radius_m = 2\n[at]\nhearth = [0, 0]\ndoor = [6.0, -1.5]\n'
    )
    assert problems == [] and room is not None
    assert room.floor == Floor(("hearth", "door"), {"hearth": (0.0, 0.0), "door": (6.0, -1.5)}, 2.0)
    assert Room("hall", "The hall").floor == Floor()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("titel = 'x'", "2: `titel`: unknown key; the nearest known key is `title`"),
        ("members = 'ada'", '2: `members`: expected a list, got "ada"'),
        ("members = ['ada', 'ada']", "2: `members`: expected each id once, got `ada` more than once"),
        ("members = ['alex']", "2: `members`: `alex` mediates for each reader and is never a member"),
        ("pods = ['a', 'a']", "2: `pods`: expected each id once, got `a` more than once"),
        ("scope = '/north'", "2: `scope`: expected ids joined by slashes, such as north/house-2"),
        ("scope = 'a/b/c/d/e/f/g/h/i'", "2: `scope`: expected at most 8 levels, got 9"),
        ("at.door = [1, 2]", "2: `at.door`: expected a pod of the room, got `door`"),
        (
            "pods = ['door']\nat.dor = [1, 2]",
            "3: `at.dor`: expected a pod of the room, got `dor`; the nearest is `door`",
        ),
        ("pods = ['door']\nat.door = [1]", "3: `at.door`: expected two numbers [x, y], in metres, got [1]"),
        ("pods = ['door']\nat.door = [inf, 0]", "3: `at.door`: expected metres within 10000, got"),
        ("table_radius_m = 0", "2: `table_radius_m`: expected a number >= 0.1, got 0"),
        ("pods = ['door']\nview.focus.pod = 'dor'", "3: `view.focus.pod`: expected a pod of the room, got `dor`"),
        ("script = '../other.jsonl'", "2: `script`: expected the name of a .jsonl file beside the room file"),
        ("script = 'talk.txt'", "2: `script`: expected the name of a .jsonl file beside the room file"),
        ("public = 1", "2: `public`: expected true or false, got 1"),
        ("view.cadence_s = 31", "2: `view.cadence_s`: expected a number <= 30.0, got 31"),
        ("view.sigma = nan", "2: `view.sigma`: expected a number >= 0.1, got NaN"),
        ("view.mode = 'fast'", '2: `view.mode`: expected one of "paraphrase", "paced", "raw", got "fast"'),
        ("view.focus.folow = []", "2: `view.focus.folow`: unknown key; the nearest known key is `follow`"),
        ("title = 'again'", "2: expected TOML, but: "),
    ],
)
def test_a_broken_room_names_the_line_and_the_field(line: str, problem: str) -> None:
    _, problems = parse(f"title = 'x'\n{line}")
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_a_title_must_be_one_that_can_be_shown() -> None:
    _, problems = parse('title = "a\\nb"')
    assert problems == ["1: `title`: expected a title without control characters and odd spaces"]


def test_members_can_be_checked_though_another_field_is_wrong() -> None:
    room, problems = parse("title = 'x'\nmembers = ['ada']\npublic = 3")
    assert room is not None and room.members == ("ada",) and len(problems) == 1


@given(st.text() | st.text(alphabet='title="x\n[view]', max_size=60))
def test_no_text_whatever_makes_parsing_fail(text: str) -> None:
    room, problems = parse(text)
    assert room is not None or problems
