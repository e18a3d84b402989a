"""What lies beside a config.json: a quantisation config of its own, and the index of the weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.faults import shown
from optimizer.load.text import decode, read_bytes

QUANTISATION, INDEX = "hf_quant_config.json", "model.safetensors.index.json"


@dataclass(frozen=True, slots=True)
class Beside:
    """Facts of the files beside a config."""

    quantisation: dict[str, Any] | None = None
    """What hf_quant_config.json says."""
    index_bytes: int | None = None
    """Total size of the checkpoint's tensors."""
    index_name: str = INDEX
    raw: bytes = b""


def _json(path: Path) -> tuple[dict[str, Any], bytes]:
    raw = read_bytes(path)
    label = str(path)
    try:
        data = json.loads(decode(raw, label))
    except (ValueError, RecursionError) as error:
        raise InputError([Fault(label, "", f"text that JSON cannot read ({error})", "a JSON object")]) from None
    if not isinstance(data, dict):
        raise InputError([Fault(label, "", shown(data), "a JSON object")])
    return data, raw


def _sibling(path: Path, name: str) -> Path | None:
    """Return a file beside a config: of that name, or with the same beginning where the config's name has one."""
    stem = path.name.removesuffix("config.json")
    for candidate in (path.with_name(f"{stem}{name}"), path.with_name(name)):
        if candidate.is_file() and (stem == "" or candidate.name != name):
            return candidate
    return None


def beside_of(path: Path) -> Beside:
    """Read what lies beside a config.

    Raises:
        InputError: a file is there and cannot be read.
    """
    raws: list[bytes] = []
    quantisation, size, index_name = None, None, INDEX
    found = _sibling(path, QUANTISATION)
    if found is not None:
        data, raw = _json(found)
        raws.append(raw)
        inner = data.get("quantization", data)
        quantisation = inner if isinstance(inner, dict) else None
    found = _sibling(path, INDEX)
    if found is not None:
        data, raw = _json(found)
        raws.append(raw)
        meta = data.get("metadata")
        total = meta.get("total_size") if isinstance(meta, dict) else None
        if isinstance(total, int | float) and not isinstance(total, bool) and 0 < total < 10**16:
            size, index_name = int(total), found.name
    return Beside(quantisation, size, index_name, b"".join(raws))
