"""The domain `compute-receipt`: a job was submitted, computed, and its result attested.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from cadence.factory.alloy.core import Alloy, Source, Stage
from cadence.factory.alloy.domain import DOMAINS, Domain
from cadence.factory.alloy.parts import Count, Name, Size, Text
from cadence.factory.alloy.problems import Problem


class JobSubmitted(Stage):
    """What shall be computed. Hashes are "sha256:" and 64 hex digits."""

    type: Literal["job-submitted"]
    job_id: Name
    submitter: Name
    submitted_at: Text
    model_hash: Text | None = None
    input_hash: Text | None = None
    rng_seed: Count | None = None
    runtime_hash: Text | None = None


class JobCompleted(Stage):
    """What came out. The same model, input, seed and runtime must give the same output again."""

    type: Literal["completed"]
    worker: Name
    completed_at: Text
    job_output_hash: Text | None = None
    duration_seconds: Size | None = None
    usage: dict[str, Any] = {}


class JobAttested(Stage):
    """Somebody who is not the worker says that the result holds."""

    type: Literal["attested"]
    attester: Name
    attested_at: Text
    method: Literal["re-execution", "enclave", "inspection"] | None = None


class JobSource(Source):
    """The job."""

    job_id: Name


class ComputeAlloy(Alloy):
    """An alloy of one job."""

    source: JobSource


def follows_the_job(alloy: ComputeAlloy) -> Iterator[Problem]:
    """Submitted, completed, attested, in this order; and nobody attests his own work."""
    order = (JobSubmitted, JobCompleted, JobAttested)
    steps = [one for one in enumerate(alloy.stages) if isinstance(one[1], order)]
    ranks = [next(rank for rank, kind in enumerate(order) if isinstance(stage, kind)) for _, stage in steps]
    worker: str | None = None
    for place, ((number, stage), rank) in enumerate(zip(steps, ranks, strict=True)):
        if rank > (ranks[place - 1] + 1 if place else 0) or (place and rank < ranks[place - 1]):
            what = f"{stage.type!r} stands where it cannot"
            why = "A job is submitted, then completed, then attested"
            yield Problem(("stages", number), what, why, "Put the stages in this order")
        if isinstance(stage, JobCompleted):
            worker = stage.worker
        if isinstance(stage, JobAttested) and stage.attester == worker:
            what = f"{worker[:40]!r} attests its own work"
            why = "Only another's word adds anything"
            yield Problem(("stages", number, "attester"), what, why, "Let another attest it", level="warning")


DOMAIN = DOMAINS.register(
    Domain(
        id="compute-receipt",
        version="1.0.0",
        type_byte="0x04",
        stages=(JobSubmitted, JobCompleted, JobAttested),
        root=ComputeAlloy,
        rules=(follows_the_job,),
        phases={"job-submitted": "input", "attested": "delivery"},
        signers={"job-submitted": {"submitter": None}, "completed": {"worker": None}, "attested": {"attester": None}},
    )
)
