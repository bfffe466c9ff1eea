"""Gate: the model fits where the alloy says it runs.

Pure: no clock, no files.

Memory needed = file + key and value cache for the promised context + what the runtime takes. A measurement on the
device (`verified`, memoryUsageGb) beats arithmetic. Files count in GB (10^9 bytes), memory of devices in GiB (2^30
bytes), as their makers do.
"""

from __future__ import annotations

from collections.abc import Iterator

from cadence.factory.alloy.document import Path
from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy
from cadence.factory.alloy.domains.llm_forge.sizes import BITS, ESTIMATE_SHARE, size_gb
from cadence.factory.alloy.domains.llm_forge.training import Quant, QuantTier
from cadence.factory.alloy.gates.verdict import Bundle, Criterion, Manifest, Report, judged

GATE = "hardware fit"
GB = 10**9
GIB = 2**30
# Buffers and the runtime itself. llama.cpp takes 0.3 to 0.6 GiB for models of this class.
RUNTIME_GIB = 0.5
SHARDS = ".safetensors"


def hardware(alloy: ForgeAlloy, manifest: Manifest, bundle: Bundle) -> Report:
    """Does every file fit the memory that is promised for it?"""
    criteria = [*_tiers(alloy, manifest, bundle), *_smallest(alloy, manifest, bundle)]
    if not criteria:
        reason = "the alloy promises no memory size, so nothing can be held against it"
        criteria = [Criterion("memory", "unknown", "a size", None, "GiB", reason, ("hardware",))]
    return Report(GATE, tuple(criteria))


def _tiers(alloy: ForgeAlloy, manifest: Manifest, bundle: Bundle) -> Iterator[Criterion]:
    """Each quantised file against the memory that its tier names."""
    for number, stage in enumerate(alloy.stages):
        for name in stage.tiers or {} if isinstance(stage, Quant) else ():
            tier = stage.tier(name) if isinstance(stage, Quant) else None
            if tier is not None and tier.fits_vram_gb is not None:
                at: Path = ("stages", number, "tiers", name, "fitsVramGb")
                yield _fit(name, tier.fits_vram_gb, _size(alloy, name, tier, bundle), alloy, manifest, at)


def _smallest(alloy: ForgeAlloy, manifest: Manifest, bundle: Bundle) -> Iterator[Criterion]:
    """The smallest file against the least memory that the alloy asks for, and the most that it may."""
    found = alloy.acceptance_criteria
    limit = found.hardware.max_vram_gb if found and found.hardware else None
    promised = alloy.hardware.min_vram_gb if alloy.hardware else None
    sizes = [
        (size, name)
        for stage in alloy.stages
        if isinstance(stage, Quant)
        for name in stage.quant_types
        if (size := _size(alloy, name, stage.tier(name), bundle)) is not None
    ]
    total = _shards(alloy, bundle)
    if not sizes and total is not None:
        sizes = [(total, "the model")]
    size, name = min(sizes, default=(None, _cheapest(alloy)))
    if promised is not None:
        yield _fit(name, promised, size, alloy, manifest, ("hardware", "minVramGb"))
    if limit is not None:
        yield _fit(name, limit, size, alloy, manifest, ("acceptanceCriteria", "hardware", "maxVramGb"))


def _cheapest(alloy: ForgeAlloy) -> str:
    """The quantisation of the fewest bits, where no size is known."""
    names = [name for stage in alloy.stages if isinstance(stage, Quant) for name in stage.quant_types if name in BITS]
    return min(names, key=lambda name: BITS[name], default="the model")


def _fit(name: str, promised: float, size: float | None, alloy: ForgeAlloy, manifest: Manifest, at: Path) -> Criterion:
    title = f"{name[:40]} in {promised:g} GiB"
    measured = _measured(alloy, name, promised)
    if measured is not None:
        reason = "measured on a device with this much memory"
        return Criterion(title, judged(measured <= promised), promised, round(measured, 3), "GiB", reason, at)
    if size is None:
        return _estimated(title, name, promised, alloy, at)
    least = size / GIB + RUNTIME_GIB
    cache = _cache_gib(manifest)
    if least > promised:
        reason = f"the file and {RUNTIME_GIB:g} GiB for the runtime are too large, before any context"
        return Criterion(title, "fail", promised, round(least, 3), "GiB", reason, at)
    if cache is None:
        reason = "the memory for the context is not known: measure it, or state kvBytesPerToken and contextTokens"
        return Criterion(title, "unknown", promised, round(least, 3), "GiB", reason, at)
    total = least + cache
    reason = f"file, {RUNTIME_GIB:g} GiB for the runtime, and cache for {manifest.context_tokens} tokens"
    return Criterion(title, judged(total <= promised), promised, round(total, 3), "GiB", reason, at)


def _estimated(title: str, name: str, promised: float, alloy: ForgeAlloy, at: Path) -> Criterion:
    """Arithmetic alone can show that a model is too large, never that it fits."""
    params = alloy.results.forged_params_b if alloy.results else None
    guess = size_gb(params, name) if params else None
    if guess is None:
        return Criterion(title, "unknown", promised, None, "GiB", "the size of the file is not known", at)
    least = guess * (1 - ESTIMATE_SHARE) * GB / GIB + RUNTIME_GIB
    reason = "by its parameters and bits alone; the file was not seen"
    return Criterion(title, judged(False if least > promised else None), promised, round(least, 3), "GiB", reason, at)


def _size(alloy: ForgeAlloy, name: str, tier: QuantTier | None, bundle: Bundle) -> float | None:
    """Bytes of the file of this quantisation: as it lies there, else as hashed, else as the tier says."""
    lying = [fact.size for path, fact in bundle.items() if _is_of(path, name)]
    hashed = [one.size for one in (alloy.proof.file_hashes or [] if alloy.proof else []) if _is_of(one.filename, name)]
    if lying:
        return float(sum(lying))
    if hashed and all(size is not None for size in hashed):
        return float(sum(size for size in hashed if size is not None))
    return tier.size_gb * GB if tier and tier.size_gb is not None else None


def _shards(alloy: ForgeAlloy, bundle: Bundle) -> float | None:
    """Bytes of an unquantised model: its shards as they lie there, as hashed, or as the results say."""
    lying = [fact.size for path, fact in bundle.items() if path.endswith(SHARDS)]
    listed = (alloy.proof.file_hashes if alloy.proof else None) or []
    hashed = [one.size for one in listed if one.filename.endswith(SHARDS) and one.size is not None]
    stated = alloy.results.final_size_gb if alloy.results else None
    return float(sum(lying or hashed)) or (stated * GB if stated is not None else None)


def _is_of(path: str, name: str) -> bool:
    return path.endswith(".gguf") and f".{name}.".lower() in f".{path.replace('-', '.')}".lower()


def _measured(alloy: ForgeAlloy, name: str, promised: float) -> float | None:
    """The most memory that was measured for this file on a device no larger than promised."""
    found = [
        one.memory_usage_gb
        for one in (alloy.results.hardware_verified if alloy.results else [])
        if one.verified and one.format == name and one.memory_usage_gb is not None
        if one.vram_gb is not None and one.vram_gb <= promised
    ]
    return max(found, default=None)


def _cache_gib(manifest: Manifest) -> float | None:
    if manifest.kv_bytes_per_token is None or manifest.context_tokens is None:
        return None
    return manifest.kv_bytes_per_token * manifest.context_tokens / GIB
