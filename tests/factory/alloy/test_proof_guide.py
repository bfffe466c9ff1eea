"""The page for second implementations names what the code has, in its own words."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import get_args

from cadence.factory.alloy import chain, custody, keys, seal, trust
from cadence.factory.alloy.hashes import SHORT_DIGITS
from cadence.factory.alloy.scan import DEPTH_MAX, VALUES_MAX
from tests.source import ROOT, sources

GUIDE = (ROOT / "docs/alloy-proof.md").read_text(encoding="utf-8")


def test_it_names_every_purpose_and_no_other() -> None:
    found = {
        found
        for source in sources("cadence/factory")
        for found in re.findall(r'"(cadence\.alloy\.\w+\.v\d)"', source.text)
    }
    assert found == set(re.findall(r"`(cadence\.alloy\.\w+\.v\d)`", GUIDE))
    assert len(found) == 5


def test_it_names_every_key_of_the_recipe_and_of_the_seal() -> None:
    wanted = [*chain.RECIPE, *seal.payload({}, "sha256:x"), "chainId"]
    assert [key for key in wanted if f"`{key}`" not in GUIDE] == []


def test_it_names_every_kind_of_break() -> None:
    rows = re.findall(r"^\| ([a-z ]+) \| ", GUIDE, re.MULTILINE)
    assert [kind for kind in get_args(custody.Kind) if kind not in rows] == []


def test_it_states_the_limits_that_the_code_has() -> None:
    assert f"{DEPTH_MAX} levels and {VALUES_MAX:,} values" in GUIDE
    assert f"first {SHORT_DIGITS} digits" in GUIDE
    assert f"{keys.KEY_LIFE_DAYS} days" in GUIDE and f"{keys.CLOCK_SKEW_S / 60:.0f} minutes" in GUIDE
    assert [str(level) for level in trust.Level if f"*{level}*" not in GUIDE] == []


def test_its_registry_is_one() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    assert len(keys.read_registry(json.loads(example))) == 1


def test_the_files_it_speaks_of_exist() -> None:
    named = re.findall(r"`((?:cadence|tests)/[\w/.]+)`", GUIDE)
    assert named and [name for name in named if not (ROOT / PurePosixPath(name)).exists()] == []
