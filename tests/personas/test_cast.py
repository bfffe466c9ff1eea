from __future__ import annotations

import pytest

from cadence.personas.cast import NAME_CHARS_MAX, Humans, numbered
from cadence.rooms.wire import Member

ADA = Member("ada", "Ada", "agent")
PIP = Member("pip", "Pip", "human")
QUI = Member("qui", "Qui", "human", "host")


def test_agents_are_no_audience() -> None:
    humans = Humans()
    humans.whole((ADA,), 1)
    assert not humans.present


def test_a_human_is_an_audience_until_the_last_one_leaves() -> None:
    humans = Humans()
    humans.whole((ADA, PIP), 2)
    humans.changed((QUI,), ("pip",))
    assert humans.present
    humans.changed((), ("qui", "never-there"))
    assert not humans.present


def test_a_whole_list_replaces_what_was_known() -> None:
    humans = Humans()
    humans.whole((PIP,), 1)
    humans.whole((ADA,), 1)
    assert not humans.present


def test_where_the_list_was_cut_somebody_may_be_there() -> None:
    humans = Humans()
    humans.whole((ADA,), 501)
    assert humans.present


@pytest.mark.parametrize(("number", "name"), [(1, "Vera"), (2, "Vera 2"), (50, "Vera 50")])
def test_a_taken_name_gets_a_number(number: int, name: str) -> None:
    assert numbered("Vera", number) == name


def test_a_numbered_name_never_exceeds_the_limit() -> None:
    assert numbered("x" * 99, 1) == "x" * NAME_CHARS_MAX
    assert len(numbered("x" * 99, 12)) == NAME_CHARS_MAX
    assert numbered("x" * 99, 12).endswith(" 12")
