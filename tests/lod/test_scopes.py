"""The scope tree and its distances."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.lod.scopes import AROUND_MAX, Floor, Tree, path_of, room_steps

PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=5).map(tuple)


@pytest.mark.parametrize(
    ("other", "steps"),
    [
        ("north/house-2", 3.0),  # the room next door
        ("north/house-9", 4.0),  # the next house
        ("north", 4.0),  # on the square before it
        ("south/house-2", 5.0),  # another region
        ("south", 5.0),
    ],
)
def test_each_level_up_to_the_common_scope_is_a_step(other: str, steps: float) -> None:
    assert room_steps(path_of("north/house-2", "mine"), path_of(other, "other")) == steps


@given(PATHS, PATHS)
def test_distance_is_the_same_from_both_sides_and_never_that_of_one_room(
    one: tuple[str, ...], two: tuple[str, ...]
) -> None:
    assert room_steps(one, two) == room_steps(two, one)
    assert room_steps(one, two) >= 3.0 or one == two


@given(PATHS, PATHS, PATHS)
def test_a_detour_is_never_shorter(one: tuple[str, ...], two: tuple[str, ...], three: tuple[str, ...]) -> None:
    assert room_steps(one, three) <= room_steps(one, two) + room_steps(two, three)


def test_a_room_hears_the_rooms_of_the_universe_nearest_first() -> None:
    tree = Tree()
    for room, scope in (("far", "south"), ("lab", "north/a"), ("yard", "north/b"), ("hut", "north/a"), ("cell", "")):
        assert tree.put(room, scope) == bool(scope)
    assert tree.around("lab") == [("hut", 3.0), ("yard", 4.0), ("far", 4.0 + 1.0)]
    assert tree.around("cell") == [] and tree.around("nowhere") == []


def test_a_room_that_moves_is_heard_elsewhere_and_one_that_leaves_is_not() -> None:
    tree = Tree()
    tree.put("lab", "north")
    tree.put("hut", "south")
    assert tree.around("lab") == [("hut", 4.0)]
    assert not tree.put("hut", "south")
    assert tree.put("hut", "north")
    assert tree.around("lab") == [("hut", 3.0)]
    assert tree.put("hut", "")
    assert tree.around("lab") == []


def test_only_the_nearest_rooms_are_heard() -> None:
    tree = Tree()
    for number in range(AROUND_MAX + 9):
        tree.put(f"room-{number:03}", "north" if number else "south")
    assert len(tree.around("room-005")) == AROUND_MAX
    assert "room-000" not in dict(tree.around("room-005"))


def test_without_coordinates_the_other_pods_are_two_steps_away() -> None:
    floor = Floor(("hearth", "door", "stairs"))
    assert floor.steps("door", None) == {"hearth": 2.0, "door": 1.0, "stairs": 2.0}


def test_a_reader_who_is_nowhere_in_particular_hears_the_whole_room() -> None:
    assert Floor(("hearth", "door")).steps(None, None) == {}
    assert Floor(("hearth", "door")).steps("cellar", None) == {}
    assert Floor(("hearth", "door")).steps(None, (1.0, 1.0)) == {"hearth": 2.0, "door": 2.0}


def test_on_a_floor_a_tables_radius_is_a_step() -> None:
    floor = Floor(("hearth", "door", "stairs"), {"hearth": (0.0, 0.0), "door": (3.0, 4.0)}, radius_m=2.5)
    assert floor.steps("hearth", None) == {"hearth": 1.0, "door": 3.0, "stairs": 2.0}
    assert floor.steps("hearth", (3.0, 4.0)) == {"hearth": 3.0, "door": 1.0, "stairs": 2.0}
