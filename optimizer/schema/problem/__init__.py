"""The planning question as a user writes it."""

from optimizer.schema.problem.accounting import Accounting
from optimizer.schema.problem.assumptions import Adjustment, Assumptions
from optimizer.schema.problem.demand import Deadline, Demand
from optimizer.schema.problem.limits import Budget, Limits, NodeCount, Selection, Survive
from optimizer.schema.problem.question import Day, Fx, Problem
from optimizer.schema.problem.service import Service
from optimizer.schema.problem.slo import Slo
from optimizer.schema.problem.workload import RequestClass, Tokens

__all__ = [
    "Accounting",
    "Adjustment",
    "Assumptions",
    "Budget",
    "Day",
    "Deadline",
    "Demand",
    "Fx",
    "Limits",
    "NodeCount",
    "Problem",
    "RequestClass",
    "Selection",
    "Service",
    "Slo",
    "Survive",
    "Tokens",
]
