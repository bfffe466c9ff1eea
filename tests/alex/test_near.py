from __future__ import annotations

from cadence.alex.near import NEAR_SPEAKERS_MAX, Near


def test_who_is_followed_or_was_addressed_lately_is_near() -> None:
    near = Near()
    near.approach({"vera", "otto"}, 100.0)
    near.approach(["otto"], 400.0)
    assert near.at(700.0, ["bao"]) == {"vera", "otto", "bao"}
    assert near.at(701.0, ()) == {"otto"}
    assert near.at(1_001.0, ()) == set()


def test_the_longest_ago_is_forgotten_first() -> None:
    near = Near()
    for number in range(NEAR_SPEAKERS_MAX + 1):
        near.approach([f"s{number}"], float(number))
    assert len(near.at(260.0, ())) == NEAR_SPEAKERS_MAX
    assert "s0" not in near.at(260.0, ())
