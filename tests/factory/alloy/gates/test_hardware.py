"""The fit: file, cache and runtime together, or a measurement."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.factory.alloy.gates.hardware import hardware
from cadence.factory.alloy.gates.verdict import Bundle, FileFact
from tests.factory.alloy.examples import Value, forged
from tests.factory.alloy.gates.bundles import manifest, through, told

NAME = "model.Q5_K_M.gguf"


def sized(size: float) -> Bundle:
    return {NAME: FileFact("0" * 64, int(size))}


def test_file_cache_and_runtime_are_added_up() -> None:
    report = through(hardware, files=sized(3.6e9))
    (smallest, limit) = report.criteria
    # 3.6 GB are 3.353 GiB; 0.5 GiB for the runtime; 64 KiB times 4,096 tokens are 0.25 GiB.
    assert (smallest.name, smallest.observed, smallest.unit) == ("Q5_K_M in 6 GiB", 4.103, "GiB")
    assert (limit.required, limit.verdict) == (8.0, "pass")


def test_a_file_that_is_too_large_fails_whatever_the_context() -> None:
    report = through(hardware, its=manifest(kvBytesPerToken=None), files=sized(6e9))
    assert told(report) == {"Q5_K_M in 6 GiB": "fail", "Q5_K_M in 8 GiB": "unknown"}


def test_a_context_that_is_too_long_fails() -> None:
    report = through(hardware, its=manifest(contextTokens=65536), files=sized(3.6e9))
    assert told(report) == {"Q5_K_M in 6 GiB": "fail"}


def test_without_the_cost_of_context_a_fit_is_unknown() -> None:
    report = through(hardware, its=manifest(contextTokens=None), files=sized(3.6e9))
    assert set(told(report).values()) == {"unknown"}


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"memoryUsageGb": 5.5, "vramGb": 6, "verified": True}, "pass"),
        ({"memoryUsageGb": 6.5, "vramGb": 6, "verified": True}, "fail"),
        ({"memoryUsageGb": 5.5, "vramGb": 6, "verified": False}, "unknown"),
        ({"memoryUsageGb": 5.5, "vramGb": 24, "verified": True}, "unknown"),
        ({"memoryUsageGb": 5.5, "vramGb": 6, "verified": True, "format": "Q4_K_M"}, "unknown"),
    ],
)
def test_a_measurement_on_such_a_device_beats_arithmetic(change: dict[str, Any], verdict: str) -> None:
    value = forged()
    value["results"]["hardwareVerified"][0] |= change
    report = through(hardware, value, manifest(contextTokens=None), sized(3.6e9))
    assert report.criteria[0].verdict == verdict


def with_tier(fits: float) -> Value:
    value = forged()
    value["stages"][2]["tiers"] = {"Q5_K_M": {"sizeGb": 14.0, "fitsVramGb": fits}}
    value["results"]["integrity"] = {"trustLevel": "self-attested"}
    return value


def test_each_tier_is_held_against_the_memory_it_names() -> None:
    assert "Q5_K_M in 16 GiB" not in told(through(hardware, with_tier(16), files={}))
    assert told(through(hardware, with_tier(13), files={}))["Q5_K_M in 13 GiB"] == "fail"


def test_the_file_that_lies_there_counts_more_than_what_a_tier_says() -> None:
    assert told(through(hardware, with_tier(16), files=sized(20e9)))["Q5_K_M in 16 GiB"] == "fail"


def test_no_promise_and_no_size_are_unknown() -> None:
    value = forged()
    del value["hardware"], value["acceptanceCriteria"]
    assert told(through(hardware, value)) == {"memory": "unknown"}
    value = forged()
    del value["stages"][2], value["acceptanceCriteria"]
    assert told(through(hardware, value)) == {"the model in 6 GiB": "unknown"}
    value["results"]["finalSizeGb"] = 3.6
    assert told(through(hardware, value)) == {}


def test_shards_are_added_up() -> None:
    value = forged()
    del value["stages"][2], value["acceptanceCriteria"]
    files = {f"model-{part}.safetensors": FileFact("0" * 64, int(1.5e9)) for part in (1, 2)}
    (found,) = through(hardware, value, files=files).criteria
    # 3 GB are 2.794 GiB; 0.5 for the runtime, 0.25 for the context.
    assert (found.name, found.observed) == ("the model in 6 GiB", 3.544)
    value["results"]["integrity"]["fileHashes"] = [{"filename": "m.safetensors", "sha256": "0" * 64, "size": 6 * 10**9}]
    assert told(through(hardware, value, files={})) == {"the model in 6 GiB": "fail"}


def test_arithmetic_alone_can_refuse_but_never_pass() -> None:
    value = forged()
    del value["stages"][2]["tiers"], value["results"]["integrity"]["fileHashes"]
    report = through(hardware, value, files={})
    # 5.31 thousand million parameters of 5.5 bits are 3.65 GB; a fifth less and the runtime make 3.22 GiB.
    assert (report.criteria[0].verdict, report.criteria[0].observed) == ("unknown", 3.22)
    value["results"]["forgedParamsB"] = 20.0
    assert told(through(hardware, value, files={})) == {"Q5_K_M in 6 GiB": "fail", "Q5_K_M in 8 GiB": "fail"}


def test_q5_k_m_is_not_q5_k_m_of_something_longer() -> None:
    files = {"model.IQ5_K_M.gguf": FileFact("0" * 64, 10**12), "model-Q5_K_M.gguf": FileFact("0" * 64, 10**9)}
    assert through(hardware, files=files).verdict == "pass"
