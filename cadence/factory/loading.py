"""Loads a checkpoint by transformers as its config names it, and never runs a program that lies beside the weights.

What transformers would do with a warning is an error here: weights that it does not find, it makes up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from cadence.models.checkpoint import CheckpointError, shown
from cadence.models.shards import CONFIG_FILE, read_config


def load_model(folder: Path, *, dtype: str = "auto", device: str = "cpu", **options: Any) -> Any:
    """The model in `folder`, ready to run; `options` go to transformers. CheckpointError where it cannot be loaded."""
    names = read_config(folder).get("architectures") or ["none"]
    kind = getattr(transformers, str(names[0]), None)
    if kind is None or not hasattr(kind, "from_pretrained"):
        fault = f"transformers {transformers.__version__} has no {shown(names[0])}"
        raise CheckpointError(CONFIG_FILE, fault, "install a version that has it; programs beside weights are not run")
    options |= {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
    try:
        config = kind.config_class.from_pretrained(folder, local_files_only=True)
        config.model_type = kind.config_class.model_type  # by it weights are fused; Kimi-K2 has a name of its own there
        model, told = kind.from_pretrained(folder, config=config, dtype=dtype, output_loading_info=True, **options)
        model = model.to(torch.device(device)).eval()
    except Exception as error:  # a library with a hundred authors raises what it likes at hostile input
        remedy = "run it where it loads; packed weights need what transformers asks for, or to be unpacked first"
        raise CheckpointError(folder.name, f"transformers cannot load it here: {first_line(error)}", remedy) from error
    if missing := sorted({*told["missing_keys"], *(str(key) for key in told["mismatched_keys"])}):
        fault = f"it has no fit {shown(missing[0])}, nor {len(missing) - 1} others, which transformers would make up"
        raise CheckpointError(folder.name, fault, "download it again; answers of made-up weights say nothing")
    return model


def first_line(error: BaseException) -> str:
    """What went wrong, short enough for a sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
