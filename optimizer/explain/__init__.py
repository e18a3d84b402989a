"""Why this plan: what it depends on, what stands beside it, what would change it, and why there is none."""

from optimizer.explain.explanation import ALTERNATIVES, WITHIN, Explanation, explain

__all__ = ["ALTERNATIVES", "WITHIN", "Explanation", "explain"]
