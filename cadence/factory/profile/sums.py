"""The profile: sums of what each expert did, exact, so that parts add up to the whole in any order.

For each mixture-of-experts layer, domain of the text and expert j, over the tokens x that were routed to j, with g the
weight by which the block really multiplies and f the expert's output before that:

    count      how many        gate       sum of g          gate_norm   sum of g * ||f||
    peak       max of |f_i|    norm       sum of ||f||      norm_sq     sum of ||f||^2

Sums of floats depend on their order by their last bits. These do not: each summand is rounded once to a multiple of
2^-52, and such numbers are added without error. A sum is therefore an int here, in units of 2^-52, and two halves of
a run equal the whole to the last bit. `value` gives the float64.

Padding is in none of them. What the weights alone say (router rows, AIMER) stands beside the sums, so that every
ranking is a function of this file.

Pure: text in, text out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cadence.factory.families.base import Routing

SCHEMA = "cadence.profile.v1"
UNITS = 2**52
SUMS = ("gate", "norm", "norm_sq", "gate_norm")
LAYERS_MAX = 1_024
EXPERTS_MAX = 65_536
DOMAINS_MAX = 64


class ProfileError(ValueError):
    """A profile that cannot be made, read or added: what was expected, what came, what to do."""


class NotFiniteError(ProfileError):
    """A NaN or an infinity where a number was expected, in weights or in what they made."""


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The model that was profiled."""

    family: str  # config.model_type
    name: str  # how people call it; never a path
    config_sha256: str
    dtype: str
    quantised: str | None  # quant_method of the checkpoint that was run: a profile of rounded weights says so
    experts: int  # routed experts of each layer
    top_k: int
    groups: int = 1  # the router first chooses groups of neighbouring experts,
    groups_used: int = 1  # this many of them,
    group_best: int = 1  # each judged by so many of its experts

    @property
    def routing(self) -> Routing:
        """How tokens find their experts."""
        return Routing(self.experts, self.top_k, self.groups, self.groups_used, self.group_best)


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The corpus, and how it was cut."""

    sha256: str  # of the file's bytes
    examples: int
    mix: dict[str, int]  # tokens by domain, as the model's tokenizer counts them
    length: int  # tokens in a sequence
    batch: int  # sequences in a batch
    batches: int
    benchmark_sha256: str | None = None  # of the file that shares no 13 words in a row with the corpus

    @property
    def tokens(self) -> int:
        """All tokens, without padding."""
        return sum(self.mix.values())


class Tally(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the experts of one layer did on one domain: each tuple has one entry an expert, sums in 2^-52."""

    count: tuple[int, ...]
    gate: tuple[int, ...]
    norm: tuple[int, ...]
    norm_sq: tuple[int, ...]
    gate_norm: tuple[int, ...]
    peak: tuple[float, ...]

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(
            count=_add(self.count, other.count),
            gate=_add(self.gate, other.gate),
            norm=_add(self.norm, other.norm),
            norm_sq=_add(self.norm_sq, other.norm_sq),
            gate_norm=_add(self.gate_norm, other.gate_norm),
            peak=tuple(max(a, b) for a, b in zip(self.peak, other.peak, strict=True)),
        )

    @classmethod
    def nothing(cls, experts: int) -> Tally:
        """No token yet."""
        none = (0,) * experts
        return cls(none, none, none, none, none, (0.0,) * experts)


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One mixture-of-experts layer."""

    router_l2: tuple[float, ...] | None  # norm of each router row; None where the router is not one matrix
    aimer: tuple[float, ...] | None  # mean |w| over root mean square of w (arXiv 2603.18492); None: packed weights
    domains: dict[str, Tally]

    def total(self) -> Tally:
        """All domains together."""
        tallies = list(self.domains.values())
        total = tallies[0]
        for tally in tallies[1:]:
            total = total.plus(tally)
        return total


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured of `subject` on `text`, over the batches in `done` (half-open ranges)."""

    subject: Subject
    text: Text
    done: tuple[tuple[int, int], ...]
    tokens: dict[str, int]  # counted so far, by domain
    layers: dict[int, Layer]

    def __post_init__(self) -> None:
        _check(self)

    @property
    def whole(self) -> bool:
        """Whether every batch of the text is in it."""
        return self.done == ((0, self.text.batches),)

    @property
    def sha256(self) -> str:
        """The hash of `to_json()`: the profile's name in plans and alloys."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """The profile as text, one layer a line: equal profiles give equal bytes."""
        head = {"schema": SCHEMA, **msgspec.to_builtins(self, str_keys=True)}
        del head["layers"]
        lines = [f"{json.dumps(name)}: {_dump(value)}," for name, value in head.items()]
        layers = [f'"{index}": {_dump(msgspec.to_builtins(self.layers[index]))}' for index in sorted(self.layers)]
        return "\n".join(["{", *lines, '"layers": {', ",\n".join(layers), "}}", ""])

    @classmethod
    def from_json(cls, text: str | bytes) -> Profile:
        """Read a profile; ProfileError names what is wrong with it."""
        try:
            read: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
            if (schema := read.pop("schema", None)) != SCHEMA:
                raise ProfileError(
                    f"expected a profile with schema {SCHEMA!r}, got {schema!r}; make it with `cadence forge profile`"
                )
            return msgspec.convert(read, cls, str_keys=True)
        except ProfileError:
            raise
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError) as error:
            raise ProfileError(f"this is no profile: {error}") from None

    def plus(self, other: Profile) -> Profile:
        """Both parts of one run together, exactly; ProfileError where they are not parts of one run."""
        for name in ("subject", "text"):
            mine, theirs = getattr(self, name), getattr(other, name)
            for field in mine.__struct_fields__:
                if getattr(mine, field) != getattr(theirs, field):
                    raise ProfileError(
                        f"only parts of one run add up: {name}.{field} is {getattr(mine, field)!r} in the one and "
                        f"{getattr(theirs, field)!r} in the other"
                    )
        return Profile(
            subject=self.subject,
            text=self.text,
            done=_join(self.done, other.done),
            tokens={domain: self.tokens[domain] + other.tokens[domain] for domain in self.tokens},
            layers={index: _both(index, layer, other.layers.get(index)) for index, layer in self.layers.items()},
        )


def value(units: int) -> float:
    """The float64 nearest to a sum."""
    return units / UNITS


def _add(one: Sequence[int], other: Sequence[int]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _dump(value: object) -> str:
    return json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _both(index: int, one: Layer, other: Layer | None) -> Layer:
    if other is None or (one.router_l2, one.aimer) != (other.router_l2, other.aimer):
        raise ProfileError(f"only parts of one run add up: layer {index} has other weights in the other part")
    return Layer(one.router_l2, one.aimer, {name: one.domains[name].plus(other.domains[name]) for name in one.domains})


def _join(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Disjoint ranges together, neighbours made one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted([*one, *other]):
        if joined and start < joined[-1][1]:
            raise ProfileError(f"both parts hold batch {start}; a batch counts once, so leave one of them out")
        if joined and start == joined[-1][1]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)


def _check(profile: Profile) -> None:
    subject, text = profile.subject, profile.text
    if not 0 < subject.top_k <= subject.experts <= EXPERTS_MAX:
        raise ProfileError(f"expected top_k <= experts <= {EXPERTS_MAX}, got {subject.top_k} and {subject.experts}")
    if not 0 < subject.groups_used <= subject.groups or subject.experts % subject.groups:
        raise ProfileError(f"{subject.groups_used} of {subject.groups} groups of {subject.experts} experts: no router")
    if not 0 < len(profile.layers) <= LAYERS_MAX or min(profile.layers) < 0:
        raise ProfileError(f"expected 1 to {LAYERS_MAX} layers, got {len(profile.layers)}")
    if not 0 < len(text.mix) <= DOMAINS_MAX or set(profile.tokens) != set(text.mix):
        raise ProfileError(f"expected tokens of 1 to {DOMAINS_MAX} domains: {', '.join(sorted(text.mix))[:200]}")
    if any(not 0 <= start < end <= text.batches for start, end in profile.done):
        raise ProfileError(f"expected ranges of batches within 0 to {text.batches}, got {list(profile.done)}")
    if profile.done != _join(profile.done, ()):
        raise ProfileError(f"expected ranges of batches in order, got {list(profile.done)}")
    if profile.whole and profile.tokens != text.mix:
        raise ProfileError(f"all batches are done, but {profile.tokens} tokens were counted of {text.mix}")
    for index, layer in profile.layers.items():
        _check_layer(index, layer, profile)


def _check_layer(index: int, layer: Layer, profile: Profile) -> None:
    experts, tokens = profile.subject.experts, profile.tokens
    for name in ("router_l2", "aimer"):
        if (values := getattr(layer, name)) is not None and len(values) != experts:
            raise ProfileError(f"layer {index}: expected {experts} values of {name}, got {len(values)}")
    if set(layer.domains) != set(tokens):
        raise ProfileError(f"layer {index}: expected the domains {', '.join(sorted(tokens))[:200]}")
    for domain, tally in layer.domains.items():
        for name in tally.__struct_fields__:
            if len(getattr(tally, name)) != experts:
                raise ProfileError(f"layer {index}, {domain}: expected {experts} of {name}")
        if sum(tally.count) != tokens[domain] * profile.subject.top_k:
            raise ProfileError(
                f"layer {index}, {domain}: {tokens[domain]} tokens go to {profile.subject.top_k} experts each, but "
                f"{sum(tally.count)} visits were counted"
            )


def parts(batches: int, part: int, of: int) -> tuple[int, int]:
    """The batches [start, end) of part `part` (from 1) of `of`: contiguous, and none left out."""
    if not 1 <= part <= of:
        raise ProfileError(f"expected a part like 1/{of} to {of}/{of}, got {part}/{of}")
    return batches * (part - 1) // of, batches * part // of


def join(profiles: Sequence[Profile]) -> Profile:
    """All parts of one run together, in any order."""
    if not profiles:
        raise ProfileError("expected at least one profile")
    total = profiles[0]
    for profile in profiles[1:]:
        total = total.plus(profile)
    return total


def by_domain(layer: Layer, field: str) -> Mapping[str, tuple[int, ...]]:
    """One field of a layer's tallies, domain by domain."""
    return {domain: getattr(tally, field) for domain, tally in layer.domains.items()}
