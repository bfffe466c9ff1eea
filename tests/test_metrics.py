from __future__ import annotations

import json
import re

from prometheus_client.parser import text_string_to_metric_families

from cadence.alex.driver import Driver
from cadence.metrics import Figures
from cadence.models.async_encoder import EncodingCount
from cadence.rooms.wire import ViewPatch
from tests.rooms.house import HOST_TOKEN, House, clock, settle
from tests.source import ROOT

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


async def served() -> tuple[House, Driver, Figures]:
    house = House()
    driver = Driver(house.log, clock, house.hub.tell)
    house.hub.mediation = driver
    await house.start()
    state = await house.log.open_room("lab")
    await driver.open_room("lab", state.epoch, state.head, ViewPatch())
    return house, driver, Figures(house.hub, driver, "1.2.3")


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


async def test_the_dashboard_shows_every_figure_and_no_other() -> None:
    _, driver, figures = await served()
    driver._encoder = Full()  # type: ignore[assignment]
    board = json.loads((ROOT / "docs/grafana.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    shown = set(re.findall(r"\b(?:cadence|process)_\w+", " ".join(expressions)))
    offered = {name for name, _ in read(figures)}
    assert sorted(shown - offered) == []
    ours = {name for name in offered if name.startswith("cadence_") and not name.endswith(("_sum", "_count"))}
    assert sorted(ours - shown) == []
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
