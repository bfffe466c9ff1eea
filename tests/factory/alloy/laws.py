"""What must be true of any bytes that are given as an alloy. Held by hypothesis in the tests, by atheris in `bench`."""

from __future__ import annotations

import json
from functools import cache

from cadence.factory.alloy.canonical import canonical
from cadence.factory.alloy.document import Document, DocumentError, read
from cadence.factory.alloy.hashes import alloy_hash
from cadence.factory.alloy.load import check
from cadence.factory.alloy.verify import Report, verify
from tests.factory.alloy import signed


@cache
def seeds() -> tuple[bytes, ...]:
    """Sealed alloys of all four domains, as bytes."""
    made = (signed.forge(), signed.photo(), signed.ticket(), signed.delivery())
    return tuple(json.dumps(one, separators=(",", ":")).encode() for one in made)


@cache
def authentic() -> frozenset[str]:
    """The alloy hashes of the seeds: nothing else may ever hold."""
    return frozenset(alloy_hash(json.loads(one)) for one in seeds())


def hold(data: bytes) -> str:
    """Check every law on `data`; raises `AssertionError`. Answers with what became of it, for counting."""
    try:
        document = read(data, name="x.alloy.json")
    except DocumentError as error:
        assert error.line >= 1 and error.column >= 1 and error.what and error.why and error.fix
        assert len(str(error)) < 4_000, "an error does not echo much"
        assert str(error).isprintable(), "an error cannot steer a terminal"
        return "refused"
    _reads_as_elsewhere(document)
    if not isinstance(document.value, dict):
        return "no alloy"
    for problem in check(document).problems:
        assert problem.line >= 1 and str(problem)
    return _verifies(document).outcome


def _reads_as_elsewhere(document: Document) -> None:
    assert json.dumps(document.value) == json.dumps(json.loads(document.raw)), "another reader sees the same"
    form = canonical(document.value)
    again = read(form, name="again")
    assert canonical(again.value) == form, "the canonical form is its own canonical form"
    assert document.where(()) >= (1, 1)


def _verifies(document: Document) -> Report:
    report = verify(document, signed.registry(), signed.NOW, rules=signed.RULES)
    if report.outcome == "holds":
        assert report.alloy_hash in authentic(), "something holds that nobody signed"
    json.dumps(report.to_value())
    return report
