"""gpumix in Python: load a planning problem, solve it, and look at the proven answer.

>>> import gpumix
>>> plan = gpumix.load("helpdesk-llama3-8b").solve()
>>> plan.status
'optimal'

The names of `__all__` are stable: they are added to, never renamed. Everything below `optimizer` may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpumix.chart import Chart
    from gpumix.problem import Problem, load
    from gpumix.results import Comparison, Explanation, Frontier, Plan
    from optimizer import __version__
    from optimizer.errors import GpumixError, InputError

__all__ = [
    "Chart", "Comparison", "Explanation", "Frontier", "GpumixError", "InputError", "Plan", "Problem", "__version__",
    "load",
]

_HOMES = {
    "Chart": ("gpumix.chart", "Chart"),
    "Comparison": ("gpumix.results", "Comparison"),
    "Explanation": ("gpumix.results", "Explanation"),
    "Frontier": ("gpumix.results", "Frontier"),
    "GpumixError": ("gpumix.results", "GpumixError"),
    "InputError": ("gpumix.results", "InputError"),
    "Plan": ("gpumix.results", "Plan"),
    "Problem": ("gpumix.problem", "Problem"),
    "__version__": ("gpumix.results", "__version__"),
    "load": ("gpumix.problem", "load"),
}
"""Public name -> (module, name): what a name needs is imported when the name is first used."""


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import gpumix` itself takes no time."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gpumix' has no attribute {name!r}; it has {', '.join(__all__)}")
    import importlib

    module, inner = _HOMES[name]
    found = getattr(importlib.import_module(module), inner)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
