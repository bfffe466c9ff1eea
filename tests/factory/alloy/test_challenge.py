"""Nonces are good once, for a while, at one address."""

from __future__ import annotations

import pytest

from cadence.factory.alloy.challenge import LIFE_S, OPEN_MAX, ChallengeRefused, Challenges, is_nonce

HERE = "https://rooms.example"


def refused(challenges: Challenges, nonce: object, audience: object = HERE, now: float = 0.0) -> str:
    with pytest.raises(ChallengeRefused) as caught:
        challenges.redeem(nonce, audience, now)
    return str(caught.value)


def test_a_nonce_is_good_once() -> None:
    challenges = Challenges(HERE)
    nonce = challenges.issue(bytes(range(16)), 0.0)
    challenges.redeem(nonce, HERE, 10.0)
    assert "used before" in refused(challenges, nonce)


@pytest.mark.parametrize("audience", [HERE + "/", HERE.upper(), "http://rooms.example", " " + HERE, None])
def test_the_audience_is_compared_letter_by_letter_and_a_refused_nonce_is_gone(audience: object) -> None:
    challenges = Challenges(HERE)
    nonce = challenges.issue(bytes(16), 0.0)
    assert "another audience" in refused(challenges, nonce, audience)
    assert "never issued" in refused(challenges, nonce)


def test_a_nonce_grows_old() -> None:
    challenges = Challenges(HERE)
    nonce = challenges.issue(bytes(16), 100.0)
    assert "older than 3600" in refused(challenges, nonce, now=100.0 + LIFE_S + 1.0)


def test_what_was_never_issued_is_refused() -> None:
    for nonce in ("AAAAAAAAAAAAAAAAAAAAAA", "", None, ["x"]):
        assert "never issued" in refused(Challenges(HERE), nonce)


def test_open_nonces_are_bounded() -> None:
    challenges = Challenges(HERE)
    nonces = [challenges.issue(i.to_bytes(16, "big"), 0.0) for i in range(OPEN_MAX + 1)]
    assert "never issued" in refused(challenges, nonces[0])
    challenges.redeem(nonces[1], HERE, 0.0)


def test_entropy_must_be_enough_and_fresh() -> None:
    challenges = Challenges(HERE)
    with pytest.raises(ValueError, match="at least 16 bytes"):
        challenges.issue(bytes(15), 0.0)
    challenges.issue(bytes(16), 0.0)
    with pytest.raises(ValueError, match="fresh"):
        challenges.issue(bytes(16), 0.0)


def test_a_nonce_is_base64url_of_sixteen_bytes() -> None:
    assert is_nonce("AAAAAAAAAAAAAAAAAAAAAA")
    assert not is_nonce("AAAA")
    assert not is_nonce("AAAAAAAAAAAAAAAAAAAAA=")
    assert not is_nonce(None)
