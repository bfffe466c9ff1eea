"""Hashes and signatures agree with a second implementation: Node's crypto and a JCS package from npm."""

from __future__ import annotations

import hashlib
import json
import math
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cadence.factory.alloy import chain
from cadence.factory.alloy.canonical import canonical
from cadence.factory.alloy.document import DocumentError, read
from cadence.factory.alloy.hashes import alloy_hash, file_hash, integrity_of, model_hash
from cadence.factory.alloy.merkle import root
from tests.factory.alloy import signed

ROOT = Path(__file__).resolve().parents[3]
SECOND = Path(__file__).with_name("second.mjs")
NODE = shutil.which("node")
PUBLISHED = sorted((ROOT.parent / "shared" / "data" / "alloys").rglob("*.alloy.json"))
CHAINS = {make.__name__: make for make in (signed.forge, signed.photo, signed.ticket, signed.delivery)}

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="node is not installed"),
    pytest.mark.skipif(
        not (ROOT / "web/node_modules/canonicalize").is_dir(), reason="canonicalize is not installed: run `make web`"
    ),
]


def numbers(count: int) -> Iterator[str]:
    """Doubles from random bits, and those where formatting changes its mind."""
    chance = random.Random(8785)
    for exponent in range(-324, 309):
        yield f"{chance.choice(('', '-'))}{chance.randrange(1, 10**6)}e{exponent - 6}"
    for _ in range(count):
        value = struct.unpack("<d", chance.randbytes(8))[0]
        if math.isfinite(value):
            yield repr(value)


def texts(count: int) -> Iterator[str]:
    """Objects whose keys and texts come from all over Unicode."""
    chance = random.Random(3629)
    letters = [
        *map(chr, range(0x20)),
        *'"\\/ab\x7f',
        "\u2028",
        "\ufb33",
        "\ud7ff",
        "\ue000",
        "\uffff",
        "\U0001f600",
        "\U0010ffff",
    ]
    for _ in range(count):
        made = {"".join(chance.choices(letters, k=chance.randrange(4))): chance.choice(letters) for _ in range(5)}
        yield json.dumps(made, ensure_ascii=chance.random() < 0.5)


def readable(candidates: Iterator[str]) -> list[str]:
    kept = []
    for text in candidates:
        try:
            read(text, name="x")
        except DocumentError:
            continue
        kept.append(text)
    return kept


def sets() -> list[dict[str, str]]:
    names = ["a", "b.jsonl", "Z", "é", "\U0001f600", "\ufb33", "a/b", "10", "9"]
    return [
        {name: hashlib.sha256(name.encode()).hexdigest() for name in names[:count]}
        for count in range(1, len(names) + 1)
    ]


@pytest.fixture(scope="module")
def alloys() -> dict[str, str]:
    made = {name: json.dumps(make(), indent=2, ensure_ascii=False) for name, make in CHAINS.items()}
    return {**made, **{path.name: path.read_text(encoding="utf-8") for path in PUBLISHED}}


@pytest.fixture(scope="module")
def values() -> list[str]:
    return readable(numbers(3_000)) + readable(texts(300))


@pytest.fixture(scope="module")
def second(alloys: dict[str, str], values: list[str]) -> Any:
    asked = json.dumps({"alloys": alloys, "values": values, "sets": sets()})
    done = subprocess.run([str(NODE), str(SECOND)], input=asked.encode(), capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)


def test_canonical_forms_agree_to_the_byte(values: list[str], second: Any) -> None:
    assert len(values) > 3_000
    ours = [canonical(read(text, name="x").value).decode() for text in values]
    assert [
        (text, one) for text, one, other in zip(values, ours, second["canonical"], strict=True) if one != other
    ] == []


def test_hashes_of_alloys_agree(alloys: dict[str, str], second: Any) -> None:
    for name, text in alloys.items():
        alloy, found = read(text, name=name).value, second["alloys"][name]
        assert found["fileHash"] == file_hash(text.encode()), name
        assert found["alloyHash"] == alloy_hash(alloy), name
        if "modelHash" in found:
            assert found["modelHash"] == model_hash(integrity_of(alloy)["fileHashes"]), name


@pytest.mark.parametrize("name", CHAINS)
def test_chains_and_signatures_of_both_kinds_hold_there_too(name: str, alloys: dict[str, str], second: Any) -> None:
    alloy, found = json.loads(alloys[name]), second["alloys"][name]
    assert found["links"] == [chain.recipe_hash(alloy), *map(chain.link_hash, alloy["stages"])]
    assert found["follows"] and found["seal"] and found["signed"] and all(found["signed"])


def test_merkle_roots_agree(second: Any) -> None:
    assert second["merkle"] == [root(files) for files in sets()]


def test_the_second_one_can_disagree(alloys: dict[str, str]) -> None:
    changed = json.loads(alloys["ticket"])
    changed["stages"][1]["signatures"][0]["role"] = "to"
    asked = json.dumps({"alloys": {"x": json.dumps(changed)}, "values": [], "sets": []})
    done = subprocess.run([str(NODE), str(SECOND)], input=asked.encode(), capture_output=True, check=True, timeout=120)
    found = json.loads(done.stdout)["alloys"]["x"]
    assert (found["follows"], found["seal"]) == (False, False)
    assert found["signed"].count(False) == 1
