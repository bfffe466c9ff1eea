from __future__ import annotations

import math

from cadence.rooms.standing import Standing


def test_nobody_is_muted_or_out_to_begin_with() -> None:
    standing = Standing()
    assert (standing.muted_s("eve", 0.0), standing.out_s("eve", 0.0)) == (0.0, 0.0)


def test_a_mute_ends_by_itself_and_says_how_long_it_lasts() -> None:
    standing = Standing()
    standing.set("mute", "eve", 160.0, 100.0)
    assert (standing.muted_s("eve", 100.0), standing.muted_s("eve", 159.0), standing.muted_s("eve", 160.0)) == (
        60,
        1,
        0,
    )
    assert standing.out_s("eve", 100.0) == 0.0
    assert standing.muted_s("bob", 100.0) == 0.0


def test_what_has_no_end_lasts_until_a_host_ends_it() -> None:
    standing = Standing()
    standing.set("ban", "eve", None, 100.0)
    assert standing.out_s("eve", 1e12) == math.inf
    standing.set("ban", "eve", 200.0, 200.0)
    assert standing.out_s("eve", 200.0) == 0.0


def test_the_longer_of_a_kick_and_a_ban_keeps_somebody_out() -> None:
    standing = Standing()
    standing.set("ban", "eve", 110.0, 100.0)
    standing.set("kick", "eve", 130.0, 100.0)
    assert standing.out_s("eve", 100.0) == 30.0


def test_what_is_over_is_forgotten() -> None:
    standing = Standing()
    for number in range(100):
        standing.set("mute", f"user-{number}", number + 1.0, float(number))
    assert len(standing._until) == 1
