"""Parameters counted on the real architecture: transformers builds it on torch's meta device, without any weights."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.text import decode, read_bytes

EXTRA = "pip install 'gpumix[exact]'"


def _libraries() -> tuple[Any, Any]:
    """Import transformers and torch.

    Raises:
        InputError: they are not installed.
    """
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        import torch
        import transformers
    except ImportError as error:
        found = f"{error.name or error} is not installed"
        raise InputError([Fault("options", "--exact", found, f"transformers and torch ({EXTRA})")]) from None
    return torch, transformers


def _classes_of(transformers: Any, model_type: str) -> list[Any]:
    """List the classes that generate text for a model_type, those with towers first."""
    auto = transformers.models.auto.modeling_auto
    named = [names.get(model_type) for names in (
        auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES, auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)]
    return [getattr(transformers, one if isinstance(one, str) else one[0]) for one in named if one is not None]


def _built(torch: Any, transformers: Any, kind: str, stated: dict[str, Any], label: str) -> Any:
    """Build a model on the meta device with the first class that takes the config.

    Raises:
        InputError: none does.
    """
    why = ""
    for model_class in _classes_of(transformers, kind):
        try:
            config = transformers.AutoConfig.for_model(kind, **stated)
            with torch.device("meta"):
                return model_class(config)
        except Exception as error:  # whatever their classes raise on a config that they do not take
            why = f"{type(error).__name__}: {str(error)[:200]}"
    if not why:
        raise InputError([Fault(label, "model_type", repr(kind), "a model_type that transformers has a class for")])
    found = f"transformers {transformers.__version__} cannot build it: {why}"
    raise InputError([Fault(label, "", found, "a config that its class takes")])


def exact_parameters(path: Path) -> int:
    """Count the parameters of the model that a config.json describes, towers included; no code of the model is run.

    Raises:
        InputError: the extra is not installed, or transformers has no class for the config or cannot build it.
    """
    torch, transformers = _libraries()
    label = str(path)
    data = json.loads(decode(read_bytes(path), label))
    if not isinstance(data, dict):
        raise InputError([Fault(label, "", "no JSON object", "a Hugging Face config.json")])
    kind = str(data.get("model_type"))
    stated = {name: value for name, value in data.items() if name not in ("model_type", "quantization_config")}
    model = _built(torch, transformers, kind, stated, label)
    return sum(int(parameter.numel()) for parameter in model.parameters())
