"""The low-pass filtered focus."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.lod.focus import TIME_CONSTANT_S, Focus, approached


def test_two_thirds_of_the_way_take_two_seconds() -> None:
    focus = Focus()
    focus.move({"hearth": 1.0, "door": 5.0}, 100.0)
    assert focus.felt(130.0) == {"hearth": 1.0, "door": 5.0}
    focus.move({"hearth": 5.0, "door": 1.0}, 130.0)
    assert focus.felt(130.0) == {"hearth": 1.0, "door": 5.0}
    assert focus.felt(132.0)["door"] == pytest.approx(1.0 + 4.0 / exp(1.0))
    assert focus.felt(160.0)["door"] == pytest.approx(1.0, abs=1e-5)


def test_what_comes_into_hearing_is_where_it_is_at_once() -> None:
    focus = Focus()
    focus.move({"door": 5.0}, 0.0)
    focus.move({"door": 5.0, "cellar": 3.0}, 10.0)
    assert focus.felt(10.0) == {"door": 5.0, "cellar": 3.0}
    focus.move({}, 11.0)
    assert focus.felt(12.0) == {}


def test_a_clock_that_goes_back_moves_nobody() -> None:
    focus = Focus()
    focus.move({"door": 5.0}, 10.0)
    focus.move({"door": 1.0}, 10.0)
    felt = focus.felt(11.0)
    assert focus.felt(9.0) == felt


@given(st.floats(0, 20), st.floats(0, 20), st.floats(0, 30), st.floats(0, 1))
def test_looking_twice_on_the_way_changes_nothing(felt: float, target: float, seconds: float, part: float) -> None:
    halfway = approached(felt, target, part * seconds)
    assert approached(halfway, target, (1 - part) * seconds) == pytest.approx(approached(felt, target, seconds))


@given(st.floats(0, 20), st.floats(0, 20), st.floats(0, 30), st.floats(0, 1))
def test_nothing_ever_pops(felt: float, target: float, seconds: float, step: float) -> None:
    """However far the jump, the felt distance moves by at most jump / time constant a second."""
    before, after = approached(felt, target, seconds), approached(felt, target, seconds + step)
    assert abs(after - before) <= abs(target - felt) * step / TIME_CONSTANT_S + 1e-9
