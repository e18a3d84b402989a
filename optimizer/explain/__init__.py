"""Why this plan: what it depends on, what stands beside it, what would change it, and why there is none.

The whole explanation is loaded when it is asked for: an answer uses a few modules of this room only.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimizer.explain.explanation import ALTERNATIVES, WITHIN, Explanation, explain

__all__ = ["ALTERNATIVES", "WITHIN", "Explanation", "explain"]


def __getattr__(name: str) -> Any:
    """Load the explanation with the first of its names."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from optimizer.explain import explanation

    return getattr(explanation, name)
