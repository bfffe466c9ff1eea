"""Freshness: a verifier hands out nonces, each good once, for its own address only.

A signature says who, a nonce says when: without one, an attestation made a year ago can be sent again today. The
audience is compared as text, letter by letter; a verifier that normalised addresses would accept what was made for a
neighbour.

Pure: `now` in seconds and the entropy are arguments.
"""

from __future__ import annotations

from typing import Any

from cadence.factory.alloy.keys import decode, encode

NONCE_BYTES_MIN = 16
OPEN_MAX = 10_000  # nonces handed out and not used yet; beyond, the oldest is forgotten
LIFE_S = 3_600.0


class ChallengeRefused(ValueError):
    """A nonce or an audience that is not what this verifier asked for; the message is a sentence."""


class Challenges:
    """The open nonces of one verifier, whose address is `audience`, such as `https://rooms.example`."""

    def __init__(self, audience: str) -> None:
        self.audience = audience
        self._open: dict[str, float] = {}  # nonce -> when it was issued, oldest first

    def issue(self, entropy: bytes, now: float) -> str:
        """A nonce made of `entropy`, at least 16 unpredictable bytes."""
        if len(entropy) < NONCE_BYTES_MIN:
            raise ValueError(f"expected at least {NONCE_BYTES_MIN} bytes of entropy, got {len(entropy)}. Draw more")
        nonce = encode(entropy)
        if nonce in self._open:
            raise ValueError("expected fresh entropy, got bytes that are out already. Use the system's random source")
        if len(self._open) >= OPEN_MAX:
            del self._open[next(iter(self._open))]
        self._open[nonce] = now
        return nonce

    def redeem(self, nonce: Any, audience: Any, now: float) -> None:
        """Use a nonce up. Raises `ChallengeRefused`; a nonce that was shown once is gone, also when it was refused."""
        issued = self._open.pop(nonce, None) if isinstance(nonce, str) else None
        if audience != self.audience:
            raise ChallengeRefused("the attestation was made for another audience. Ask for one with this address")
        if issued is None:
            raise ChallengeRefused("the nonce was never issued here, or was used before. Ask for a new one")
        if now - issued > LIFE_S:
            raise ChallengeRefused(f"the nonce is older than {LIFE_S:.0f} seconds. Ask for a new one")


def is_nonce(text: Any) -> bool:
    """Whether `text` is base64url of at least 16 bytes."""
    try:
        return len(decode(text)) >= NONCE_BYTES_MIN
    except ValueError:
        return False
