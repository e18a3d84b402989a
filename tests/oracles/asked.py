"""Tiny problems as questions of the one program."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from optimizer.load import LoadedProblem
from optimizer.question.build import Asked, ask
from optimizer.schema.problem import Problem
from optimizer.solve import Prepared
from tests.catalogs import tiny
from tests.oracles.instances import Instance


def asked_of(problem: Instance, sharing: Literal["none", "nodes"] = "nodes") -> Asked:
    """Ask for a tiny problem, its services sharing nodes unless told otherwise."""
    whole = Problem(schema_version=1, name="tiny", services=problem.candidates.services, limits=problem.limits,
                    sharing=sharing)
    loaded = LoadedProblem(whole, "", "tiny", "0" * 64, {})
    asked = ask(Prepared(loaded, whole, tiny.catalog(), problem.candidates, problem.budget))
    return replace(asked, question=replace(asked.question, budget=problem.budget))
