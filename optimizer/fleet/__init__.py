"""One fleet for several services: replicas of different services may share a node's GPUs."""

from optimizer.fleet.answer import answer_fleet
from optimizer.fleet.case import FleetCase, build_fleet
from optimizer.fleet.prove import solve_fleet
from optimizer.fleet.solution import FleetSolution

__all__ = ["FleetCase", "FleetSolution", "answer_fleet", "build_fleet", "solve_fleet"]
