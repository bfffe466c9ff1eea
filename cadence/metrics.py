"""The figures of a server in the form Prometheus reads, gathered when they are asked for.

Names follow Prometheus' rules (base units, `_total` for what only grows). `docs/grafana.json` shows them all.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, get_args

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

from cadence.alex.grounding import Rule
from cadence.counts import MediationCounts, ProseCounts, Spread, WorkerCounts
from cadence.models.async_encoder import EncodingCount
from cadence.models.pool import Pool
from cadence.models.usage import Ledger
from cadence.personas.thoughts import Counts
from cadence.rooms.hub import Hub
from cadence.rooms.sink import Path

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
RULES: tuple[str, ...] = get_args(Rule)


class Mediating(Protocol):
    """What mediation counts, wherever it is done."""

    @property
    def counts(self) -> MediationCounts: ...

    @property
    def deaths(self) -> int: ...

    def readers(self) -> int: ...

    def workers(self) -> Sequence[WorkerCounts]: ...

    def encoding(self) -> EncodingCount | None: ...


class Models(Protocol):
    """The language models of a server: their pools by name, and what they cost."""

    @property
    def pools(self) -> Mapping[str, Pool]: ...

    @property
    def ledger(self) -> Ledger: ...


class Minds(Protocol):
    """What minds have done, by room and persona."""

    @property
    def counts(self) -> Mapping[str, Mapping[str, Counts]]: ...


class Figures(Collector):
    """Everything a server counts, as of the moment `write` is called."""

    def __init__(
        self,
        hub: Hub,
        driver: Mediating,
        version: str,
        path: Path = "transport",
        models: Models | None = None,
        minds: Minds | None = None,
    ) -> None:
        self._hub, self._driver, self._version, self._path = hub, driver, version, path
        self._models, self._minds = models, minds
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
        yield from self._processes()
        yield from _prose(self._driver.counts)
        if self._minds is not None:
            yield from _minds(self._minds.counts)
        if self._models is not None:
            yield from self._language_models(self._models)

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

    def _processes(self) -> Iterator[Metric]:
        """The server's loop, and each of Alex' processes, which `process_...` does not see."""
        tasks = GaugeMetricFamily("cadence_tasks", "Tasks of a process' loop.", labels=["process"])
        tasks.add_metric(["server"], len(asyncio.all_tasks()))
        readers = GaugeMetricFamily("cadence_mediator_readers", "Readers of a mediator.", labels=["mediator"])
        behind = GaugeMetricFamily(
            "cadence_mediator_behind_messages", "Sent to a mediator and not heard by it yet.", labels=["mediator"]
        )
        memory = GaugeMetricFamily("cadence_mediator_resident_bytes", "Its memory.", labels=["mediator"])
        cpu = CounterMetricFamily("cadence_mediator_cpu_seconds", "CPU it used since it was born.", labels=["mediator"])
        for number, worker in enumerate(self._driver.workers()):
            tasks.add_metric([f"mediator {number}"], worker.process.tasks)
            readers.add_metric([str(number)], worker.readers)
            behind.add_metric([str(number)], worker.behind)
            memory.add_metric([str(number)], worker.process.resident_bytes)
            cpu.add_metric([str(number)], worker.process.cpu_s)
        yield from (tasks, readers, behind, memory, cpu)
        yield _counter("mediator_deaths", "Mediators that died; their readers were asked back.", self._driver.deaths)

    def _language_models(self, models: Models) -> Iterator[Metric]:
        """By model; tokens by room and persona too, which are as many as the host has files. Readers are left out."""
        calls = CounterMetricFamily("cadence_model_calls", "Calls of models.", labels=["model", "outcome"])
        tokens = CounterMetricFamily("cadence_model_tokens", "Tokens, cached ones too.", labels=["model", "kind"])
        cost = CounterMetricFamily("cadence_model_cost", "What they cost.", labels=["model", "currency"])
        for (model, _, _), spent in models.ledger.rows(""):
            calls.add_metric([model, "answered"], spent.calls - spent.failed)
            calls.add_metric([model, "failed"], spent.failed)
            for kind in ("prompt", "cached", "answer"):
                tokens.add_metric([model, kind], getattr(spent, f"{kind}_tokens"))
            if model in models.pools:  # a card may be gone since
                cost.add_metric([model, models.pools[model].card.price.currency], spent.cost)
        spenders = CounterMetricFamily("cadence_model_spent_tokens", "Tokens, by whom.", labels=["model", "by", "name"])
        for by in ("room", "persona"):
            for (model, _, name), spent in models.ledger.rows(by):
                spenders.add_metric([model, by, name], spent.prompt_tokens + spent.answer_tokens)
        endpoints = GaugeMetricFamily("cadence_model_endpoints", "Endpoints, by state.", labels=["model", "state"])
        under_way = GaugeMetricFamily("cadence_model_outstanding", "Calls under way.", labels=["model"])
        for model, pool in models.pools.items():
            health = [each for _, each in pool.health()]
            for state in ("well", "resting", "trying"):
                endpoints.add_metric([model, state], sum(each.state == state for each in health))
            under_way.add_metric([model], sum(each.outstanding for each in health))
        yield from (calls, tokens, cost, spenders, endpoints, under_way)


def _prose(mediation: MediationCounts) -> Iterator[Metric]:
    """What was asked of the model that writes for Alex, and what became of it."""
    counts: ProseCounts = mediation.prose
    yield _counter("prose_asked", "Pieces of prose asked for, answers to readers among them.", counts.asked)
    yield _counter("prose_answers", "Of these, answers to readers.", counts.answers)
    yield _counter("prose_calls", "Calls for them; a second attempt is another.", counts.calls)
    yield _counter("prose_retried", "Second attempts, told what was wrong with the first.", counts.retried)
    outcomes = CounterMetricFamily("cadence_prose", "What became of them; crowded: not asked.", labels=["outcome"])
    for outcome in ("held", "refused", "late", "failed", "crowded"):
        outcomes.add_metric([outcome], getattr(counts, outcome))
    faults = CounterMetricFamily("cadence_prose_faults", "Answers refused, by each rule broken.", labels=["rule"])
    for rule in RULES:
        faults.add_metric([rule], counts.faults[rule])
    yield from (outcomes, faults)
    yield _counter("turns_with_prose", "Turns shown with a model's words in them.", mediation.told_by_model)
    yield _counter("turns_fallen_back", "Turns of quotes where prose had been asked for.", mediation.fell_back)


def _minds(rooms: Mapping[str, Mapping[str, Counts]]) -> Iterator[Metric]:
    """What personas with a model of their own do; they are as many as the host has files."""
    labels = ["room", "persona"]
    thoughts = CounterMetricFamily("cadence_mind_thoughts", "How they ended.", labels=[*labels, "outcome"])
    tools = CounterMetricFamily("cadence_mind_tools", "Tools used.", labels=labels)
    unsaid = CounterMetricFamily("cadence_mind_unsaid", "Drafts not said, by what was wrong.", labels=["room", "fault"])
    for room, personas in rooms.items():
        faults = Counter[str]()
        for persona, counts in personas.items():
            for outcome in ("said", "passes", "failures", "abandoned"):
                thoughts.add_metric([room, persona, outcome], getattr(counts, outcome))
            tools.add_metric([room, persona], counts.tools)
            faults.update(counts.faults)
        for fault, number in faults.items():
            unsaid.add_metric([room, fault], number)
    yield from (thoughts, tools, unsaid)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"cadence_{name}", text, value=value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"cadence_{name}", text, value=value)


def _histogram(name: str, text: str, spread: Spread) -> Metric:
    return HistogramMetricFamily(f"cadence_{name}", text, buckets=spread.cumulative(), sum_value=spread.total)
