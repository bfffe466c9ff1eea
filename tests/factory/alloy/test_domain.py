"""The registry of domains: exact ids, one owner for each stage, helpful refusals."""

from __future__ import annotations

from typing import Literal

import pytest

from cadence.factory.alloy.core import Alloy, Stage
from cadence.factory.alloy.domain import DOMAINS, Domain, DomainConflict, Registry, UnknownDomain, UnknownStage, nearest
from cadence.factory.alloy.domains.compute_receipt import ComputeAlloy
from cadence.factory.alloy.domains.llm_forge.report import UNKNOWN, ForgeAlloy
from cadence.factory.alloy.load import load
from tests.factory.alloy.examples import job, loaded, parcel, photo, recipe, said, text, ticket


class Sown(Stage):
    type: Literal["sown"]
    field: str


class Reaped(Stage):
    type: Literal["reaped", "harvested"]


class OtherSown(Stage):
    type: Literal["sown"]


class Farm(Alloy):
    acres: float | None = None


def farm(**changes: object) -> Domain:
    given = {"id": "farm", "version": "1.0.0", "type_byte": "0xFF", "stages": (Sown, Reaped), "root": Farm}
    return Domain(**(given | changes))  # type: ignore[arg-type]


def test_a_domain_is_added_without_touching_the_core() -> None:
    registry = Registry()
    registry.register(farm())
    value = {"name": "f", "version": "1.0.0", "domains": ["farm"], "source": {}, "acres": 2, "stages": []}
    value["stages"] = [{"type": "sown", "field": "north"}, {"type": "harvested"}]
    found = load(text(value), name="x", registry=registry)
    assert found.valid and isinstance(found.alloy, Farm) and isinstance(found.alloy.stages[1], Reaped)
    wrong = load(text(value | {"acres": "two"}), name="x", registry=registry)
    assert [str(one.path) for one in wrong.errors] == ["('acres',)"]


def test_the_same_domain_twice_changes_nothing_another_under_its_id_is_refused() -> None:
    registry = Registry()
    domain = registry.register(farm())
    assert registry.register(domain) is domain
    with pytest.raises(DomainConflict, match="'farm' is taken"):
        registry.register(farm(version="2.0.0"))


def test_a_stage_class_has_one_owner() -> None:
    registry = Registry()
    registry.register(farm())
    with pytest.raises(DomainConflict, match="belongs to 'farm'"):
        registry.register(farm(id="garden"))


def test_domains_that_use_one_name_differently_cannot_be_listed_together() -> None:
    registry = Registry()
    registry.register(farm())
    registry.register(farm(id="garden", stages=(OtherSown,), root=Alloy))
    with pytest.raises(DomainConflict, match="both define 'sown'"):
        registry.shape(["farm", "garden"])
    (refused,) = said(photo() | {"domains": ["photo-provenance", "llm-forge"]})
    assert "both define 'publish'" in refused


def test_an_unknown_domain_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownDomain) as caught:
        DOMAINS.get("Ticketing")
    assert str(caught.value).startswith("expected a registered domain (compute-receipt, delivery, llm-forge,")
    assert str(caught.value).endswith("got 'Ticketing'; nearest: ticketing")
    assert said(recipe() | {"domains": ["ticketting"]})[0].endswith("nearest: ticketing")


def test_an_unknown_stage_is_named_with_the_nearest_known_ones() -> None:
    with pytest.raises(UnknownStage, match="got 'expert-prun'; nearest: expert-prune"):
        DOMAINS.stage("expert-prun", None)
    value = recipe()
    value["stages"][1]["type"] = "trian"
    assert said(value) == ["stages[1].type: expected a stage of llm-forge, got 'trian'; nearest: train, lora, quant"]


def test_a_stage_of_an_unlisted_domain_is_told_where_it_belongs() -> None:
    value = recipe()
    value["stages"][1] = ticket()["stages"][0]
    assert "belongs to the domain 'ticketing'" in said(value)[0]
    assert loaded(value).alloy is None


def test_an_absurdly_long_name_is_cut() -> None:
    with pytest.raises(UnknownStage) as caught:
        DOMAINS.stage("x" * 10_000, None)
    assert len(str(caught.value)) < 300
    assert nearest("zzzz", ["aaaa"]) == ""


def test_no_domains_mean_the_forge() -> None:
    assert DOMAINS.resolve_ids(None) == DOMAINS.resolve_ids([]) == ("llm-forge",)


def test_two_domains_mean_the_stages_of_both_and_the_source_of_the_first() -> None:
    value = recipe() | {"domains": ["llm-forge", "compute-receipt"], "limitations": ["x"]}
    value["stages"] += job()["stages"]
    alloy = loaded(value).alloy
    assert said(value) == [] and isinstance(alloy, ForgeAlloy) and isinstance(alloy, ComputeAlloy)
    assert alloy.origin.base_model == "someone/small"
    turned = value | {"domains": ["compute-receipt", "llm-forge"]}
    assert said(turned) == ["source.jobId: expected the key 'jobId', it is missing"]
    turned["source"] = {"jobId": "3"}
    found = loaded(turned).alloy
    assert said(turned) == [] and isinstance(found, ForgeAlloy) and found.origin is UNKNOWN
    # The rules of both hold, in either order.
    for one in (value, turned):
        one["stages"] = [*one["stages"], dict(job()["stages"][0])]
        assert said(one) == ["stages[8]: 'job-submitted' stands where it cannot"]


def test_results_keep_the_shape_of_the_domain_that_has_one_wherever_it_is_listed() -> None:
    value = recipe() | {"domains": ["delivery", "llm-forge"], "source": parcel()["source"]}
    assert said(value | {"results": {"benchmarks": [{"name": "x", "score": 3}]}}) == []
    assert said(value | {"results": {"benchmarks": [{}]}}) == [
        "results.benchmarks[0].name: expected the key 'name', it is missing"
    ]


def test_the_required_witnesses_are_registered_on_import() -> None:
    assert {"llm-forge", "photo-provenance", "ticketing", "delivery", "compute-receipt"} <= {one.id for one in DOMAINS}


def test_every_stage_class_is_owned_once() -> None:
    owned = [stage for domain in DOMAINS for stage in domain.stages]
    assert len(owned) == len(set(owned))
    missing = [one for one in _subclasses(Stage) if one not in owned and one.__module__.startswith("cadence.")]
    assert missing == []


def _subclasses(above: type[Stage]) -> list[type[Stage]]:
    return [found for one in above.__subclasses__() for found in (one, *_subclasses(one))]
