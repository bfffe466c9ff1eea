"""Packed weights of tiny models: as their makers ship them, and unpacked again by others' rules. Needs torch."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import safetensors.torch
import torch
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

MXFP4, FP8 = "mxfp4", "fp8"
SCALE = "weight_scale_inv"  # FP8: one for each square of 128 weights, so one for each tensor of a tiny model


def pack(folder: Path, kind: str) -> Path:
    """Replace the experts of a model of floats by packed ones: GPT-OSS as MXFP4, DeepSeek-V3 as FP8."""
    tensors = _load(folder)
    chance = torch.Generator().manual_seed(7)
    for name in [name for name in tensors if ".experts." in name and not name.endswith("bias")]:
        weights = tensors.pop(name)
        if kind == MXFP4:
            experts, into, out = weights.shape
            blocks = (experts, out, into // 32, 16)
            tensors[f"{name}_blocks"] = torch.randint(0, 256, blocks, generator=chance, dtype=torch.uint8)
            tensors[f"{name}_scales"] = torch.randint(121, 126, blocks[:3], generator=chance, dtype=torch.uint8)
        else:
            scale = torch.rand((1, 1), generator=chance) + 0.5
            tensors[name] = (weights / scale).to(torch.float8_e4m3fn)
            tensors[name.removesuffix("weight") + SCALE] = scale
    _save(folder, tensors)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": kind}}))
    return folder


def unpack(folder: Path, to: Path) -> Path:
    """The same model in floats, so that transformers loads it anywhere."""
    shutil.copytree(folder, to)
    tensors = _load(to)
    for name in list(tensors):
        if name.endswith("_blocks"):
            blocks, scales = tensors.pop(name), tensors.pop(name.replace("_blocks", "_scales"))
            tensors[name.removesuffix("_blocks")] = convert_moe_packed_tensors(blocks, scales, dtype=torch.float32)
        elif name.endswith(SCALE):
            weight = name.removesuffix(SCALE) + "weight"
            tensors[weight] = tensors[weight].float() * tensors.pop(name)
    _save(to, tensors)
    config = json.loads((to / "config.json").read_text())
    config.pop("quantization_config")
    (to / "config.json").write_text(json.dumps(config))
    return to


def _load(folder: Path) -> dict[str, torch.Tensor]:
    return dict(safetensors.torch.load_file(folder / "model.safetensors"))


def _save(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    safetensors.torch.save_file(whole, folder / "model.safetensors", metadata={"format": "pt"})
