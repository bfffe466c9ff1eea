"""Sizes by arithmetic agree with files that were measured."""

from __future__ import annotations

import pytest

from cadence.factory.alloy.domains.llm_forge.sizes import BITS, fits_estimate, params_after, size_gb
from tests.factory.alloy.examples import forged, said


@pytest.mark.parametrize(
    ("params_b", "quant", "measured_gb"),
    [(19.66, "Q4_K_M", 11.955), (19.66, "Q5_K_M", 13.992), (19.66, "Q8_0", 20.914), (5.31, "Q5_K_M", 3.6)],
)
def test_an_estimate_is_near_the_file(params_b: float, quant: str, measured_gb: float) -> None:
    estimate = size_gb(params_b, quant)
    assert estimate is not None and abs(estimate - measured_gb) / measured_gb < 0.05
    assert fits_estimate(measured_gb, params_b, quant) is True


def test_a_type_without_known_bits_has_no_estimate() -> None:
    assert size_gb(7, "Q9_X") is None
    assert fits_estimate(1, 7, "Q9_X") is None


def test_141_thousand_million_parameters_do_not_fit_82_gb() -> None:
    # An older table printed 82 for this; the arithmetic gives 85.5.
    assert size_gb(141, "Q4_K_M") == pytest.approx(85.48, abs=0.01)


def test_what_is_outside_of_the_experts_stays() -> None:
    assert params_after(1.5, 29.0, 80, 128) == pytest.approx(19.625)
    assert params_after(1.5, 29.0, 128, 128) == 30.5
    for kept in (0, 129):
        with pytest.raises(ValueError, match="expected 1 to 128"):
            params_after(1.5, 29.0, kept, 128)


def test_bits_descend_from_full_precision() -> None:
    assert list(BITS.values()) == sorted(BITS.values(), reverse=True)


def test_a_stated_size_that_cannot_be_is_odd() -> None:
    value = forged()
    value["stages"][2]["tiers"]["Q5_K_M"]["sizeGb"] = 5.0
    assert said(value, "warning") == [
        "stages[2].tiers.Q5_K_M.sizeGb: 5 GB for 5.31 thousand million parameters in Q5_K_M"
    ]
