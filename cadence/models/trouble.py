"""What an endpoint's refusal means, as a `ModelError` that names the card and the line to look at.

What the endpoint said is repeated shortened, printable and without the key; where the key itself is refused, not at
all, because some endpoints quote it.

Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cadence.models.cards import ModelCard
from cadence.models.chat import Call, ModelError, Trouble, tokens_about

SAID_CHARS_MAX = 200
AGAIN_SECONDS_MAX = 3_600.0  # longer requests to wait are cut to this
KEY_CHARS_MIN = 4  # of a key that is looked for; shorter ones would be found in ordinary words
_TOO_LONG = re.compile(
    r"context.{0,20}(length|size|window)|max(imum)?_?.?(context|model_len)|exceed_context|too long|"
    r"max(_completion)?_tokens.{0,40}(large|exceed|cannot|at most|less)|exceeds? the (available )?context",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"insufficient_quota|billing", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP answer that is no success. `said` is its body as text; `again_s` what Retry-After asks for."""

    status: int
    said: str = ""
    again_s: float | None = None


def shown(said: str, key: str | None) -> str:
    """What an endpoint said, fit for an error: short, printable, without the key."""
    if key and len(key) >= KEY_CHARS_MIN:
        said = said.replace(key, "...")
    said = re.sub(r"\bsk-[\w*.-]+|(?<=[Bb]earer )\S+", "...", said)
    words = " ".join("".join(char if char.isprintable() else " " for char in said[: 4 * SAID_CHARS_MAX]).split())
    return words if len(words) <= SAID_CHARS_MAX else words[: SAID_CHARS_MAX - 3] + "..."


def unreachable(card: ModelCard, address: str) -> ModelError:
    """Nobody answers at `address`."""
    text = (
        f"{where(card)}: expected an answer from {address}, but nobody answers there: start it, or correct the address"
    )
    return ModelError("unreachable", text)


def keyless(card: ModelCard) -> ModelError:
    """The variable that the card names is not set."""
    text = f"{card.at('key_env')}: expected a key in the variable {card.key_env}, which is not set: set it, start again"
    return ModelError("forbidden", text)


def refused(card: ModelCard, address: str, call: Call | None, refusal: Refusal, key: str | None) -> ModelError:
    """What the refusal of a call is to us."""
    status, said = refusal.status, shown(refusal.said, key)
    came = f"{status}: {said}" if said else f"{status}"
    if status in (401, 402, 403):
        return _forbidden(card, address, status)
    if status in (400, 413, 422, 500) and _TOO_LONG.search(refusal.said):
        return _too_long(card, call, came)
    if status == 404:
        text = f"{card.at('served')}: expected {address} to serve `{card.served}`, got {came}"
        return ModelError("unknown_model", f"{text}; correct the name, or the address, which often ends in /v1")
    if status == 429 and _QUOTA.search(refusal.said):
        return ModelError("overloaded", f"{where(card)}: the account at {address} is used up ({came}): look there")
    trouble = _trouble(status)
    if trouble == "invalid":
        text = f"{where(card)}: expected an answer from {address}, got {came}; see what the card asks for"
    else:
        text = f"{where(card)}: expected an answer from {address}, got {came}; try again later"
    again_s = None if refusal.again_s is None else max(0.0, min(refusal.again_s, AGAIN_SECONDS_MAX))
    return ModelError(trouble, text, again_s=again_s)


def where(card: ModelCard) -> str:
    """Card and line of the address."""
    return card.at("endpoints" if "endpoints" in card.lines else "endpoint")


def _trouble(status: int) -> Trouble:
    if status in (429, 503, 529):
        return "overloaded"
    if status in (408, 504):
        return "timed_out"
    return "unreachable" if status >= 500 and status != 501 else "invalid"


def _forbidden(card: ModelCard, address: str, status: int) -> ModelError:
    if card.key_env is None:
        text = f"{card.file}: {address} wants a key ({status}): name the variable that holds it as key_env"
    else:
        text = f"{card.at('key_env')}: {address} refuses the key in {card.key_env} ({status}): put a valid one there"
    return ModelError("forbidden", text)


def _too_long(card: ModelCard, call: Call | None, came: str) -> ModelError:
    asked = ""
    if call is not None:
        prompt = sum(tokens_about(message.text) for message in call.messages)
        asked = f" (a prompt of about {prompt} tokens and {call.tokens_max} for the answer)"
    place = card.at("context_tokens")
    text = f"{place}: expected a call that fits the context of `{card.served}`, got {came}{asked}"
    return ModelError("too_long", f"{text}; send less, or correct context_tokens")
