from __future__ import annotations

from pathlib import Path

import pytest

from cadence.personas.place import check, load_place
from cadence.personas.starter import init

ROOM = 'title = "The kitchen table"\nmembers = ["ada", "bo"]\nscript = "kitchen.script.jsonl"\n'


@pytest.fixture
def place(tmp_path: Path) -> Path:
    init(tmp_path)
    return tmp_path


def complaints(root: Path) -> list[str]:
    return [str(problem) for problem in check(root)]


def test_a_place_is_its_rooms_and_its_personas(place: Path) -> None:
    found = load_place(place)
    assert found.problems == () and found.broken == frozenset()
    assert list(found.personas) == ["ada", "alex", "bo"]
    room = found.rooms["kitchen"]
    assert (room.title, room.members, room.script[1].reply_to) == ("The kitchen table", ("ada", "bo"), 1)


def test_a_place_has_models_and_tells_of_broken_ones(place: Path) -> None:
    (place / "models/good.toml").write_text('endpoint = "http://127.0.0.1:8000/v1"')
    (place / "models/bad.toml").write_text('endpint = "http://127.0.0.1:8000/v1"')
    assert list(load_place(place).models) == ["good"]
    assert complaints(place)[0] == "models/bad.toml:1: `endpint`: unknown key; the nearest known key is `endpoint`"


def test_an_empty_folder_is_a_place(tmp_path: Path) -> None:
    found = load_place(tmp_path)
    assert (found.rooms, found.personas, found.problems) == ({}, {}, ())


def test_a_folder_that_is_not_there_is_no_place(tmp_path: Path) -> None:
    (complaint,) = complaints(tmp_path / "typo")
    assert complaint.startswith(".: expected a folder at ") and complaint.endswith("`cadence init` makes one")


def test_an_unknown_key_names_the_nearest(place: Path) -> None:
    (place / "rooms/kitchen.toml").write_text(ROOM + "publc = true\n")
    assert complaints(place) == ["rooms/kitchen.toml:4: `publc`: unknown key; the nearest known key is `public`"]


def test_a_member_without_a_card_names_the_nearest(place: Path) -> None:
    (place / "rooms/kitchen.toml").write_text('title = "x"\nmembers = ["adda"]\n')
    assert complaints(place) == [
        "rooms/kitchen.toml:2: `members`: expected a card personas/adda.md, got none; the nearest is `ada`"
    ]


def test_a_speaker_of_the_script_must_be_a_member(place: Path) -> None:
    with (place / "rooms/kitchen.script.jsonl").open("a") as file:
        file.write('{"from": "alex", "text": "x"}\n')
    assert complaints(place) == [
        "rooms/kitchen.script.jsonl:7: `from`: "
        "expected a member of the room `kitchen`, got `alex`; the nearest is `ada`"
    ]


def test_wrong_members_are_told_once_and_not_again_for_each_line(place: Path) -> None:
    (place / "rooms/kitchen.toml").write_text(ROOM.replace('["ada", "bo"]', '"ada"'))
    assert complaints(place) == ['rooms/kitchen.toml:2: `members`: expected a list, got "ada"']


def test_a_missing_script_is_told_at_the_room(place: Path) -> None:
    (place / "rooms/kitchen.script.jsonl").unlink()
    assert complaints(place) == ["rooms/kitchen.toml:3: `script`: expected a file rooms/kitchen.script.jsonl, got none"]


def test_a_script_linked_in_from_elsewhere_is_not_read(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "talk.jsonl"
    outside.write_text('{"from": "ada", "text": "secret"}')
    script = place / "rooms/kitchen.script.jsonl"
    script.unlink()
    script.symlink_to(outside)
    assert complaints(place) == [
        "rooms/kitchen.script.jsonl: expected a file of this place, got a link that leads out of it"
    ]


def test_two_personas_cannot_sound_the_same(place: Path) -> None:
    card = (place / "personas/bo.md").read_text()
    (place / "personas/bo.md").write_text(card.replace('"Bo"', '"ADA"'))
    assert complaints(place) == ["personas/bo.md:2: `name`: expected a name no other persona has, got that of `ada`"]


def test_the_name_of_the_mediator_is_taken_even_without_a_card(place: Path) -> None:
    (place / "personas/alex.md").unlink()
    card = (place / "personas/bo.md").read_text()
    (place / "personas/bo.md").write_text(card.replace('"Bo"', '"Alex"'))
    assert complaints(place) == ["personas/bo.md:2: `name`: expected a name no other persona has, got that of `alex`"]


def test_nobody_takes_the_id_of_the_host(place: Path) -> None:
    (place / "personas/host.md").write_text((place / "personas/bo.md").read_text().replace('"Bo"', '"Hal"'))
    assert complaints(place) == [
        "personas/host.md: expected another name for the file: the id `host` is the host's own"
    ]


def test_all_problems_of_a_place_are_told_at_once(place: Path) -> None:
    (place / "rooms/kitchen.toml").write_text(ROOM + "x = 1\n[view]\ncadence_s = 0\n")
    (place / "rooms/other.toml").write_text("title = 3\n")
    (place / "rooms/kitchen.script.jsonl").write_text('{"from": "ada", "txet": "x"}\n{}\n')
    (place / "personas/run.py").write_text("")
    files = {problem.file for problem in check(place)}
    assert files == {"rooms/kitchen.toml", "rooms/other.toml", "rooms/kitchen.script.jsonl", "personas/run.py"}
    assert len(check(place)) == 8


def test_what_is_broken_is_known_and_the_rest_is_usable(place: Path) -> None:
    (place / "rooms/porch.toml").write_text('title = "The porch"\n')
    (place / "rooms/cellar.toml").write_text("title = \n")
    found = load_place(place)
    assert list(found.rooms) == ["kitchen", "porch"]
    assert found.broken == {"cellar"}


def test_a_broken_card_breaks_a_script_that_needs_it_and_is_told_once(place: Path) -> None:
    (place / "personas/bo.md").write_text("no front matter")
    found = load_place(place)
    assert found.rooms == {} and found.broken == {"kitchen"} and "bo" not in found.personas
    assert [problem.file for problem in found.problems] == ["personas/bo.md"]


def test_a_room_goes_on_without_a_member_whose_card_is_broken(place: Path) -> None:
    (place / "rooms/porch.toml").write_text('title = "The porch"\nmembers = ["ada", "bo"]\n')
    (place / "personas/bo.md").write_text('+++\nname = "Bo"\npronouns = "he/him"\nmodell = "x"\n+++\nYou are Bo.\n')
    found = load_place(place)
    assert found.rooms["porch"].members == ("ada",) and "porch" not in found.broken
    assert [str(problem) for problem in found.problems] == [
        "personas/bo.md:4: `modell`: unknown key; the nearest known key is `model`"
    ]


def test_a_script_of_two_rooms_tells_its_own_problems_once(place: Path) -> None:
    (place / "rooms/pantry.toml").write_text(ROOM)
    (place / "rooms/kitchen.script.jsonl").write_text("nonsense\n")
    assert len(complaints(place)) == 1
    assert load_place(place).broken == {"kitchen", "pantry"}
