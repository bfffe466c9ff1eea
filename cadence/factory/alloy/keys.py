"""The registry of keys: which key may speak at which time. A key that a document brings along is never trusted.

Order of judgement: a revoked key is refused whatever it signed and whenever, since nobody knows how long it had been in
other hands. A superseded key is good for what it signed before its successor was registered. Every key is good for at
most 90 days after its registration.

The time of a signature is the signer's own word. It orders what an honest signer signed; against a stolen key only
revocation helps, and against an old document sent again only a nonce (`cadence.factory.alloy.challenge`).

Pure: `now` is an argument.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

KEY_LIFE_DAYS = 90
KEYS_MAX = 100_000
CLOCK_SKEW_S = 300.0  # how far in the future a signature may be dated
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
PUBLIC_KEY_BYTES = {"EdDSA": 32, "ES256": 65}  # Ed25519 (RFC 8032); an uncompressed point of P-256 (SEC 1)


class RegistryError(ValueError):
    """A registry that cannot be understood: which entry, what was expected, what came."""


class KeyRefused(ValueError):
    """A key that may not speak, or not at that time; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Key:
    """One public key and the time it is good for."""

    key_id: str
    algorithm: str
    public_key: bytes
    owner: str
    registered_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    superseded_by: str | None = None
    registered_by: str | None = None


class Registry:
    """Keys by id, and whose keys may sign what. Build it with `read_registry`, or from keys."""

    def __init__(self, keys: Iterable[Key] = (), authority: Mapping[str, Collection[str]] | None = None) -> None:
        self._authority = {what: frozenset(owners) for what, owners in (authority or {}).items()}
        self._keys: dict[str, Key] = {}
        for key in keys:
            if key.key_id in self._keys:
                raise RegistryError(f"expected each key once, got {key.key_id[:80]!r} twice. Remove one of them")
            self._keys[key.key_id] = key
        for key in self._keys.values():
            if key.superseded_by is not None and key.superseded_by not in self._keys:
                raise RegistryError(f"expected the successor of {key.key_id[:80]!r} to be registered. Add its entry")

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, key_id: str) -> Key:
        """The key of this id; raises `KeyRefused` where there is none."""
        if key_id not in self._keys:
            raise KeyRefused(f"the key {key_id[:80]!r} is not registered. Ask its owner to register it")
        return self._keys[key_id]

    def judge(self, key_id: str, public_key: bytes, at: datetime, now: datetime) -> Key:
        """The registered key, if it was good for a signature dated `at`; raises `KeyRefused` with the reason.

        `public_key` is what the document brought along; it only has to be the registered one.
        """
        key = self.get(key_id)
        if key.revoked_at is not None:
            raise KeyRefused(
                f"the key {key_id[:80]!r} is revoked, and with it all that it signed. Sign with another key"
            )
        if not hmac.compare_digest(key.public_key, public_key):
            raise KeyRefused(
                f"the document brings another key than the one registered as {key_id[:80]!r}. Do not trust it"
            )
        if at > now + timedelta(seconds=CLOCK_SKEW_S):
            raise KeyRefused("the signature is dated in the future. Check both clocks")
        if not key.registered_at <= at <= key.expires_at:
            span = f"from {key.registered_at.isoformat()} to {key.expires_at.isoformat()}"
            raise KeyRefused(f"the key was good {span}, the signature is of {at.isoformat()}. Sign with a current key")
        successor = self._keys.get(key.superseded_by or "")
        if successor is not None and at >= successor.registered_at:
            since = successor.registered_at.isoformat()
            raise KeyRefused(f"the key was superseded at {since}, the signature is later. Use its successor")
        return key

    def forbids(self, key: Key, what: str) -> str | None:
        """Why the owner of this key may not sign `what`; None if they may.

        `what` is a stage type, or `seal`, `receipt`, `amendment`. Where the registry says nothing, everybody in it may.
        """
        owners = self._authority.get(what)
        if owners is None or key.owner in owners:
            return None
        return f"{key.owner[:40]!r} is not among those who may sign `{what[:40]}`. Ask one of them"

    def cacheable_s(self, key_id: str, now: datetime) -> float:
        """How many seconds a verdict about this key may be kept: never beyond its own life."""
        key = self.get(key_id)
        return 0.0 if key.revoked_at is not None else max(0.0, (key.expires_at - now).total_seconds())


def read_registry(value: Any) -> Registry:
    """A registry from plain values, {"keys": [{keyId, algorithm, publicKey, owner, registeredAt, ...}, ...]}.

    `authority`, beside `keys`, says whose keys may sign what: {"issued": ["hall"], "seal": ["hall"]}. Raises
    `RegistryError` for what is missing or odd, above all for a key that would be good for more than 90 days.
    """
    entries = value.get("keys") if isinstance(value, dict) else value
    if not isinstance(entries, list) or len(entries) > KEYS_MAX:
        raise RegistryError(f'expected {{"keys": [...]}} with at most {KEYS_MAX} keys. Write one entry per key')
    authority = value.get("authority", {}) if isinstance(value, dict) else {}
    if not isinstance(authority, dict) or not all(_is_texts(owners) for owners in authority.values()):
        raise RegistryError(
            'expected authority to be like {"issued": ["hall"], "seal": ["hall"]}. Write lists of owners'
        )
    return Registry((_key(entry, i) for i, entry in enumerate(entries)), authority)


def instant(text: Any) -> datetime:
    """A moment from RFC 3339 text with its offset from UTC; raises `ValueError`."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) and _INSTANT.fullmatch(text) else None
    except ValueError:
        at = None
    if at is None:
        raise ValueError("expected a time with its zone such as 2026-11-27T03:00:00Z. Write it that way")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("expected a time between the years 1 and 9999. Write it that way") from None


def encode(data: bytes) -> str:
    """Base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: Any) -> bytes:
    """The bytes of base64url text without padding; raises `ValueError` for any other spelling of the same bytes."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (TypeError, ValueError, binascii.Error):
        data = None
    if data is None or encode(data) != text:
        raise ValueError("expected base64url without padding. Encode the bytes again")
    return data


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _key(entry: Any, i: int) -> Key:
    try:
        return _understood(entry)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise RegistryError(f"keys[{i}]: {reason}") from None


def _understood(entry: Any) -> Key:
    if not isinstance(entry, dict):
        raise ValueError("expected an object with keyId, algorithm, publicKey, owner and registeredAt. Write one")
    texts = {name: entry[name] for name in ("keyId", "algorithm", "publicKey", "owner", "registeredAt")}
    if not all(isinstance(text, str) and text for text in texts.values()):
        raise ValueError("expected text for keyId, algorithm, publicKey, owner and registeredAt. Fill them in")
    size = PUBLIC_KEY_BYTES.get(entry["algorithm"])
    public_key = decode(entry["publicKey"])
    if len(public_key) != size:
        raise ValueError(f"expected a key of {' or '.join(PUBLIC_KEY_BYTES)}, 32 or 65 bytes long. Register such a key")
    since = instant(entry["registeredAt"])
    latest = since + timedelta(days=KEY_LIFE_DAYS)
    until = instant(entry["expiresAt"]) if entry.get("expiresAt") is not None else latest
    if not since < until <= latest:
        raise ValueError(
            f"expected expiresAt within {KEY_LIFE_DAYS} days after registeredAt. Keys are renewed, not kept"
        )
    revoked = entry.get("revokedAt")
    successor, registrar = entry.get("supersededBy"), entry.get("registrationAuthority")
    if not all(other is None or isinstance(other, str) for other in (successor, registrar)):
        raise ValueError("expected text or null for supersededBy and registrationAuthority. Correct them")
    return Key(
        key_id=entry["keyId"],
        algorithm=entry["algorithm"],
        public_key=public_key,
        owner=entry["owner"],
        registered_at=since,
        expires_at=until,
        revoked_at=None if revoked is None else instant(revoked),
        superseded_by=successor,
        registered_by=registrar,
    )
