from __future__ import annotations

import json
import re

from prometheus_client.parser import text_string_to_metric_families

from cadence.alex.driver import Driver
from cadence.metrics import Figures
from cadence.models.async_encoder import EncodingCount
from cadence.models.cards import ModelCard, Price
from cadence.models.chat import Account, Call, ChatMessage, Usage, answer_of
from cadence.models.opening import OpenModels, open_models
from cadence.models.scripted import ScriptedModel
from cadence.rooms.wire import ViewPatch
from tests.rooms.house import HOST_TOKEN, House, clock, settle
from tests.source import ROOT

CALL = Call((ChatMessage("user", "y" * 20),), tokens_max=5, account=Account("lab", "vera", "bob"))
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


def modelled() -> OpenModels:
    """A model of one card, that answers at one of its two addresses."""
    card = ModelCard("local", ("http://a/v1", "http://b/v1"), "tiny", price=Price(answer=1e6, currency="EUR"))
    return open_models({"local": card}, connect=lambda card, address, key: ScriptedModel(lambda _: "x" * 8))


async def served(models: OpenModels | None = None) -> tuple[House, Driver, Figures]:
    house = House()
    driver = Driver(house.log, clock, house.hub.tell)
    house.hub.mediation = driver
    await house.start()
    state = await house.log.open_room("lab")
    await driver.open_room("lab", state.epoch, state.head, ViewPatch())
    return house, driver, Figures(house.hub, driver, "1.2.3", models)


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


async def test_the_dashboard_shows_every_figure_and_no_other() -> None:
    models = modelled()
    models.ledger.settle(models.ledger.admit(models.pools["local"].card, CALL, 0.0), Usage(1, 1), 0.0)
    _, driver, figures = await served(models)
    driver._encoder = Full()  # type: ignore[assignment]
    board = json.loads((ROOT / "docs/grafana.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    shown = set(re.findall(r"\b(?:cadence|process)_\w+", " ".join(expressions)))
    offered = {name for name, _ in read(figures)}
    assert sorted(shown - offered) == []
    ours = {name for name in offered if name.startswith("cadence_") and not name.endswith(("_sum", "_count"))}
    assert sorted(ours - shown) == []
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
