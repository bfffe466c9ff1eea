"""Model cards: which language models there are, where they answer, what they cost, what they may spend.

A card is `models/ID.toml`; the stem is its id, [a-z0-9_-]{1,64}, and what a persona's card calls the model.

    endpoint = "http://127.0.0.1:8000/v1"
    served = "Qwen/Qwen3-8B"
    context_tokens = 32768

| key | | |
|---|---|---|
| `endpoint` | this or the next | where it answers: the address that ends before `/chat/completions` |
| `endpoints` | | at most 64 such addresses that answer alike |
| `served` | optional | what the endpoint calls the model (the card's id) |
| `context_tokens` | optional | prompt and answer together (8192) |
| `key_env` | optional | name of the environment variable that holds the key; the key itself is never in a card |
| `calls_max` | optional | calls under way at one endpoint, 1 to 4096 (64) |
| `tokens_s` | optional | how fast one answer comes, for planning |
| `[price]` | optional | `prompt`, `cached` and `answer` per million tokens, `currency` ("USD") |
| `[limits]` | optional | seconds: `connect_s` (5), `first_s` until the first piece (60), `silence_s` between pieces (30), `answer_s` in all (300) |
| `[budget]` | optional | `tokens_day` and `cost_day` of all calls; `[budget.room]`, `[budget.persona]`, `[budget.reader]` of each one's |
| `[extra]` | optional | further fields of each request, as the endpoint knows them |
| `[serve]` | optional | what `cadence models serve ID` starts; see `cadence.models.launch` |

Pure: text in, card and problems out. No problem repeats what a card says where a key may stand.
"""  # noqa: E501

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from cadence.fields import Report, line_of, parse_toml, read

CARD_BYTES_MAX = 64 * 1024
CONTEXT_TOKENS = 8_192
CALLS_MAX = 64
ENDPOINTS_MAX = 64
ADDRESS_CHARS_MAX = 500
OURS = frozenset(  # fields of a request that follow from the call and the card
    "model messages stream stream_options max_tokens max_completion_tokens temperature stop seed tools response_format "
    "n".split()
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_ADDRESS = "an address like http://127.0.0.1:8000/v1"

_Cost = Annotated[float, Meta(ge=0, le=1e9)]
_Seconds = Annotated[float, Meta(gt=0, le=3_600)]


class Price(Struct, frozen=True):
    """What a million tokens cost. `cached` are those of a prompt that were computed before (as `prompt`)."""

    prompt: _Cost = 0.0
    cached: _Cost | None = None
    answer: _Cost = 0.0
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z", description="three letters such as USD")] = "USD"


class Limits(Struct, frozen=True):
    """How long each part of a call may last, in seconds."""

    connect_s: _Seconds = 5.0
    first_s: _Seconds = 60.0
    silence_s: _Seconds = 30.0
    answer_s: _Seconds = 300.0


class Allowance(Struct, frozen=True):
    """What may be spent from midnight to midnight UTC; None is without bound."""

    tokens_day: Annotated[int, Meta(ge=0, le=10**15)] | None = None
    cost_day: _Cost | None = None


class Budget(Allowance, frozen=True):
    """What all calls of a card may spend together, and what those of each room, persona and reader may."""

    room: Allowance = Allowance()
    persona: Allowance = Allowance()
    reader: Allowance = Allowance()


class Serve(Struct, frozen=True):
    """What to start for a card whose model runs here."""

    model: Annotated[str, Meta(min_length=1, max_length=1_000)]
    cores: Annotated[str, Meta(pattern=r"^\d+(-\d+)?(,\d+(-\d+)?)*\Z", description="cores such as 0-3,6")] | None = None
    memory_gib: Annotated[float, Meta(gt=0, le=65_536)] | None = None
    cache_gib: Annotated[float, Meta(gt=0, le=65_536)] = 1.0
    dtype: Annotated[str, Meta(pattern=r"^[a-z0-9]{1,20}\Z", description="a type such as bfloat16")] = "auto"
    tool_parser: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,40}\Z", description="a parser's name")] | None = None
    start_s: Annotated[float, Meta(gt=0, le=86_400)] = 600.0


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One language model as a host wrote it. `file` is how the place calls the card.

    `lines` says where its keys stand, `price.prompt` for one in a table.
    """

    id: str
    endpoints: tuple[str, ...]
    served: str
    file: str = "models/card.toml"
    context_tokens: int = CONTEXT_TOKENS
    key_env: str | None = None
    calls_max: int = CALLS_MAX
    tokens_s: float | None = None
    price: Price = Price()
    limits: Limits = Limits()
    budget: Budget = Budget()
    extra: Mapping[str, object] = field(default_factory=dict)
    serve: Serve | None = None
    lines: Mapping[str, int] = field(default_factory=dict)

    def at(self, key: str) -> str:
        """Where `key` stands, as an editor jumps there: `models/local.toml:3`; the file alone if it does not."""
        line = self.lines.get(key)
        return self.file if line is None else f"{self.file}:{line}"


class _Fields(Struct, frozen=True):
    endpoint: Any = None
    endpoints: Any = None
    served: Annotated[str, Meta(pattern=r"^[!-~]{1,200}\Z", description="1 to 200 visible characters")] | None = None
    context_tokens: Annotated[int, Meta(ge=16, le=100_000_000)] = CONTEXT_TOKENS
    key_env: Any = None
    calls_max: Annotated[int, Meta(ge=1, le=4_096)] = CALLS_MAX
    tokens_s: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    price: Price = Price()
    limits: Limits = Limits()
    budget: Budget = Budget()
    extra: dict[str, Any] = {}
    serve: Serve | None = None


def parse_model_card(id: str, text: str, report: Report) -> ModelCard | None:
    """The card in `text`, or None after telling `report` every problem."""
    report.source = text
    table = parse_toml(text.removeprefix("\ufeff"), report)
    fields = None if table is None else read(_Fields, table, report)
    if fields is None or table is None:
        return None
    endpoints = _endpoints(fields, report)
    if fields.key_env is not None and not (isinstance(fields.key_env, str) and _NAME.fullmatch(fields.key_env)):
        # What stands there may be the key: never repeated.
        told = "expected the name of an environment variable (letters, digits, _), got something else; "
        report.tell(told + "put the key into a variable, and only its name here", field="key_env")
    for key in sorted(OURS & set(fields.extra)):
        report.tell("this field follows from the call and the card: leave it out", field=f"extra.{key}")
    if report.problems:
        return None
    return ModelCard(
        id=id,
        file=report.file,
        endpoints=endpoints,
        served=fields.served or id,
        lines={key: line for key in _keys(table) if (line := line_of(text, key)) is not None},
        **{key: getattr(fields, key) for key in _ALIKE},
    )


_ALIKE = ("context_tokens", "key_env", "calls_max", "tokens_s", "price", "limits", "budget", "extra", "serve")


def _endpoints(fields: _Fields, report: Report) -> tuple[str, ...]:
    """The addresses without a slash at the end, each once."""
    key = "endpoint" if fields.endpoints is None else "endpoints"
    if fields.endpoint is not None and fields.endpoints is not None:
        report.tell("expected endpoint or endpoints, got both: leave one out", field="endpoints")
    given = [fields.endpoint] if fields.endpoints is None else fields.endpoints
    if given == [None]:
        report.tell(f"missing; expected {_ADDRESS}, or a list of them as endpoints", field="endpoint")
        return ()
    if not isinstance(given, list) or not 0 < len(given) <= ENDPOINTS_MAX:
        report.tell(f"expected a list of 1 to {ENDPOINTS_MAX} addresses", field=key)
        return ()
    for address in given:
        if complaint := _complaint(address):
            report.tell(complaint, field=key)
            return ()
    return tuple(dict.fromkeys(address.rstrip("/") for address in given))


def _complaint(address: object) -> str | None:
    """Why an endpoint cannot be used, or None. The address is not repeated: a password may be in it."""
    if not isinstance(address, str) or not re.fullmatch(r"[!-~]+", address) or len(address) > ADDRESS_CHARS_MAX:
        return f"expected {_ADDRESS}, got something else"
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        usable = False
    if not usable:
        return f"expected {_ADDRESS}, got something else"
    if parts.username is not None or parts.query or parts.fragment:
        return "expected an address without user, query or fragment; a key goes into the variable that key_env names"
    if parts.path.rstrip("/").endswith("/chat/completions"):
        return "expected the address before /chat/completions, which is added to it: leave that out"
    return None


def _keys(table: Mapping[str, object], at: str = "") -> list[str]:
    """The keys of a card and of its tables, those of tables with their names before them: `price.prompt`."""
    found = []
    for key, value in table.items():
        found.append(at + key)
        if isinstance(value, Mapping):
            found += _keys(value, f"{at}{key}.")
    return found
