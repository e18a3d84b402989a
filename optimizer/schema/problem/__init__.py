"""The planning question as a user writes it."""

from optimizer.schema.problem.accounting import Accounting
from optimizer.schema.problem.assumptions import Adjustment, Assumptions
from optimizer.schema.problem.contracts import Contract, Tier
from optimizer.schema.problem.demand import Deadline, Demand
from optimizer.schema.problem.limits import Budget, Cap, Limits, NodeCount, Selection, Survive
from optimizer.schema.problem.question import Day, Fx, Problem
from optimizer.schema.problem.roadmap import Caps, OwnedAlready, Roadmap, YearCaps
from optimizer.schema.problem.service import Service
from optimizer.schema.problem.slo import Slo
from optimizer.schema.problem.workload import RequestClass, Tokens

__all__ = [
    "Accounting",
    "Adjustment",
    "Assumptions",
    "Budget",
    "Cap",
    "Caps",
    "Contract",
    "Day",
    "Deadline",
    "Demand",
    "Fx",
    "Limits",
    "NodeCount",
    "OwnedAlready",
    "Problem",
    "RequestClass",
    "Roadmap",
    "Selection",
    "Service",
    "Slo",
    "Survive",
    "Tier",
    "Tokens",
    "YearCaps",
]
