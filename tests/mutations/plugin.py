"""A pytest plugin that loads one module with a fault in it; GPUMIX_MUTANT names a file with module and source."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any


class _Mutated(importlib.abc.SourceLoader):
    """Gives another source for one module."""

    def __init__(self, path: str, source: str) -> None:
        self.path, self.source = path, source

    def get_filename(self, fullname: str) -> str:
        return self.path

    def get_data(self, path: str) -> bytes:
        return self.source.encode()


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the mutated module before its own file is."""

    def __init__(self, module: str, source: str) -> None:
        self.module, self.source = module, source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.module:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path)
        assert found is not None
        assert found.origin is not None
        loader = _Mutated(found.origin, self.source)
        more: dict[str, Any] = {"submodule_search_locations": found.submodule_search_locations}
        return importlib.util.spec_from_file_location(fullname, found.origin, loader=loader, **more)


if "GPUMIX_MUTANT" in os.environ:
    _mutant = json.loads(Path(os.environ["GPUMIX_MUTANT"]).read_text("utf-8"))
    assert _mutant["module"] not in sys.modules, "loaded before its fault was put in"
    sys.meta_path.insert(0, _Finder(_mutant["module"], _mutant["source"]))
