"""The chain of custody: what holds holds, and each way of breaking it is detected and the stage named."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest

from cadence.factory.alloy import chain, seal
from cadence.factory.alloy.custody import Break, Custody, Rules, check
from cadence.factory.alloy.keys import Registry, read_registry
from tests.factory.alloy import signed
from tests.factory.alloy.signed import NOW, RULES, delivery, forge, key, photo, registry, ticket

CHAINS: dict[str, Callable[[], dict[str, Any]]] = {
    "forge": forge,
    "photo": photo,
    "ticket": ticket,
    "delivery": delivery,
}
every_chain = pytest.mark.parametrize("make", CHAINS.values(), ids=CHAINS)


def examined(alloy: dict[str, Any], rules: Rules = RULES, keys: Registry | None = None) -> Custody:
    return check(alloy, keys or registry(), NOW, rules)


def breaks(alloy: dict[str, Any], **more: Any) -> list[tuple[str, int | None]]:
    return [(broken.kind, broken.stage) for broken in examined(alloy, **more).breaks]


@every_chain
def test_a_chain_as_it_was_signed_holds(make: Callable[[], dict[str, Any]]) -> None:
    alloy = make()
    found = examined(alloy)
    assert found.breaks == ()
    assert found.holds
    assert found.attested == tuple(range(len(alloy["stages"])))


@every_chain
def test_an_edited_field_is_found_in_its_stage(make: Callable[[], dict[str, Any]]) -> None:
    for index in range(len(make()["stages"])):
        alloy = copy.deepcopy(make())
        alloy["stages"][index]["type"] += "x"
        assert breaks(alloy)[0] in [("edited", index), ("wrong signer", index)]
        alloy = copy.deepcopy(make())
        alloy["stages"][index]["extra"] = 1
        assert breaks(alloy)[0] == ("edited", index)


@every_chain
def test_a_dropped_stage_is_named_by_the_number_it_had(make: Callable[[], dict[str, Any]]) -> None:
    count = len(make()["stages"])
    for index in range(count):
        alloy = copy.deepcopy(make())
        del alloy["stages"][index]
        assert breaks(alloy)[0] == ("dropped", index)
    alloy = copy.deepcopy(make())
    alloy["stages"] = []
    assert breaks(alloy) == [("dropped", 0)]


@every_chain
def test_two_stages_in_each_others_place_are_found(make: Callable[[], dict[str, Any]]) -> None:
    alloy = copy.deepcopy(make())
    alloy["stages"][1], alloy["stages"][2] = alloy["stages"][2], alloy["stages"][1]
    assert breaks(alloy) == [("reordered", 1)]


@every_chain
def test_a_stage_that_is_copied_is_found_where_it_was_put(make: Callable[[], dict[str, Any]]) -> None:
    alloy = copy.deepcopy(make())
    alloy["stages"].append(copy.deepcopy(alloy["stages"][1]))
    assert breaks(alloy) == [("replayed", len(alloy["stages"]) - 1)]


def test_a_stage_of_another_run_does_not_fit_in() -> None:
    one, other = forge("one"), forge("other")
    one["stages"][2] = other["stages"][2]
    assert breaks(one)[0] == ("replayed", 2)


def test_a_stage_that_its_own_signer_replaced_is_found() -> None:
    honest = forge()
    bare = {**honest, "stages": honest["stages"][:2]}
    second = chain.extend(bare, {"type": "expert-prune", "keepExpertsPerLayer": 1}, {"runner": key("forge")},
                          signed.at(2), {}, signed.digest("tiny/expert-prune"))  # fmt: skip
    forged = {**honest, "stages": [*second["stages"], *honest["stages"][3:]]}
    assert breaks(forged) == [("exchanged", 2)]


def test_the_last_stage_cannot_be_replaced_once_it_is_sealed() -> None:
    honest = delivery()
    bare = {**honest, "stages": honest["stages"][:3]}
    late = chain.extend(bare, {"type": "delivered", "place": "a ditch"}, {"receiver": key("house")}, signed.at(8), {},
                        signed.digest("ditch"))  # fmt: skip
    assert breaks(late) == [("exchanged", 3)]


def test_nothing_can_be_added_behind_the_end_that_was_sealed() -> None:
    honest = ticket()
    scan = {"type": "scanned", "scannerId": key("gate").key_id, "decision": "admit"}
    longer = chain.extend(honest, scan, {"scanner": key("gate")}, signed.at(9), {}, signed.digest("again"))
    assert breaks(longer) == [("added", 3)]
    unlinked = {**honest, "stages": [*honest["stages"], {"type": "scanned"}]}
    with pytest.raises(seal.SealBroken):
        seal.check(unlinked, registry(), NOW)


def test_the_recipe_cannot_be_changed_after_the_work() -> None:
    alloy = forge()
    alloy["source"] = {**alloy["source"], "baseModel": "another"}
    assert breaks(alloy) == [("edited", None)]
    alloy = forge()
    alloy["chainId"] = forge("other")["chainId"]
    assert breaks(alloy) == [("edited", None)]
    assert breaks({**forge(), "acceptanceCriteria": {"benchmarks": {}}}) == [("edited", None)]


def test_a_key_that_is_not_registered_is_a_wrong_signer() -> None:
    keys = read_registry([one for one in signed.entries() if one["owner"] != "courier"])
    assert breaks(delivery(), keys=keys)[:2] == [("wrong signer", 1), ("wrong signer", 2)]


def test_a_revoked_key_takes_all_its_stages_along() -> None:
    entries = [
        {**one, "revokedAt": "2026-11-27T11:00:00Z"} if one["owner"] == "ada" else one for one in signed.entries()
    ]
    assert breaks(ticket(), keys=read_registry(entries)) == [("wrong signer", 1)]


def test_a_role_that_nobody_signed_in_is_missed() -> None:
    alloy = ticket()
    alloy["stages"][1]["signatures"].pop()
    assert breaks(alloy)[0] == ("wrong signer", 1)


def test_a_role_is_for_the_key_that_the_stage_names() -> None:
    assert [str(broken) for broken in examined(ticket(taker="courier")).breaks] == [
        "stage 1 (transferred): wrong signer: signed as to by another key than the one that `to` names"
    ]


def test_a_chain_signed_by_those_who_may_not_is_a_counterfeit() -> None:
    keys = read_registry({"keys": signed.entries(), "authority": {"issued": ["opera"]}})
    assert [str(broken) for broken in examined(ticket(), keys=keys).breaks] == [
        "stage 0 (issued): wrong signer: 'hall' is not among those who may sign `issued`. Ask one of them"
    ]


def test_a_stage_must_take_in_what_the_one_before_put_out() -> None:
    alloy = signed.begun("parcel-2", source={})
    for hour in range(2):
        alloy = chain.extend(alloy, {"type": "in-transit"}, {"carrier": key("depot")}, signed.at(hour), {},
                             signed.digest(str(hour)))  # fmt: skip
    torn = copy.deepcopy(alloy)
    stage = torn["stages"][1]
    stage["inputHashes"] = {"previous": signed.digest("something else")}
    stage["signatures"] = [key("depot").sign(chain.STAGE_PURPOSE, chain.signed_part(stage), role="carrier")]
    assert breaks(alloy) == []
    assert breaks(torn) == [("broken flow", 1)]


def test_missing_data_needs_a_signed_amendment() -> None:
    alloy = forge()
    assert breaks(alloy) == []
    assert breaks({**alloy, "amendments": []}) == [("missing data", 4)]
    amendment = alloy["amendments"][0]
    for change in ({"reason": "it never was"}, {"data_available": True}, {"signed_by": "me"}, {"signatures": []}):
        assert breaks({**alloy, "amendments": [{**amendment, **change}]}) == [("missing data", 4)], change
    assert breaks({**alloy, "amendments": [7]}) == [("missing data", 4)]
    others = read_registry({"keys": signed.entries(), "authority": {"amendment": ["hall"]}})
    assert breaks(alloy, keys=others) == [("missing data", 4)]


@pytest.mark.parametrize("change", [{"stage_ref": 3}, {"stage_ref": []}, {"stageHash": []}, {"stageHash": "x"}])
def test_an_amendment_speaks_of_one_stage_by_number_and_hash(change: dict[str, Any]) -> None:
    alloy = forge()
    stated = {key: value for key, value in {**alloy["amendments"][0], **change}.items() if key != "signatures"}
    amendment = {**stated, "signatures": [key("forge").sign(chain.AMENDMENT_PURPOSE, stated)]}
    assert breaks({**alloy, "amendments": [amendment]}) == [("missing data", 4)]


def test_a_stage_far_down_a_long_chain_is_missed_too() -> None:
    alloy = signed.begun("long", source={})
    stages: list[dict[str, Any]] = []
    for index in range(1_200):
        begun = {**alloy, "stages": [*stages[-1:], {"type": "in-transit"}]}
        link = {"chain": alloy["chainId"], "index": index, "completedAt": signed.at(1)}
        link["previousHash"] = chain.link_hash(stages[-1]) if stages else chain.recipe_hash(begun)
        stage = {"type": "in-transit", "link": link, "outputHash": signed.digest(str(index)), "inputHashes": {}}
        if stages:
            stage["inputHashes"] = {"previous": stages[-1]["outputHash"]}
        stages.append({**stage, "signatures": [key("depot").sign(chain.STAGE_PURPOSE, stage, role="carrier")]})
    assert breaks({**alloy, "stages": stages}) == []
    assert breaks({**alloy, "stages": [*stages[:1_150], *stages[1_151:]]}) == [("dropped", 1_150)]


def test_a_placeholder_is_no_output() -> None:
    alloy = signed.begun("x", source={})
    alloy = chain.extend(alloy, {"type": "prune"}, {"runner": key("forge")}, signed.at(1), {}, "not-pinned-yet")
    assert breaks(alloy) == [("missing data", 0)]


def test_a_chain_may_be_read_while_it_grows() -> None:
    alloy = forge()
    growing = {**alloy, "stages": [*alloy["stages"][:2], {"type": "expert-prune"}], "results": {}}
    found = examined(growing)
    assert (found.breaks, found.attested, found.stages) == ((), (0, 1), 3)


def test_a_stage_without_link_does_not_stand_between_linked_ones() -> None:
    alloy = forge()
    alloy["stages"][2] = {"type": "expert-prune"}
    assert breaks(alloy)[0] == ("unsigned", 2)


def test_an_alloy_without_chain_has_nothing_attested_and_nothing_broken() -> None:
    assert examined({"name": "old", "stages": [{"type": "prune"}]}) == Custody((), (), 1)
    assert not examined({"stages": [{}]}).holds


@pytest.mark.parametrize(
    "stages",
    [None, 7, [None], [{"link": 1}], [{"link": {}}], [{"link": None}], [[]], {"0": {}}, [{"link": [], "type": 1}]],
)
def test_hostile_stages_break_or_say_nothing_but_never_fail(stages: Any) -> None:
    found = examined({"stages": stages, "integrity": {"chain": {"length": 2**53 - 1, "hash": 1}}})
    assert not found.holds
    assert len(found.breaks) <= 40


def test_random_single_edits_are_all_detected_and_their_stage_named() -> None:
    chance = random.Random(20261127)
    keys = registry()
    right = tried = 0
    for make in CHAINS.values():
        original = make()
        for _ in range(150):
            changed, path = signed.edit(original, chance)
            found = examined(changed, keys=keys).breaks
            sealed = holds(seal.check, changed, keys) and holds(seal.check_receipt, changed, keys)
            assert found or not sealed, path
            named = found[0].stage if found else None
            tried += 1
            right += named == signed.stage_of(path, amended=4)
    assert tried == 600
    assert right >= 594


def holds(checking: Callable[..., Any], alloy: dict[str, Any], keys: Registry) -> bool:
    try:
        checking(alloy, keys, NOW)
    except seal.SealBroken:
        return False
    return True


def test_a_break_reads_as_a_sentence() -> None:
    assert str(Break("dropped", 2, "", "it is gone")) == "stage 2: dropped: it is gone"
    assert str(Break("edited", None, "", "not that one")) == "the recipe: edited: not that one"
