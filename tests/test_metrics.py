from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cadence.alex.driver import Driver
from cadence.counts import ProcessCounts, WorkerCounts
from cadence.metrics import Figures
from cadence.models.async_encoder import EncodingCount
from cadence.models.cards import ModelCard, Price
from cadence.models.chat import Account, Call, ChatMessage, Usage, answer_of
from cadence.models.opening import OpenModels, open_models
from cadence.models.scripted import ScriptedModel
from cadence.personas.thoughts import Counts
from cadence.rooms.wire import ViewPatch
from tests.rooms.house import HOST_TOKEN, House, clock, settle
from tests.source import ROOT

CALL = Call((ChatMessage("user", "y" * 20),), tokens_max=5, account=Account("lab", "vera", "bob"))
WORKERS = [WorkerCounts(ProcessCounts(5, 100, 2.5), 4, 40), WorkerCounts(ProcessCounts(7, 200, 3.5), 6, 0)]
Read = dict[tuple[str, str], float]


def read(figures: Figures) -> Read:
    """What is there, by name and labels."""
    text = figures.write().decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, ",".join(sample.labels.values())): sample.value for sample in samples}


class Full:
    """An encoder's figures."""

    def count(self) -> EncodingCount:
        return EncodingCount(encoded=5, dropped=2, queue=1)


@dataclass
class Cast:
    """What minds have done."""

    counts: dict[str, dict[str, Counts]]


def modelled() -> OpenModels:
    """A model of one card, that answers at one of its two addresses."""
    card = ModelCard("local", ("http://a/v1", "http://b/v1"), "tiny", price=Price(answer=1e6, currency="EUR"))
    return open_models({"local": card}, connect=lambda card, address, key: ScriptedModel(lambda _: "x" * 8))


async def served(models: OpenModels | None = None, minds: Cast | None = None) -> tuple[House, Driver, Figures]:
    house = House()
    driver = Driver(house.log, clock, house.hub.tell)
    house.hub.mediation = driver
    await house.start()
    state = await house.log.open_room("lab")
    await driver.open_room("lab", state.epoch, state.head, ViewPatch())
    return house, driver, Figures(house.hub, driver, "1.2.3", models=models, minds=minds)


async def test_the_figures_follow_what_happens() -> None:
    house, driver, figures = await served()
    assert read(figures)["cadence_deliveries_total", ""] == 0
    vera = await house.member("Vera")
    await house.member("Bob", "human")
    for number in range(5):
        await vera.say(f"Shard {number} moved to the second hall before noon.")
    await settle(6)
    found = read(figures)
    assert found["cadence_info", "1.2.3"] == 1
    assert found["cadence_sink_info", "transport"] == 1
    assert found["cadence_bursts_total", ""] >= 5
    assert (found["cadence_connections", "human"], found["cadence_connections", "agent"]) == (1, 1)
    assert (found["cadence_rooms", ""], found["cadence_readers", ""]) == (2, 1)
    assert found["cadence_messages_total", ""] == 5
    assert found["cadence_deliveries_total", ""] >= 5
    assert found["cadence_lag_seconds_count", ""] == 5 and found["cadence_lag_seconds_bucket", "0.001"] == 5
    assert found["cadence_turns_total", ""] == 1 <= found["cadence_tick_late_seconds_count", ""]
    assert found["cadence_condensed_words_in_total", ""] == 45
    assert 0 < found["cadence_condensed_words_out_total", ""] <= 45
    assert found["cadence_unsent_bytes", ""] == 0
    await house.hub.drain(1.0)
    await driver.close()


async def test_slow_readers_and_returns_are_counted() -> None:
    house, driver, figures = await served()
    vera, bob = await house.member("Vera"), await house.member("Bob", "human", token=HOST_TOKEN)
    await bob.ask("view", room="lab", mode="raw")
    slow = await house.member("Slow")
    slow.channel.stall()
    for number in range(40):
        await vera.say("x" * 30_000, id=f"id {number}")
        if number == 5:
            assert read(figures)["cadence_unsent_bytes_max", ""] > 5 * 30_000
        await settle(0.1)
    slow.channel.resume()
    await settle(2)
    epoch = house.hub.rooms()[0].epoch
    again = await house.client(resume=slow.session)
    for after in ({"epoch": epoch, "seq": 0}, {"epoch": "another", "seq": 0}):
        await again.ask("leave", room="lab")
        await again.join(after=after)
    house.log.available = False
    assert (await vera.say("lost"))["code"] == "unavailable"
    found = read(figures)
    assert found["cadence_evictions_total", ""] == 1
    assert (found["cadence_recoveries_total", "hit"], found["cadence_recoveries_total", "missed"]) == (1, 1)
    assert found["cadence_log_refusals_total", ""] == 1
    house.log.available = True
    await house.hub.drain(1.0)
    await driver.close()


async def test_what_models_cost_is_counted() -> None:
    models = modelled()
    _, driver, figures = await served(models)
    await answer_of(models.models["local"], CALL)
    found = read(figures)
    assert (
        found["cadence_model_calls_total", "local,answered"],
        found["cadence_model_calls_total", "local,failed"],
    ) == (1, 0)
    assert [found["cadence_model_tokens_total", f"{kind},local"] for kind in ("prompt", "cached", "answer")] == [
        5,
        0,
        2,
    ]
    assert found["cadence_model_cost_total", "EUR,local"] == 2
    assert found["cadence_model_spent_tokens_total", "persona,local,vera"] == 7
    assert (found["cadence_model_endpoints", "local,well"], found["cadence_model_outstanding", "local"]) == (2, 0)
    assert not any("bob" in labels for _, labels in found), "readers are people, and many"
    await driver.close()


async def test_what_became_of_prose_is_counted() -> None:
    _, driver, figures = await served()
    prose = driver.counts.prose
    prose.asked, prose.answers, prose.calls, prose.retried, prose.held, prose.late = 9, 2, 11, 2, 5, 4
    prose.faults.update(["names", "names", "voice"])
    driver.counts.told_by_model, driver.counts.fell_back = 4, 3
    found = read(figures)
    assert [found[f"cadence_prose_{what}_total", ""] for what in ("asked", "answers", "calls", "retried")] == [
        9, 2, 11, 2,
    ]  # fmt: skip
    assert [found["cadence_prose_total", outcome] for outcome in ("held", "late", "refused")] == [5, 4, 0]
    assert [found["cadence_prose_faults_total", rule] for rule in ("names", "voice", "repeat")] == [2, 1, 0]
    assert (found["cadence_turns_with_prose_total", ""], found["cadence_turns_fallen_back_total", ""]) == (4, 3)
    await driver.close()


async def test_what_minds_do_is_counted_by_room_and_persona() -> None:
    said = Counts(thoughts=7, said=3, passes=2, failures=1, abandoned=1, tools=4, faults=Counter(stale=2))
    _, driver, figures = await served(minds=Cast({"lab": {"vera": said, "pell": Counts(faults=Counter(stale=1))}}))
    found = read(figures)
    outcomes = ("said", "passes", "failures", "abandoned")
    assert [found["cadence_mind_thoughts_total", f"{one},vera,lab"] for one in outcomes] == [3, 2, 1, 1]
    assert found["cadence_mind_tools_total", "vera,lab"] == 4
    assert found["cadence_mind_unsaid_total", "stale,lab"] == 3
    await driver.close()


async def test_processes_of_alex_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    _, driver, figures = await served()
    assert read(figures)["cadence_tasks", "server"] >= 1
    monkeypatch.setattr(driver, "workers", lambda: WORKERS)
    driver.deaths = 2
    found = read(figures)
    assert [found["cadence_mediator_behind_messages", number] for number in ("0", "1")] == [40, 0]
    assert found["cadence_mediator_readers", "1"] == 6 and found["cadence_tasks", "mediator 1"] == 7
    assert found["cadence_mediator_resident_bytes", "0"] == 100
    assert found["cadence_mediator_cpu_seconds_total", "0"] == 2.5
    assert found["cadence_mediator_deaths_total", ""] == 2
    await driver.close()


async def test_the_dashboard_shows_every_figure_and_no_other() -> None:
    models = modelled()
    models.ledger.settle(models.ledger.admit(models.pools["local"].card, CALL, 0.0), Usage(1, 1), 0.0)
    _, driver, figures = await served(models, Cast({"lab": {"vera": Counts(faults=Counter(stale=1))}}))
    driver._encoder = Full()  # type: ignore[assignment]
    driver.workers = lambda: WORKERS  # type: ignore[method-assign]
    board = json.loads((ROOT / "docs/grafana.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    shown = set(re.findall(r"\b(?:cadence|process)_\w+", " ".join(expressions)))
    offered = {name for name, _ in read(figures)}
    assert sorted(shown - offered) == []
    ours = {name for name in offered if name.startswith("cadence_") and not name.endswith(("_sum", "_count"))}
    assert sorted(ours - shown) == []
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
