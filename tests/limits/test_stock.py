"""`limits.stock`: what is had of a machine is had by all its sites together; a site may have less of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from optimizer.load import Catalog, LoadedProblem
from optimizer.plan.best import best_plan
from optimizer.schema.plan import Node
from optimizer.schema.problem import Demand, Limits, Problem, Roadmap
from optimizer.solve import SolveSettings, prepare
from tests.catalogs import tiny
from tests.cli.conftest import Run, run
from tests.limits.test_restrictions import OWN, POINTS, SITES

__all__ = ["run"]

HERE, THERE = f"{OWN}.here", f"{OWN}.there"

Counts = dict[str, int] | None
"""Offer -> nodes of the cheapest plan; None: there is none."""

STOCKS: list[tuple[dict[str, int], Counts]] = [
    ({OWN: 1}, None),
    ({OWN: 1, THERE: 1}, None),
    ({OWN: 1, HERE: 1, THERE: 1}, None),
    ({OWN: 1, THERE: 5}, None),
    ({OWN: 2, THERE: 0}, {HERE: 2}),
    ({OWN: 2, HERE: 0}, {THERE: 2}),
    ({OWN: 2, HERE: 1, THERE: 0}, None),
    ({OWN: 3, HERE: 1}, {HERE: 1, THERE: 1}),
    ({OWN: 3, HERE: 1, THERE: 1}, {HERE: 1, THERE: 1}),
    ({HERE: 1, THERE: 1}, {HERE: 1, THERE: 1}),
    ({HERE: 1}, {HERE: 1, THERE: 1}),
    ({}, {HERE: 2}),
]
"""Power is dearer there, so that the cheapest two machines stand here."""


def loaded(problem: Problem) -> LoadedProblem:
    return LoadedProblem(problem, "", problem.name, "0" * 64, {})


def counted(nodes: tuple[Node, ...]) -> Counts:
    return {node.offer_id: node.count for node in nodes} or None


def by_peak_or_hour(problem: Problem, catalog: Catalog) -> Counts:
    return counted(best_plan(prepare(loaded(problem), catalog), SolveSettings(), with_rejections=False).nodes)


def shared(problem: Problem, catalog: Catalog) -> Counts:
    return by_peak_or_hour(problem.model_copy(update={"sharing": "nodes"}), catalog)


def by_quarter(problem: Problem, catalog: Catalog) -> Counts:
    roadmap = Roadmap.model_validate({"start": "2027-Q2", "quarters": 4})
    return by_peak_or_hour(problem.model_copy(update={"roadmap": roadmap}), catalog)


PEAK = Demand(peak_concurrency=250)
"""Two machines: at 25 tokens/s a GPU of theirs carries 87 requests, at most 174 a machine."""

DAY = Demand(peak_concurrency=250, profile=(0.5,) * 12 + (1.0,) * 12)

FORMS: dict[str, tuple[Callable[[Problem, Catalog], Counts], tuple[Demand, ...]]] = {
    "peak": (by_peak_or_hour, (PEAK,)),
    "hours": (by_peak_or_hour, (DAY,)),
    "two services": (by_peak_or_hour, (Demand(peak_concurrency=170),) * 2),
    "shared": (shared, (PEAK,)),
    "shared by two": (shared, (Demand(peak_concurrency=170),) * 2),
    "quarters": (by_quarter, (PEAK,)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("stock", "expected"), STOCKS, ids=[str(stock) for stock, _ in STOCKS])
def test_the_sites_of_a_machine_share_its_stock(form: str, stock: dict[str, int], expected: Counts) -> None:
    """Two machines were found where one exists, once the stock of a site was named beside that of the machine."""
    answered, demands = FORMS[form]
    one = tiny.problem(limits=Limits(kinds=("owned",), stock=stock), demand=demands[0])
    services = tuple(one.services[0].model_copy(update={"service_id": f"s{i}", "demand": demand})
                     for i, demand in enumerate(demands))
    catalog = tiny.catalog(*POINTS[:2], owned={OWN: tiny.node(sites=("here", "there"))}, sites=SITES)
    assert answered(one.model_copy(update={"services": services}), catalog) == expected


def test_the_command_finds_no_second_machine(run: Run, tmp_path: Path) -> None:
    machine, path = "owned-workstation-1x-rtx-5090", tmp_path / "pool.yaml"
    path.write_text("""\
schema_version: 1
name: pool
services:
  - service_id: chat
    model: llama-3-8b-instruct
    precisions: [bf16]
    slo: {tokens_per_s_per_user: 25}
    workload: [{isl_tokens: 512, osl_tokens: 256}]
    demand: {peak_concurrency: 400}
    headroom_fraction: 0.0
limits:
  kinds: [owned]
  gpus: {allow: [rtx-5090-32gb]}
""", encoding="utf-8")
    stock = f"limits.stock={{{machine}: 1, {machine}.on-prem-us: 1}}"
    result = run("solve", "--details", path, "--set", stock)
    assert (result.code, result.err) == (1, "")
    assert "limits.stock" in result.out
