"""The decision variables of a case."""

from __future__ import annotations

from dataclasses import dataclass, field

from optimizer.formulation.case import Case
from optimizer.formulation.cp_sat import CpModel, IntVar


@dataclass
class Variables:
    """Node counts by row, and the auxiliary variables that rules share."""

    nodes: list[IntVar]
    """x: nodes of each row."""
    uses_gpu: dict[str, IntVar] = field(default_factory=dict)
    """y: whether a GPU type is in the plan."""
    billed: dict[str, IntVar] = field(default_factory=dict)
    """b: what a provider with a contract bills for all its nodes, in micro-dollars an hour."""

    @classmethod
    def of(cls, cp: CpModel, case: Case) -> Variables:
        """Create one count for each row, between 0 and its bound."""
        return cls([cp.new_int_var(0, row.most, "") for row in case.rows])
