"""Small problems of the oracles as the programs that certificates state."""

from __future__ import annotations

from optimizer.formulation import Case, build_case
from optimizer.proof.linear import Linear
from optimizer.solve import Solution
from optimizer.solve.certify import counts_of as counts_of_case
from optimizer.solve.stated import stated, without_needless_most
from tests.oracles import Instance


def case_of(problem: Instance) -> Case:
    """Return the case of a problem, nothing reduced."""
    return build_case(problem.candidates, problem.limits, problem.candidates.targets(), problem.budget)


def program_of(problem: Instance) -> Linear:
    """Return its program."""
    case = case_of(problem)
    return without_needless_most(stated(case), case)


def counts_of(case: Case, solution: Solution) -> tuple[int, ...]:
    """Return a solution by columns."""
    return counts_of_case(case, solution)
