"""The guide names everything there is, and its examples work."""

from __future__ import annotations

import json
import re

from cadence.factory.alloy.commands import app
from cadence.factory.alloy.domain import DOMAINS
from cadence.factory.alloy.gates import judge
from cadence.factory.alloy.gates.verdict import Manifest
from tests.factory.alloy.examples import forged, loaded, said
from tests.factory.alloy.gates.bundles import typed
from tests.source import ROOT

GUIDE = (ROOT / "docs/alloys.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(one) for one in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)]


def test_the_guide_names_every_domain_every_stage_and_every_type_byte() -> None:
    assert [name for domain in DOMAINS for name in (domain.id, *domain.types) if f"`{name}`" not in GUIDE] == []
    for domain in DOMAINS:
        assert f"| `{domain.id}` | {domain.type_byte} |" in GUIDE


def test_the_guide_names_every_command_and_every_gate() -> None:
    names = [(one.name or one.callback.__name__) for one in app.registered_commands if one.callback]
    assert [name for name in names if not re.search(rf"^\| `{name}[ `]", GUIDE, re.MULTILINE)] == []
    assert [one.gate for one in judge(typed(forged())) if f"| {one.gate} |" not in GUIDE] == []


def test_the_recipe_of_the_guide_is_valid_without_a_warning() -> None:
    assert loaded(EXAMPLES[0]).valid
    assert said(EXAMPLES[0], "warning") == []


def test_the_manifest_of_the_guide_is_one() -> None:
    manifest = Manifest.model_validate(EXAMPLES[1])
    assert manifest.corpora["code-1"].tokens == 125453
    assert not manifest.model_extra
