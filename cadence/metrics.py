"""The figures of a server in the form Prometheus reads, gathered when they are asked for.

Names follow Prometheus' rules (base units, `_total` for what only grows). `docs/grafana.json` shows them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from cadence.counts import MediationCounts, Spread
from cadence.models.async_encoder import EncodingCount
from cadence.rooms.hub import Hub
from cadence.rooms.sink import Path

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class Mediating(Protocol):
    """What mediation counts, wherever it is done."""

    @property
    def counts(self) -> MediationCounts: ...

    def readers(self) -> int: ...

    def encoding(self) -> EncodingCount | None: ...


class Figures(Collector):
    """Everything a server counts, as of the moment `write` is called."""

    def __init__(self, hub: Hub, driver: Mediating, version: str, path: Path = "transport") -> None:
        self._hub, self._driver, self._version, self._path = hub, driver, version, path
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def write(self) -> bytes:
        """The text format of Prometheus, `MEDIA_TYPE`."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("cadence", "The server's version.", {"version": self._version})
        yield InfoMetricFamily("cadence_sink", "How frames leave: transport or asgi.", {"path": self._path})
        yield from self._rooms()
        yield from self._connections()
        yield from self._mediation()

    def _rooms(self) -> Iterator[Metric]:
        counts = self._hub.counts
        yield _gauge("rooms", "Rooms that are open.", len(self._hub.rooms()))
        yield _counter("messages", "Messages made durable and told.", counts.messages)
        yield _counter("deliveries", "Frames of rooms offered to one connection each.", counts.deliveries)
        yield _counter("bursts", "Times that what a room had told was handed over, all of it at once.", counts.bursts)
        yield _counter("log_refusals", "Messages that the log could not keep.", counts.log_refusals)
        yield _histogram("lag_seconds", "From `say` until the message was offered to all.", counts.lag)

    def _connections(self) -> Iterator[Metric]:
        counts = self._hub.counts
        connections = self._hub.connections()
        unsent = [connection.unsent_bytes for connection in connections]
        kinds = GaugeMetricFamily("cadence_connections", "Open connections.", labels=["kind"])
        for kind in ("human", "agent"):
            kinds.add_metric([kind], sum(connection.member.kind == kind for connection in connections))
        yield kinds
        yield _gauge("unsent_bytes", "Queued for all connections and not sent yet.", sum(unsent))
        yield _gauge("unsent_bytes_max", "Queued for the slowest connection.", max(unsent, default=0))
        yield _counter("evictions", "Connections closed as too slow.", counts.evictions)
        recoveries = CounterMetricFamily(
            "cadence_recoveries", "Returns: hit got all that was missed, missed must reload.", labels=["outcome"]
        )
        recoveries.add_metric(["hit"], counts.recovered)
        recoveries.add_metric(["missed"], counts.reloads)
        yield recoveries

    def _mediation(self) -> Iterator[Metric]:
        counts = self._driver.counts
        yield _gauge("readers", "Human readers connected, once per room.", self._driver.readers())
        yield _counter("turns", "Turns shown.", counts.turns)
        yield _counter("condensed_words_in", "Words of AI messages that turns cover.", counts.words_in)
        yield _counter("condensed_words_out", "Words of those turns.", counts.words_out)
        yield _histogram("tick_late_seconds", "From a look's deadline to the look.", counts.late)
        encoding = self._driver.encoding()
        if encoding is not None:
            yield _counter("vectors_encoded", "Units given vectors.", encoding.encoded)
            yield _counter("vectors_dropped", "Units left without, as the encoder was behind.", encoding.dropped)
            yield _gauge("vectors_waiting", "Units waiting for the encoder.", encoding.queue)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"cadence_{name}", text, value=value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"cadence_{name}", text, value=value)


def _histogram(name: str, text: str, spread: Spread) -> Metric:
    return HistogramMetricFamily(f"cadence_{name}", text, buckets=spread.cumulative(), sum_value=spread.total)
