"""What is shipped for containers names settings, paths and files that there are."""

from __future__ import annotations

import re

import pytest

from cadence.settings import Settings
from tests.source import ROOT

FILES = ("compose.yaml", "deploy/Dockerfile", "deploy/helm/cadence/templates/deployment.yaml")
VARIABLES = re.compile(r"CADENCE_([A-Z_]+)")
COPIED = re.compile(r"^COPY (?!--from)(.+) \S+$", re.M)


@pytest.mark.parametrize("name", FILES)
def test_every_variable_is_a_setting(name: str) -> None:
    named = set(VARIABLES.findall((ROOT / name).read_text()))
    assert named and {variable.lower() for variable in named} <= set(Settings.model_fields)


def test_what_the_image_copies_is_there() -> None:
    copied = " ".join(COPIED.findall((ROOT / "deploy/Dockerfile").read_text())).split()
    assert copied and [path for path in copied if not (ROOT / path).exists()] == []


def test_redis_is_run_as_the_servers_want_it() -> None:
    compose = (ROOT / "compose.yaml").read_text()
    for setting in ('"--appendonly", "yes"', '"--appendfsync", "always"', '"--maxmemory-policy", "noeviction"'):
        assert setting in compose


def test_every_value_of_the_chart_is_used_and_every_used_one_is_there() -> None:
    chart = ROOT / "deploy/helm/cadence"
    templates = "".join(path.read_text() for path in sorted((chart / "templates").iterdir()))
    used = {match.split(".")[0] for match in re.findall(r"\.Values\.([\w.]+)", templates)}
    given = set(re.findall(r"^(\w+):", (chart / "values.yaml").read_text(), re.M))
    assert used == given
