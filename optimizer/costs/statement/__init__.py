"""What one node costs, line by line, each with its formula, its source and its evidence."""

from optimizer.costs.statement.line import CostLine
from optimizer.costs.statement.origin import FigureUsed
from optimizer.costs.statement.whole import CostStatement, cost_statement

__all__ = ["CostLine", "CostStatement", "FigureUsed", "cost_statement"]
