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


if TYPE_CHECKING:
    from ortools.sat.python import cp_model
    from ortools.sat.python.cp_model import CpModel, IntVar, LinearExpr
else:
    cp_model = _import_cp_model()
    CpModel, IntVar, LinearExpr = cp_model.CpModel, cp_model.IntVar, cp_model.LinearExpr

__all__ = ["CpModel", "IntVar", "LinearExpr", "cp_model"]
