"""The maths: integers in, integers out."""

from optimizer.formulation.case import Case, CaseRow, build_case
from optimizer.formulation.constraints import CONSTRAINTS, Rule
from optimizer.formulation.objectives import OBJECTIVES
from optimizer.formulation.reduction import reduce_case, shortlist
from optimizer.formulation.variables import Variables

__all__ = [
    "CONSTRAINTS",
    "OBJECTIVES",
    "Case",
    "CaseRow",
    "Rule",
    "Variables",
    "build_case",
    "reduce_case",
    "shortlist",
]
