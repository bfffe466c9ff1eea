from __future__ import annotations

from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType

from cadence.fields import PROBLEMS_PER_FILE_MAX, Id, Problem, Report, brief, line_of, nearest, parse_toml, read


class Inner(Struct, frozen=True):
    width: float = 1.0


class Outer(Struct, frozen=True, rename={"from_": "from"}, kw_only=True):
    from_: Id
    title: Annotated[str, Meta(min_length=1, description="a short title")]
    pace: Annotated[float, Meta(ge=1, le=30)] | UnsetType = UNSET
    mood: Literal["calm", "loud"] | None = None
    tags: tuple[Id, ...] = ()
    inner: Inner = Inner()
    inners: Annotated[tuple[Inner, ...], Meta(max_length=2)] = ()


GOOD: dict[str, object] = {"from": "ada", "title": "T"}


def complaints(table: dict[str, object]) -> list[str]:
    report = Report("f")
    read(Outer, table, report)
    return [str(problem) for problem in report.all()]


def test_a_table_without_problems_becomes_the_struct() -> None:
    report = Report("f")
    table = {**GOOD, "pace": 5, "mood": "loud", "tags": ["a"], "inner": {"width": 2}, "inners": [{}]}
    outer = read(Outer, table, report)
    assert outer == Outer(
        from_="ada", title="T", pace=5.0, mood="loud", tags=("a",), inner=Inner(2.0), inners=(Inner(),)
    )
    assert report.all() == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"titel": "x"}, "f: `titel`: unknown key; the nearest known key is `title`"),
        ({"TAG": []}, "f: `TAG`: unknown key; the nearest known key is `tags`"),
        ({"title": 3}, "f: `title`: expected a short title, got 3"),
        ({"title": ""}, 'f: `title`: expected a short title, got ""'),
        ({"pace": 40}, "f: `pace`: expected a number <= 30.0, got 40"),
        ({"pace": "5"}, 'f: `pace`: expected a number, got "5"'),
        ({"pace": True}, "f: `pace`: expected a number, got true"),
        ({"pace": float("nan")}, "f: `pace`: expected a number >= 1.0, got NaN"),
        ({"mood": "sad"}, 'f: `mood`: expected one of "calm", "loud", got "sad"'),
        ({"tags": "ada"}, 'f: `tags`: expected a list, got "ada"'),
        ({"inner": 3}, "f: `inner`: expected a table with the keys width, got 3"),
        ({"inner": {"width": "x"}}, 'f: `inner.width`: expected a number, got "x"'),
        ({"inner": {"width": float("inf")}}, "f: `inner.width`: expected a finite number, got inf"),
        ({"inner": {"with": 1}}, "f: `inner.with`: unknown key; the nearest known key is `width`"),
        ({"inners": [{}, {"w": 1}]}, "f: `inners[1].w`: unknown key; the nearest known key is `width`"),
        ({"inners": [{}, {}, {}]}, "f: `inners`: expected at most 2 entries, got 3"),
    ],
)
def test_each_problem_says_what_was_expected_and_what_came(change: dict[str, object], complaint: str) -> None:
    assert complaints({**GOOD, **change}) == [complaint]


def test_an_entry_of_a_list_is_named_by_its_place() -> None:
    (complaint,) = complaints({**GOOD, "tags": ["a", "B!"]})
    assert complaint.startswith("f: `tags[1]`: ") and complaint.endswith('got ["a", "B!"]')


def test_all_problems_of_a_table_are_told_at_once() -> None:
    assert len(complaints({"titel": "x", "pace": 0, "mood": "sad", "inner": {"w": 1, "width": "x"}})) == 7


def test_a_missing_field_is_told_with_what_it_should_be() -> None:
    report = Report("f")
    assert read(Outer, {"from": "ada"}, report) is None
    assert [str(problem) for problem in report.all()] == ["f: `title`: missing; expected a short title"]


def test_a_bad_optional_field_gets_its_default_so_that_the_rest_can_be_checked() -> None:
    report = Report("f")
    outer = read(Outer, {**GOOD, "tags": 3}, report)
    assert outer is not None and outer.tags == () and len(report.problems) == 1


def test_a_field_is_found_in_the_text_it_came_from() -> None:
    report = Report("f", source='title = "x"\n[view]\n  pace = 99\n')
    report.tell("wrong", field="view.pace")
    report.tell("wrong", field="missing")
    report.tell("wrong", field="title", line=7)
    assert [problem.line for problem in report.all()] == [3, None, 7]


def test_a_flood_of_problems_is_counted_instead_of_shown() -> None:
    report = Report("f")
    for n in range(PROBLEMS_PER_FILE_MAX + 3):
        report.tell(str(n))
    assert len(report.all()) == PROBLEMS_PER_FILE_MAX + 1
    assert report.all()[-1].message == "and 3 more problems of this kind"


def test_a_problem_reads_as_an_editor_wants_it() -> None:
    assert str(Problem("rooms/a.toml", 3, "title", "bad")) == "rooms/a.toml:3: `title`: bad"
    assert str(Problem("rooms/a.toml", None, None, "bad")) == "rooms/a.toml: bad"


def test_a_long_value_is_shortened() -> None:
    assert len(brief("x" * 1000)) == 60


def test_the_nearest_of_the_known_words_is_found_whatever_the_case() -> None:
    assert nearest("MEMBRES", ["title", "members", "script"]) == "members"


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        ),
    )
)
def test_no_table_whatever_makes_reading_fail(table: dict[str, object]) -> None:
    report = Report("f")
    assert read(Outer, table, report) is None or "title" in table
    assert all(isinstance(str(problem), str) for problem in report.all())


def test_a_table_with_free_keys_names_the_key_that_is_wrong() -> None:
    class Floor(Struct, frozen=True):
        at: dict[str, int] = {}

    report = Report("x.toml")
    assert read(Floor, {"at": {"door": 1, "hearth": "far", "stairs": []}}, report) == Floor()
    assert [problem.field for problem in report.all()] == ["at.hearth", "at.stairs"]


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = 1\na = 2", "\x00", "a = '"])
def test_broken_toml_is_a_problem_and_never_an_exception(text: str) -> None:
    report = Report("f")
    assert parse_toml(text, report) is None
    assert len(report.problems) == 1


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("a", 1),
        ("t.a", 3),
        ("t.u.a", 6),
        ("t.b", 4),
        ("t.u", 5),
        ("t", 2),
        ("v.w", 8),
        ("items[2]", 9),
        ("zz", None),
        ("", None),
    ],
)
def test_the_line_of_a_field_is_found_below_its_table(field: str, line: int | None) -> None:
    source = "a = 1\n[t]\na = 2\nb = 3\n[t.u]\na = 4\n\nv.w = 5\nitems = [1]"
    assert line_of(source, field) == line
