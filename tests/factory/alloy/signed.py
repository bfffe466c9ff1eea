"""Signed chains of four domains, people with keys, and random single edits. Shared by tests and by `bench.alloys`."""

from __future__ import annotations

import copy
import hashlib
import random
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from cadence.factory.alloy import chain, seal
from cadence.factory.alloy import domains as domains
from cadence.factory.alloy.custody import rules_of
from cadence.factory.alloy.document import Path
from cadence.factory.alloy.domain import DOMAINS
from cadence.factory.alloy.hashes import model_hash
from cadence.factory.alloy.keys import Registry, read_registry
from cadence.factory.alloy.signing import SigningKey

NOW = datetime.fromisoformat("2026-11-27T12:00:00+00:00")
REGISTERED = "2026-11-01T00:00:00Z"
SEALED = "2026-11-26T18:00:00Z"
OWNERS = ("forge", "camera", "editor", "agency", "hall", "ada", "ben", "gate", "depot", "courier", "house")


@cache
def key(owner: str) -> SigningKey:
    """Everybody's key, the same in every run; every second one is of the other algorithm."""
    seed = hashlib.sha256(owner.encode()).digest()
    if owner in OWNERS and OWNERS.index(owner) % 2:
        return SigningKey(ec.derive_private_key(int.from_bytes(seed, "big") >> 1, ec.SECP256R1()))
    return SigningKey(ed25519.Ed25519PrivateKey.from_private_bytes(seed))


def entries() -> list[dict[str, Any]]:
    return [key(owner).entry(owner, REGISTERED) for owner in OWNERS]


def trusted() -> dict[str, Any]:
    """The verifier's registry: everybody's key, and who alone may issue tickets and take parcels in."""
    return {"keys": entries(), "authority": {"issued": ["hall"], "delivered": ["house"]}}


def registry() -> Registry:
    return read_registry(trusted())


def digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def at(hour: int) -> str:
    return f"2026-11-26T{hour:02d}:00:00Z"


def begun(name: str, **fields: Any) -> dict[str, Any]:
    recipe = {"name": name, "version": "1.0.0", "stages": [], "cycles": 1, **fields}
    return chain.begin(recipe, hashlib.sha256(name.encode()).digest())


def sealed(alloy: dict[str, Any], owner: str) -> dict[str, Any]:
    done = seal.seal(alloy, key(owner), SEALED)
    return seal.receive(done, key(owner), SEALED, [{"target": "shelf", "url": "file:x", "publishedAt": SEALED}])


def forge(name: str = "tiny") -> dict[str, Any]:
    """A model of five stages, one of them amended, with results and hardware."""
    alloy = begun(name, source={"baseModel": "tiny-moe", "architecture": "olmoe", "isMoE": True})
    stages: list[dict[str, Any]] = [
        {"type": "source-config", "contextLength": 2048},
        {"type": "expert-activation-profile", "calibrationCorpus": "heldout", "notes": "activation count"},
        {"type": "expert-prune", "keepExpertsPerLayer": 6, "originalExpertsPerLayer": 8, "prunePct": 25.0},
        {"type": "quant", "format": "gguf", "quantTypes": ["Q4_K_M", "Q8_0"]},
        {"type": "eval", "benchmarks": [{"name": "humaneval", "nShot": 0}]},
    ]
    for hour, stage in enumerate(stages):
        output = None if stage["type"] == "eval" else digest(f"{name}/{stage['type']}")
        alloy = chain.extend(alloy, stage, {"runner": key("forge")}, at(hour), {"tool": digest("tool")}, output)
    alloy = chain.amend(alloy, 4, "the samples were lost with a disk", key("forge"), at(9))
    files = [{"filename": "tiny.gguf", "sha256": digest("weights")[7:], "size": 7}]
    alloy["results"] = {
        "benchmarks": [
            {
                "name": "humaneval",
                "metric": "pass@1",
                "score": 88.4,
                "samplesPath": "s.jsonl",
                "resultHash": digest("samples"),
            }
        ],
        "hardwareVerified": [{"device": "laptop", "verified": True, "tokensPerSec": 11.5}],
        "integrity": {
            "trustLevel": "self-attested",
            "code": {"runner": "cadence", "version": "0.1.0", "binaryHash": digest("runner")},
            "datasets": [{"name": "heldout", "hash": digest("heldout")}],
            "fileHashes": files,
            "modelHash": model_hash(files),
        },
    }
    return sealed(alloy, "forge")


def photo() -> dict[str, Any]:
    """A picture taken, cropped and published, each by somebody else."""
    alloy = begun("harbour", domains=["photo-provenance"], typeByte="0xFF", source={"device": "camera 7"})
    steps = [
        ({"type": "capture", "sensorId": key("camera").key_id, "gpsHash": digest("53.5N")}, "device", "camera", "raw"),
        ({"type": "edit", "tool": "darkroom", "operation": "crop", "parameters": {"x": 4}}, "editor", "editor", "crop"),
        ({"type": "publish", "platform": "paper", "postId": "17"}, "publisher", "agency", "page"),
    ]
    for hour, (stage, role, owner, output) in enumerate(steps):
        alloy = chain.extend(alloy, stage, {role: key(owner)}, at(hour), {}, digest(output))
    return sealed(alloy, "agency")


def ticket(admissions: int = 1, taker: str = "ben") -> dict[str, Any]:
    """A ticket issued to Ada, handed on by both, and scanned."""
    alloy = begun("ticket-17", domains=["ticketing"], typeByte="0xFF", source={"eventId": "concert"})
    ada, other, gate = key("ada"), key(taker), key("gate")
    seat = {"venue": "hall", "eventId": "concert", "seat": "F12", "holder": ada.key_id, "issuedAt": at(1)}
    alloy = chain.extend(alloy, {"type": "issued", **seat}, {"issuer": key("hall")}, at(1), {}, digest("ada holds F12"))
    hands = {"from": ada.key_id, "to": key("ben").key_id, "transferredAt": at(2)}
    both = {"from": ada, "to": other}
    alloy = chain.extend(alloy, {"type": "transferred", **hands}, both, at(2), {}, digest("ben holds F12"))
    for hour in range(3, 3 + admissions):
        scan = {"gate": "north", "scannerId": gate.key_id, "decision": "admit", "scannedAt": at(hour)}
        alloy = chain.extend(alloy, {"type": "scanned", **scan}, {"scanner": gate}, at(hour), {}, digest(f"in {hour}"))
    return sealed(alloy, "hall")


def delivery() -> dict[str, Any]:
    """A parcel from depot to door."""
    alloy = begun("parcel", domains=["delivery"], typeByte="0x05", source={"parcelId": "P-3", "sender": "ann"})
    steps: list[tuple[dict[str, Any], str]] = [
        ({"type": "picked-up", "carrier": "red", "pickedUpAt": at(0)}, "depot"),
        ({"type": "in-transit", "carrier": "red", "seenAt": at(1)}, "courier"),
        ({"type": "in-transit", "carrier": "red", "seenAt": at(2)}, "courier"),
        ({"type": "delivered", "receiver": "ben", "deliveredAt": at(3), "sealIntact": True}, "house"),
    ]
    for hour, (stage, owner) in enumerate(steps):
        placed = {**stage, "place": f"km {hour}"}
        role = "receiver" if stage["type"] == "delivered" else "carrier"
        alloy = chain.extend(alloy, placed, {role: key(owner)}, at(hour), {}, digest(f"parcel {hour}"))
    return sealed(alloy, "depot")


RULES = rules_of(DOMAINS.resolve(["photo-provenance", "ticketing", "delivery"]))


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all values below `value`, containers too."""
    steps = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for step in steps:
        yield (*path, step)
        yield from leaves(value[step], (*path, step))


def parent(value: Any, path: Path) -> Any:
    for step in path[:-1]:
        value = value[step]
    return value


def edit(alloy: dict[str, Any], chance: random.Random) -> tuple[dict[str, Any], Path]:
    """A copy with one random change of its parsed value: a value changed, removed, doubled or added; and where."""
    changed = copy.deepcopy(alloy)
    path = chance.choice(list(leaves(changed)))
    owner, step = parent(changed, path), path[-1]
    kind = chance.choice(("change", "change", "change", "remove", "add"))
    if kind == "remove":
        del owner[step]
    elif kind == "add" and isinstance(owner[step], dict):
        owner[step][f"x{chance.randrange(100)}"] = chance.choice((None, 1, "", [], {}))
        path = (*path, next(reversed(owner[step])))
    elif kind == "add" and isinstance(owner[step], list):
        owner[step].append(chance.choice((None, 1, "", [], {})))
    else:
        owner[step] = different(owner[step], chance)
    return changed, path


def different(value: Any, chance: random.Random) -> Any:
    """Another value than `value`, as JSON counts: 1 and 1.0 are the same there, 1 and true are not."""
    if isinstance(value, str) and value and chance.random() < 0.8:
        i = chance.randrange(len(value))
        letter = chance.choice([c for c in "abcdefghijklmnopqrstuvwxyzABC0123456789-_:" if c != value[i]])
        return value[:i] + letter + value[i + 1 :]
    if isinstance(value, bool):
        return chance.choice((not value, int(value), None))
    if isinstance(value, int | float) and chance.random() < 0.8:
        return value + chance.choice((1, -1, 0.5, 1e-9 * (1 + abs(value))))
    choices: list[Any] = [None, True, False, 0, 1, "", "x", [], {}, [1], {"a": 1}]
    return chance.choice([c for c in choices if (type(c), c) != (type(value), value)])


def stage_of(path: Path, amended: int | None = None) -> int | None:
    """The stage that an edit at `path` is in, or that an amendment speaks of; None for what belongs to no stage."""
    if path[0] == "amendments":
        return amended
    return path[1] if len(path) > 1 and path[0] == "stages" and isinstance(path[1], int) else None
