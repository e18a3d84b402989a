"""CP-SAT's Python module, imported without pandas.

`ortools.sat.python.cp_model` imports pandas for its series helpers, which gpumix never calls; that is 0.29 s of the
0.46 s the import takes. While it is imported, a stand-in with the two names that it mentions takes pandas' place,
unless pandas is loaded already. Should a release of ortools need more of it, the real pandas is imported.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any


def _import_cp_model() -> Any:
    """Import cp_model, with a stand-in for pandas while that is not loaded."""
    if "pandas" in sys.modules or "ortools.sat.python.cp_model" in sys.modules:
        return importlib.import_module("ortools.sat.python.cp_model")
    stand_in = ModuleType("pandas")
    stand_in.Index = type("Index", (), {})  # type: ignore[attr-defined]
    stand_in.Series = type("Series", (), {})  # type: ignore[attr-defined]
    sys.modules["pandas"] = stand_in
    try:
        module = importlib.import_module("ortools.sat.python.cp_model")
    except (AttributeError, ImportError):
        sys.modules.pop("pandas", None)
        return importlib.import_module("ortools.sat.python.cp_model")
    finally:
        if sys.modules.get("pandas") is stand_in:
            del sys.modules["pandas"]
    return module


class _OnDemand:
    """A name of `cp_model` that is looked up when it is first used: most questions are answered without CP-SAT."""

    def __init__(self, name: str = "") -> None:
        self._name = name

    def _found(self) -> Any:
        module = _import_cp_model()
        return getattr(module, self._name) if self._name else module

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._found(), attribute)

    def __call__(self, *arguments: Any) -> Any:
        return self._found()(*arguments)

    def __or__(self, other: object) -> Any:
        return Any  # `IntVar | int` names a type

    __ror__ = __or__


if TYPE_CHECKING:
    from ortools.sat.python import cp_model
    from ortools.sat.python.cp_model import CpModel, IntVar, LinearExpr
else:
    cp_model = _OnDemand()
    CpModel, IntVar, LinearExpr = _OnDemand("CpModel"), _OnDemand("IntVar"), _OnDemand("LinearExpr")

__all__ = ["CpModel", "IntVar", "LinearExpr", "cp_model"]
