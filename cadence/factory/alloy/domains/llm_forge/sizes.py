"""How large a model's file will be, by arithmetic: good to about 20 %, before anything is computed.

Pure: no clock, no files. Sizes are in GB (10^9 bytes), parameters in thousand millions.
"""

from __future__ import annotations

# Bits per parameter of llama.cpp's types, scales and mixed layers included.
BITS = {
    "F32": 32.0,
    "F16": 16.0,
    "Q8_0": 8.5,
    "Q6_K": 6.5,
    "Q5_K_M": 5.5,
    "Q5_K_S": 5.4,
    "Q4_K_M": 4.85,
    "Q4_K_S": 4.5,
    "IQ4_XS": 4.3,
    "Q3_K_L": 4.2,
    "Q3_K_M": 3.9,
    "Q3_K_S": 3.5,
    "Q2_K": 3.35,
}
ESTIMATE_SHARE = 0.2  # how far an estimate may lie from the file


def size_gb(params_b: float, quant: str) -> float | None:
    """The size of a file of this many parameters in this type; None for a type without known bits."""
    bits = BITS.get(quant)
    return None if bits is None else params_b * bits / 8


def params_after(other_b: float, experts_b: float, kept: int, total: int) -> float:
    """Parameters after pruning `total` experts to `kept`: those outside of experts stay as they are."""
    if not 0 < kept <= total:
        raise ValueError(f"expected 1 to {total} experts kept, got {kept}. Choose a number in between")
    return other_b + experts_b * kept / total


def fits_estimate(stated_gb: float, params_b: float, quant: str) -> bool | None:
    """Is a stated size within 20 % of the estimate? None where there is none."""
    estimate = size_gb(params_b, quant)
    return None if not estimate else abs(stated_gb - estimate) <= ESTIMATE_SHARE * estimate
