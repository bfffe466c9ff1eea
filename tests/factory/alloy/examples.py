"""Alloys for tests: small, complete, and written for this purpose. Each function gives a fresh JSON value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from cadence.factory.alloy.hashes import model_hash
from cadence.factory.alloy.load import Loaded, load

Value = dict[str, Any]


def sha(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


CORPUS = '{"text": "def add(a, b): return a + b"}\n'
STUDENT = "".join(json.dumps({"task_id": f"t/{i}", "passed": i % 10 != 0}) + "\n" for i in range(50))
BASE = "".join(json.dumps({"task_id": f"t/{i}", "passed": i % 25 != 0}) + "\n" for i in range(50))
WEIGHTS = "not really a model"


def recipe() -> Value:
    """A dense recipe: nothing was done yet."""
    return {
        "name": "small-coder",
        "version": "1.0.0",
        "license": "apache-2.0",
        "source": {"baseModel": "someone/small", "architecture": "llama", "isMoE": False},
        "stages": [
            {"type": "prune", "strategy": "entropy", "level": 0.3, "minHeadsPerLayer": 4},
            {"type": "train", "domain": "code", "steps": 100, "learningRate": "2e-4"},
            {"type": "quant", "format": "gguf", "quantTypes": ["Q4_K_M"]},
            {"type": "eval", "benchmarks": [{"name": "tinybench", "nShot": 0}]},
            {"type": "deliver"},
        ],
        "cycles": 2,
    }


def forged() -> Value:
    """A mixture of experts that was pruned, measured and documented as the gates want it."""
    return {
        "name": "small-moe-compacted",
        "version": "1.0.1",
        "description": "Sixteen layers, 64 experts each, 48 kept.",
        "author": "someone",
        "license": "apache-2.0",
        "source": {
            "baseModel": "someone/small-moe",
            "architecture": "olmoe",
            "isMoE": True,
            "totalParamsB": 6.92,
            "activeParamsB": 1.3,
            "numLayers": 16,
            "numExpertsPerLayer": 64,
            "numActivatedExperts": 8,
        },
        "stages": _stages(),
        "cycles": 1,
        "hardware": {"minVramGb": 6, "recommendedVramGb": 8.0},
        "results": _results(),
        "calibrationCorpora": [
            {
                "id": "code-1",
                "path": "calibration/code-1.jsonl",
                "sha256": sha(CORPUS),
                "examples": 1,
                "tokens": 12,
                "distributionSummary": {"code": 1.0},
            }
        ],
        "acceptanceCriteria": {
            "benchmarks": {"humaneval": {"min": 0.85, "anchorDelta": -7.0}},
            "hardware": {"maxVramGb": 8},
            "integrity": {"modelHashRequired": True, "samplesPathRequired": True},
        },
        "limitations": ["One benchmark only."],
    }


def _stages() -> list[Value]:
    return [
        {
            "type": "expert-activation-profile",
            "calibrationCorpus": "code-1",
            "calibrationExamples": 1,
            "calibrationTokens": 12,
            "notes": "Counted over the whole corpus.",
        },
        {
            "type": "expert-prune",
            "strategy": "calibration-aware-activation-count",
            "keepExpertsPerLayer": 48,
            "originalExpertsPerLayer": 64,
            "prunePct": 25.0,
            "expertsDropped": 768,
            "expertsRenamed": 2304,
            "routerSlicedLayers": 16,
        },
        {"type": "quant", "format": "gguf", "quantTypes": ["Q5_K_M"], "tiers": {"Q5_K_M": {"sizeGb": 3.6}}},
        {
            "type": "eval",
            "benchmarks": [{"name": "humaneval", "metric": "pass@1"}],
            "calibrationAnchor": {
                "model": "someone/small-moe",
                "publishedScore": 95.0,
                "publishedSource": "the model's paper, table 2",
                "measuredScore": 96.0,
                "tolerance": 3.0,
            },
        },
        {"type": "publish", "org": "someone"},
    ]


def _results() -> Value:
    files = [{"filename": "model.Q5_K_M.gguf", "sha256": sha(WEIGHTS)[7:], "size": len(WEIGHTS)}]
    return {
        "completedAt": "2026-04-08T16:00:00Z",
        "forgedParamsB": 5.31,
        "activeParamsB": 1.3,
        "benchmarks": [
            {
                "name": "humaneval",
                "metric": "pass@1",
                "unit": "percent",
                "score": 90.0,
                "baseScore": 96.0,
                "delta": -6.0,
                "samplesPath": "eval/humaneval/student.jsonl",
                "baseSamplesPath": "eval/humaneval/base.jsonl",
                "resultHash": sha(STUDENT),
                "baseResultHash": sha(BASE),
            }
        ],
        "hardwareVerified": [{"device": "some card", "vramGb": 12, "format": "Q5_K_M", "sizeGb": 3.6}],
        "integrity": {
            "trustLevel": "self-attested",
            "modelHash": model_hash(files),
            "fileHashes": files,
            "attestedAt": "2026-04-08T16:00:00Z",
        },
    }


def photo() -> Value:
    return {
        "name": "harbour-at-dawn",
        "version": "1.0.0",
        "typeByte": "0xFF",
        "domains": ["photo-provenance"],
        "source": {"device": "camera 7"},
        "stages": [
            {
                "type": "capture",
                "sensorId": "s-1",
                "imageHash": sha("raw"),
                "gpsHash": sha("54.3 N"),
                "exif": {"iso": 100},
            },
            {"type": "edit", "tool": "darkroom", "operation": "crop", "parameters": {"left": 0.1}},
            {"type": "publish", "platform": "a wall", "postId": "17"},
        ],
        "cameraAttestation": {"certificate": "…", "publicKey": "…", "attestedAt": "2026-01-01T00:00:00Z"},
    }


def ticket() -> Value:
    at = "2026-05-01T20:00:00Z"
    issued = {"type": "issued", "venue": "hall", "eventId": "e-1", "seat": "4B", "holder": "ann", "issuedAt": at}
    return {
        "name": "seat-4b",
        "version": "1.0.0",
        "domains": ["ticketing"],
        "source": {"eventId": "e-1"},
        "stages": [
            issued,
            {"type": "transferred", "from": "ann", "to": "ben", "transferredAt": at},
            {"type": "scanned", "gate": "north", "scannerId": "g-2", "decision": "admit", "scannedAt": at},
        ],
    }


def parcel() -> Value:
    at = "2026-05-01T08:00:00Z"
    return {
        "name": "parcel-9",
        "version": "1.0.0",
        "typeByte": "0x05",
        "domains": ["delivery"],
        "source": {"parcelId": "9", "sender": "ann", "receiver": "ben"},
        "stages": [
            {"type": "picked-up", "carrier": "red", "place": "Kiel", "pickedUpAt": at},
            {"type": "in-transit", "carrier": "red", "place": "Hamburg", "seenAt": at},
            {"type": "delivered", "receiver": "ben", "place": "Bremen", "deliveredAt": at, "sealIntact": True},
        ],
    }


def job() -> Value:
    at = "2026-05-01T08:00:00Z"
    return {
        "name": "job-3",
        "version": "1.0.0",
        "domains": ["compute-receipt"],
        "source": {"jobId": "3"},
        "stages": [
            {"type": "job-submitted", "jobId": "3", "submitter": "ann", "submittedAt": at, "rngSeed": 7},
            {"type": "completed", "worker": "w-1", "completedAt": at, "jobOutputHash": sha("out")},
            {"type": "attested", "attester": "w-2", "attestedAt": at, "method": "re-execution"},
        ],
    }


ALL: tuple[Callable[[], Value], ...] = (recipe, forged, photo, ticket, parcel, job)


def text(value: Value) -> bytes:
    return json.dumps(value, indent=2).encode()


def loaded(value: Value) -> Loaded:
    return load(text(value), name="x.alloy.json")


def said(value: Value, level: str = "error") -> list[str]:
    """The problems of a value, as `path: what`."""
    problems = loaded(value).problems
    return [
        str(one).split(": ", 1)[1].split(". ")[0].removeprefix("warning: ") for one in problems if one.level == level
    ]
