"""What calls cost, for whom, and when the next one is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.models import usage as module
from cadence.models.cards import Allowance, Budget, ModelCard, Price
from cadence.models.chat import Account, Call, ChatMessage, ModelError, Usage
from cadence.models.usage import DAY_SECONDS, Ledger, Spent, cost_of

PRICE = Price(prompt=2.0, cached=0.5, answer=8.0)
LINES = {"budget.tokens_day": 7, "budget.cost_day": 8, "budget.reader.tokens_day": 11}
CARD = ModelCard("local", ("http://x/v1",), "tiny", "models/local.toml", price=PRICE, lines=LINES)
WHO = Account("lab", "vera", "bob")
CALL = Call((ChatMessage("user", "x" * 400),), tokens_max=100, account=WHO)  # 100 and 100 tokens


def spend(ledger: Ledger, card: ModelCard, usage: Usage, now: float = 0.0, who: Account = WHO) -> None:
    ledger.settle(ledger.admit(card, replace(CALL, account=who), now), usage, now)


def test_tokens_have_three_prices() -> None:
    usage = Usage(prompt_tokens=1_000_000, answer_tokens=250_000, cached_tokens=600_000)
    assert cost_of(CARD, usage) == pytest.approx(0.4 * 2.0 + 0.6 * 0.5 + 0.25 * 8.0)
    assert cost_of(replace(CARD, price=Price(prompt=2.0)), usage) == pytest.approx(2.0)


def test_a_call_counts_for_its_card_room_persona_and_reader() -> None:
    ledger = Ledger()
    spend(ledger, CARD, Usage(100, 50, 40))
    spend(ledger, CARD, Usage(10, 5), who=Account("lab", "jon"))
    assert ledger.spent("local") == Spent(2, 0, 110, 40, 55, pytest.approx(0.00002 * 7 + 0.00002 + 0.00044))
    assert ledger.spent("local", "room", "lab").calls == 2
    assert [ledger.spent("local", "persona", name).answer_tokens for name in ("vera", "jon")] == [50, 5]
    assert ledger.spent("local", "reader", "bob").prompt_tokens == 100
    assert sorted(key for key, _ in ledger.rows("persona")) == [
        ("local", "persona", "jon"),
        ("local", "persona", "vera"),
    ]
    assert ledger.spent("another") == Spent()


def test_a_budget_of_tokens_refuses_what_might_overdraw_it() -> None:
    ledger, card = Ledger(), replace(CARD, budget=Budget(tokens_day=500))
    spend(ledger, card, Usage(100, 100))
    spend(ledger, card, Usage(100, 1))
    with pytest.raises(ModelError) as caught:
        spend(ledger, card, Usage(100, 1))
    assert caught.value.trouble == "overloaded"
    told = "models/local.toml:7: expected at most 500 tokens a day for `local`, got 301 and 200 more"
    assert str(caught.value).startswith(told)
    assert ledger.spent("local").calls == 2, "what is refused costs nothing"


def test_calls_at_the_same_time_cannot_overdraw_together() -> None:
    ledger, card = Ledger(), replace(CARD, budget=Budget(tokens_day=500))
    tickets = [ledger.admit(card, CALL, 0.0) for _ in range(2)]
    with pytest.raises(ModelError):
        ledger.admit(card, CALL, 0.0)
    ledger.settle(tickets[0], Usage(50, 50), 0.0)
    ledger.admit(card, CALL, 0.0)


def test_a_budget_of_money() -> None:
    ledger, card = Ledger(), replace(CARD, budget=Budget(cost_day=0.0015))
    spend(ledger, card, Usage(100, 100))
    with pytest.raises(
        ModelError, match="models/local.toml:8: expected at most 0.0015 USD a day for `local`, got 0.0010"
    ):
        spend(ledger, card, Usage())


def test_each_reader_has_a_budget_of_his_own() -> None:
    ledger, card = Ledger(), replace(CARD, budget=Budget(reader=Allowance(tokens_day=300)))
    spend(ledger, card, Usage(100, 100))
    with pytest.raises(ModelError, match="models/local.toml:11: .* for the reader `bob`"):
        spend(ledger, card, Usage())
    spend(ledger, card, Usage(100, 100), who=Account("lab", "vera", "ann"))
    spend(ledger, card, Usage(100, 100), who=Account("lab", "vera"))


def test_a_budget_begins_anew_at_midnight() -> None:
    ledger, card = Ledger(), replace(CARD, budget=Budget(tokens_day=300))
    spend(ledger, card, Usage(100, 100), DAY_SECONDS * 5 - 1.0)
    with pytest.raises(ModelError):
        ledger.admit(card, CALL, DAY_SECONDS * 5 - 0.5)
    ledger.admit(card, CALL, DAY_SECONDS * 5 + 0.0)
    assert ledger.spent("local").calls == 1, "sums go on"


def test_nothing_at_all_may_be_allowed() -> None:
    with pytest.raises(ModelError):
        Ledger().admit(replace(CARD, budget=Budget(tokens_day=0)), CALL, 0.0)


def test_spenders_have_a_bound_and_sums_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_MAX", 20)
    ledger = Ledger()
    for n in range(200):
        spend(ledger, CARD, Usage(10, 1), who=Account("lab", reader=f"reader {n}"))
    rows = list(ledger.rows("reader"))
    assert len(rows) <= 21
    assert ledger.spent("local", "room", "lab").calls == 200, "who calls is not forgotten"
    assert sum(spent.calls for _, spent in rows) == 200
    assert ledger.spent("local").calls == 200


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 3)), max_size=40))
def test_a_budget_is_never_overdrawn_by_honest_endpoints(calls: list[tuple[int, int]]) -> None:
    ledger, card = Ledger(), replace(CARD, budget=Budget(tokens_day=1_000))
    open_tickets = []
    for tokens, settle in calls:
        call = replace(CALL, messages=(), tokens_max=tokens)
        try:
            open_tickets.append((ledger.admit(card, call, 0.0), tokens))
        except ModelError:
            pass
        for ticket, most in open_tickets[:settle]:
            ledger.settle(ticket, Usage(0, most // 2), 0.0)
        del open_tickets[:settle]
    for ticket, most in open_tickets:
        ledger.settle(ticket, Usage(0, most), 0.0)
    assert ledger.spent("local").answer_tokens <= 1_000
