"""Which plan to take: three named plans side by side, why one of them, and what would change the bill most."""

from optimizer.recommend.choose import only_plan, recommend, recommend_over_time

__all__ = ["only_plan", "recommend", "recommend_over_time"]
