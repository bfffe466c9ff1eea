"""The chain of custody: each stage signed, with the hash of the one before it, down to the recipe.

    alloy["chainId"]            drawn once per run, so that no stage of one run fits into another
    stage["link"]               {chain, index, previousHash, completedAt}
    stage["inputHashes"]        name -> hash; among them the previous stage's output
    stage["outputHash"]         what the stage put out
    stage["signatures"]         one per role, each over the whole stage without its signatures

The previous hash of the first stage is that of the recipe: what was promised before the work, with the acceptance
criteria and the identity of the corpora, cannot be moved afterwards. A stage's hash covers its signatures too.

This file makes chains; `cadence.factory.alloy.custody` checks them.

Pure: values in, new values out. Moments are text, as the document will hold them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cadence.factory.alloy.canonical import canonical, without
from cadence.factory.alloy.hashes import digits, sha256
from cadence.factory.alloy.keys import encode, instant
from cadence.factory.alloy.signatures import Signer

STAGE_PURPOSE = "cadence.alloy.stage.v1"
AMENDMENT_PURPOSE = "cadence.alloy.amendment.v1"
CHAIN_ID_BYTES = 16
RECIPE = ("name", "typeByte", "domains", "source", "target", "cycles", "acceptanceCriteria", "calibrationCorpora")

Signers = Mapping[str, Signer]  # by role
Alloy = dict[str, Any]
Stage = dict[str, Any]


class ChainError(ValueError):
    """A stage that cannot be attested yet; says what is missing."""


def recipe_hash(alloy: Alloy) -> str:
    """What the first stage builds on: the chain's id and what was settled before the work."""
    return sha256(canonical({"chainId": alloy.get("chainId"), **{key: alloy[key] for key in RECIPE if key in alloy}}))


def link_hash(stage: Stage) -> str:
    """What the next stage builds on: the whole stage, signatures included."""
    return sha256(canonical(stage))


def signed_part(owner: dict[str, Any]) -> dict[str, Any]:
    """What the signatures of a stage or of an amendment cover."""
    return without(owner, "signatures")


def begin(alloy: Alloy, entropy: bytes) -> Alloy:
    """A copy of a recipe with a chain id made of `entropy`, at least 16 unpredictable bytes."""
    if len(entropy) < CHAIN_ID_BYTES:
        raise ChainError(f"expected at least {CHAIN_ID_BYTES} bytes of entropy, got {len(entropy)}. Draw more")
    if "chainId" in alloy:
        raise ChainError("expected an alloy without chain, this one has begun already. Fork it to run it again")
    return {**alloy, "chainId": encode(entropy)}


def attest(
    alloy: Alloy, index: int, signers: Signers, completed_at: str, inputs: Mapping[str, str], output: str | None
) -> Alloy:
    """A copy of `alloy` in which stage `index` is linked to the one before it and signed by all `signers`.

    `inputs` (name -> hash) gets the previous stage's output as `previous` if it is not among them. `output` is None
    where nothing was kept, which needs an amendment. Raises `ChainError`.
    """
    stages = alloy["stages"]
    if "chainId" not in alloy:
        raise ChainError("expected an alloy with a chain id, this one has none. Begin the chain first")
    if not signers:
        raise ChainError("expected at least one signer. Nobody vouches for this stage")
    if index and "link" not in stages[index - 1]:
        raise ChainError(f"expected stage {index - 1} to be attested before stage {index}. Attest them in order")
    if index + 1 < len(stages) and "link" in stages[index + 1]:
        raise ChainError(
            f"expected stage {index} to be the last attested one, stage {index + 1} builds on it. Fork instead"
        )
    instant(completed_at)
    before = digits(stages[index - 1].get("outputHash")) if index else None
    fed = dict(inputs)
    if before is not None and before not in map(digits, fed.values()):
        fed["previous"] = f"sha256:{before}"
    stage = without(stages[index], "signatures", "outputHash")
    stage["link"] = {
        "chain": alloy["chainId"],
        "index": index,
        "previousHash": link_hash(stages[index - 1]) if index else recipe_hash(alloy),
        "completedAt": completed_at,
    }
    stage["inputHashes"] = fed
    if output is not None:
        stage["outputHash"] = output
    stage["signatures"] = [key.sign(STAGE_PURPOSE, signed_part(stage), role=role) for role, key in signers.items()]
    return {**alloy, "stages": [*stages[:index], stage, *stages[index + 1 :]]}


def extend(
    alloy: Alloy, stage: Stage, signers: Signers, completed_at: str, inputs: Mapping[str, str], output: str | None
) -> Alloy:
    """A copy of `alloy` with one more stage at its end, attested."""
    longer = {**alloy, "stages": [*alloy.get("stages", []), stage]}
    return attest(longer, len(longer["stages"]) - 1, signers, completed_at, inputs, output)


def amend(alloy: Alloy, index: int, reason: str, key: Signer, amended_at: str) -> Alloy:
    """A copy of `alloy` which says, signed, that the data of stage `index` is gone and why.

    The seal covers amendments: seal the alloy again afterwards.
    """
    instant(amended_at)
    known = alloy.get("amendments", [])
    amendment = {
        "stage_ref": index,
        "reason": reason,
        "data_available": False,
        "amended_at": amended_at,
        "signed_by": key.key_id,
        "stageHash": link_hash(alloy["stages"][index]),
        "previousHash": link_hash(known[-1]) if known else recipe_hash(alloy),
    }
    signed = {**amendment, "signatures": [key.sign(AMENDMENT_PURPOSE, amendment)]}
    return {**alloy, "amendments": [*known, signed]}


def summary(alloy: Alloy) -> dict[str, Any] | None:
    """What the seal says about the chain, so that its end cannot be cut off; None where there is no chain."""
    stages = alloy.get("stages")
    linked = [stage for stage in stages if "link" in stage] if isinstance(stages, list) else []
    if not linked or "chainId" not in alloy:
        return None
    return {"id": alloy["chainId"], "length": len(linked), "hash": link_hash(linked[-1])}
