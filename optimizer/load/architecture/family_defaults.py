"""What the classes of families take for keys that the decoder's section of a multimodal config leaves out."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from optimizer.load.layers import shipped_catalog_dir
from optimizer.load.yaml_files import parse_mapping

FILE = "model_families.yaml"


@cache
def _all() -> dict[str, Any]:
    path = shipped_catalog_dir() / FILE
    return parse_mapping(Path(path).read_text(encoding="utf-8"), FILE)


def defaults_of(family: str) -> dict[str, Any]:
    """Return key -> value of a family, {} where none are known."""
    found = _all().get(family)
    return dict(found) if isinstance(found, dict) else {}
