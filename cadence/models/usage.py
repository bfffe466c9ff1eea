"""What calls of models cost, counted for whom they were made, and budgets that refuse before more is spent.

A call is admitted with the most it can cost (its prompt as estimated, its answer at its longest), which stays reserved
until it is settled with what it did cost. So calls at the same time cannot overdraw a budget together. A budget is of a
day from midnight to midnight UTC, of all calls of a card, or of those of each room, persona or reader. It begins anew
with the process: what must hold over restarts belongs into the account at the endpoint.

Pure: `now` is an argument, in seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from cadence.models.cards import Allowance, ModelCard
from cadence.models.chat import Account, Call, ModelError, Usage, tokens_about

DAY_SECONDS = 86_400
ROWS_MAX = 20_000  # of spenders, over all cards; beyond, the one that called longest ago is added to nobody's row
MILLION = 1_000_000
NAME_CHARS_MAX = 40  # of a spender in an error

Kind = Literal["", "room", "persona", "reader"]  # "" is the card as a whole
Key = tuple[str, Kind, str]  # card, kind, name


@dataclass(slots=True)
class Spent:
    """Since the start: calls, those without an answer, tokens, and cost in the currency of the card."""

    calls: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    answer_tokens: int = 0
    cost: float = 0.0

    def add(self, other: Spent) -> None:
        """Count what another row has."""
        self.calls += other.calls
        self.failed += other.failed
        self.prompt_tokens += other.prompt_tokens
        self.cached_tokens += other.cached_tokens
        self.answer_tokens += other.answer_tokens
        self.cost += other.cost


@dataclass(slots=True)
class _Row:
    spent: Spent = field(default_factory=Spent)
    day: int = 0  # to which the following belong
    tokens: int = 0
    cost: float = 0.0
    reserved_tokens: int = 0
    reserved_cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call that was admitted; to be settled once, whatever became of it."""

    card: ModelCard
    keys: tuple[Key, ...]
    tokens: int
    cost: float


class Ledger:
    """What has been spent by whom."""

    def __init__(self) -> None:
        self._rows: dict[Key, _Row] = {}

    def admit(self, card: ModelCard, call: Call, now: float) -> Ticket:
        """Reserve the most that a call can cost. Raises `ModelError` where a budget of the card does not allow it."""
        most = Usage(prompt_tokens(call), call.tokens_max)
        tokens, cost = most.prompt_tokens + most.answer_tokens, cost_of(card, most)
        keys = _keys(card, call.account)
        for key in keys:
            if (refusal := self._refusal(card, key, tokens, cost, now)) is not None:
                raise refusal
        for key in keys:
            row = self._row(key, now)
            row.reserved_tokens += tokens
            row.reserved_cost += cost
        return Ticket(card, keys, tokens, cost)

    def settle(self, ticket: Ticket, usage: Usage, now: float, *, failed: bool = False) -> None:
        """Count what a call did cost, and release what was reserved for it."""
        cost = cost_of(ticket.card, usage)
        spent = Spent(1, int(failed), usage.prompt_tokens, usage.cached_tokens, usage.answer_tokens, cost)
        for key in ticket.keys:
            row = self._row(key, now)
            row.reserved_tokens = max(0, row.reserved_tokens - ticket.tokens)
            row.reserved_cost = max(0.0, row.reserved_cost - ticket.cost)
            row.tokens += usage.prompt_tokens + usage.answer_tokens
            row.cost += cost
            row.spent.add(spent)

    def rows(self, kind: Kind | None = None) -> Iterator[tuple[Key, Spent]]:
        """What each spender has spent since the start, or those of one kind."""
        return ((key, row.spent) for key, row in self._rows.items() if kind is None or key[1] == kind)

    def spent(self, card: str, kind: Kind = "", name: str = "") -> Spent:
        """What one spender has spent of one card since the start."""
        row = self._rows.get((card, kind, name))
        return Spent() if row is None else row.spent

    def _refusal(self, card: ModelCard, key: Key, tokens: int, cost: float, now: float) -> ModelError | None:
        _, kind, name = key
        allowed: Allowance = getattr(card.budget, kind) if kind else card.budget
        if allowed.tokens_day is None and allowed.cost_day is None:
            return None
        row = self._row(key, now)
        whom = f"the {kind} `{name[:NAME_CHARS_MAX]}`" if kind else f"`{card.id}`"
        place = f"budget.{kind}." if kind else "budget."
        have, want = row.tokens + row.reserved_tokens, tokens
        if allowed.tokens_day is not None and have + want > allowed.tokens_day:
            text = (
                f"{card.at(place + 'tokens_day')}: expected at most {allowed.tokens_day} tokens a day for {whom}, got "
            )
            text += f"{have} and {want} more: wait for midnight UTC, or raise the budget"
            return ModelError("overloaded", text)
        spent = row.cost + row.reserved_cost
        if allowed.cost_day is not None and spent + cost > allowed.cost_day:
            text = (
                f"{card.at(place + 'cost_day')}: expected at most {allowed.cost_day:g} {card.price.currency} a day for "
            )
            text += f"{whom}, got {spent:.4f} and {cost:.4f} more: wait for midnight UTC, or raise the budget"
            return ModelError("overloaded", text)
        return None

    def _row(self, key: Key, now: float) -> _Row:
        row = self._rows.pop(key, None)
        if row is None:
            if len(self._rows) >= ROWS_MAX:
                self._forget()
            row = _Row()
        self._rows[key] = row  # last, as the order is that of the last calls
        day = int(now // DAY_SECONDS)
        if row.day != day:
            row.day, row.tokens, row.cost = day, 0, 0.0
        return row

    def _forget(self) -> None:
        """Add the row that called longest ago to nobody's of its kind, so that sums stay what they are."""
        named = (key for key, row in self._rows.items() if key[2] and not row.reserved_tokens)
        first = next(named, None)
        if first is not None:
            gone = self._rows.pop(first)
            self._rows.setdefault((first[0], first[1], ""), _Row()).spent.add(gone.spent)


def prompt_tokens(call: Call) -> int:
    """How long a prompt may be, as far as one can tell before it is sent."""
    return sum(tokens_about(message.text) for message in call.messages)


def cost_of(card: ModelCard, usage: Usage) -> float:
    """What the tokens cost, in the currency of the card."""
    price = card.price
    cached = price.prompt if price.cached is None else price.cached
    fresh = usage.prompt_tokens - usage.cached_tokens
    return (fresh * price.prompt + usage.cached_tokens * cached + usage.answer_tokens * price.answer) / MILLION


def _keys(card: ModelCard, account: Account) -> tuple[Key, ...]:
    named: tuple[tuple[Kind, str], ...] = (
        ("room", account.room),
        ("persona", account.persona),
        ("reader", account.reader),
    )
    return ((card.id, "", ""), *((card.id, kind, name) for kind, name in named if name))
