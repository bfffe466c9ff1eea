"""The one byte form of a value (RFC 8785), and which parts of an alloy its own hash leaves out.

Whoever re-indents a file, sorts its keys or writes 1.0 for 1 changes its bytes but not what it says. What is signed is
therefore the canonical form: keys sorted by UTF-16 code units, no whitespace, numbers as ECMAScript writes them.

A document cannot hold its own hash, and publishing must not change what was signed. So the hashed part of an alloy
leaves out `receipt`, the `signature` of `integrity` (at the root or below `results`), and `integrity.alloyHash`, where
the hash itself is written down. Signature and receipt are bound in another way, see `cadence.factory.alloy.seal`.

Pure: values in, bytes out.
"""

from __future__ import annotations

from typing import Any

import rfc8785

from cadence.factory.alloy.document import read

OWN = ("signature", "alloyHash")  # members of `integrity` that speak about the canonical form


class CanonicalError(ValueError):
    """A value that has no canonical form: not JSON, or JSON that readers do not agree on."""


def canonical(value: Any) -> bytes:
    """The bytes of `value` under RFC 8785; raises `CanonicalError` for what JSON cannot hold.

    Good for what `document.read` gave. A value that a program built is to go through `checked`.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeEncodeError) as error:
        raise CanonicalError(f"expected a JSON value, got one without canonical form: {error}") from None


def checked(value: Any) -> Any:
    """`value` as a reader will see it: through its canonical form and back; raises `ValueError` if that is refused."""
    return read(canonical(value), name="value").value


def without(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    """A copy of an object without some members."""
    return {key: member for key, member in value.items() if key not in keys}


def covered(alloy: dict[str, Any]) -> dict[str, Any]:
    """What an alloy's canonical hash covers: all but the receipt and what is said about the hash itself."""
    kept = without(alloy, "receipt")
    if isinstance(kept.get("integrity"), dict):
        kept["integrity"] = without(kept["integrity"], *OWN)
    results = kept.get("results")
    if isinstance(results, dict) and isinstance(results.get("integrity"), dict):
        kept["results"] = {**results, "integrity": without(results["integrity"], *OWN)}
    return kept
