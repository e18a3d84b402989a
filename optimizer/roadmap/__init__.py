"""A budget plan over years: what to buy, rent, keep and retire in each quarter, at least total cost."""

from optimizer.roadmap.answer import budget_plan

__all__ = ["budget_plan"]
