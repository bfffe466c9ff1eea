"""The domains that come with Cadence. A new one is a file beside these and a line here.

Pure: no clock, no files.
"""

from __future__ import annotations

from cadence.factory.alloy.domains import compute_receipt as compute_receipt
from cadence.factory.alloy.domains import delivery as delivery
from cadence.factory.alloy.domains import llm_forge as llm_forge
from cadence.factory.alloy.domains import photo_provenance as photo_provenance
from cadence.factory.alloy.domains import ticketing as ticketing
