"""One planning question in integers: periods, nodes that may stand in them, and what they may serve."""

from optimizer.question.question import Loss, Period, Purse, Question, Situation, Stay, Supply, Way, Work

__all__ = ["Loss", "Period", "Purse", "Question", "Situation", "Stay", "Supply", "Way", "Work"]
