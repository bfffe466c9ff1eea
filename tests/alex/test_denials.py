from __future__ import annotations

import pytest

from cadence.alex import denials
from tests.alex.grounds import pair


@pytest.mark.parametrize(
    ("text", "said", "faults"),
    [
        ("Vera says they record the digits.", "I don't record the digits.", 1),
        ("Vera says they do not record the digits.", "I don't record the digits.", 0),
        ("Vera says the digits are never recorded.", "I don't record the digits.", 0),
        ("Vera refuses to record the digits.", "I won't record the digits.", 0),
        ("Vera says that is unhappy news.", "That is not happy news.", 0),
        ("Vera says they capture the digits.", "I don't record the digits.", 1),
        ("Vera says they do not capture the digits.", "I don't record the digits.", 0),
        ("Vera says they keep the tapes.", "I don't record the digits, I keep the tapes.", 0),
        ("Vera does not run it and does stop it.", "I don't run it and I don't stop it.", 1),
    ],
)
def test_what_was_denied_stays_denied(text: str, said: str, faults: int) -> None:
    reading, evidence = pair(text, said)
    assert len(denials.lost_denials(reading, evidence)) == faults


@pytest.mark.parametrize(
    ("text", "said", "faults"),
    [
        ("Vera says they do not record the digits.", "I record the digits.", 1),
        ("Vera says nobody records the digits.", "We record the digits.", 1),
        ("Vera says no.", "No, later.", 0),
        ("Vera rejects the digits.", "I record the digits.", 0),  # an act, and looked at as one
        ("Vera doubts the digits.", "I record the digits.", 1),
        ("Vera says the digits are unfinished.", "The digits are finished.", 1),
    ],
)
def test_nothing_is_denied_that_was_not(text: str, said: str, faults: int) -> None:
    reading, evidence = pair(text, said)
    assert len(denials.new_denials(reading, evidence)) == faults


@pytest.mark.parametrize(
    ("text", "said", "faults"),
    [
        ("Vera says the lease expired.", "Maybe the lease expired.", 1),
        ("Vera says the lease may have expired.", "Maybe the lease expired.", 0),
        ("Vera thinks the lease expired.", "The lease probably expired.", 0),
        ("Vera moves it to Wednesday.", "If the lease expired I move it to Wednesday.", 0),
        ("Vera says the lease expired and moves it.", "If the lease expired I move it to Wednesday.", 1),
        ("Vera moves it when the lease expired.", "If the lease expired I move it to Wednesday.", 0),
    ],
)
def test_hedges_and_conditions_stay(text: str, said: str, faults: int) -> None:
    reading, evidence = pair(text, said)
    assert len(denials.lost_hedges(reading, evidence)) == faults


@pytest.mark.parametrize(
    ("text", "said", "faults"),
    [
        ("Vera says the load decreased.", "The load increased.", 1),
        ("Vera says the load increased.", "The load increased.", 0),
        ("Vera checks it before lunch.", "I check it after lunch.", 1),
        ("Vera says the load did not increase.", "The load did not increase.", 0),
        ("Vera says it is early.", "It is not late.", 0),
        ("Vera says the job succeeded.", "The job failed and nobody got a page.", 1),
    ],
)
def test_an_opposite_turns_a_claim(text: str, said: str, faults: int) -> None:
    reading, evidence = pair(text, said)
    assert len(denials.opposites(reading, evidence)) == faults
