"""Products with a life: what is no longer sold new is not bought, GeForce stays out of data centres."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from optimizer.candidates.market import policy_refusal
from optimizer.costs import price_of
from optimizer.costs.owned import owned_offer_id
from optimizer.costs.products import product_warnings
from optimizer.load import Catalog, load_problem
from optimizer.schema.catalog import OwnedNode
from optimizer.schema.problem import Limits, Problem
from optimizer.verify.products import refused_product

SITE = "on-prem-jp"


def with_machine(shipped: Catalog, machine: str, **facts: Any) -> tuple[Catalog, OwnedNode]:
    """Return the catalog with one machine changed."""
    node = shipped.owned[machine].model_copy(update=facts)
    return replace(shipped, owned=shipped.owned | {machine: node}), node


def refusals(catalog: Catalog, machine: str, problem: Problem, count: int = 1) -> list[bool]:
    """Return whether the rule and its twin refuse so many of a machine."""
    offer_id = owned_offer_id(machine, SITE)
    offer = price_of(offer_id, catalog, problem)
    assert offer is not None
    too_many = offer.obtainable is not None and count > offer.obtainable
    return [policy_refusal(offer, problem.limits) is not None or too_many,
            refused_product(machine, offer_id, count, problem.limits, catalog) is not None]


@pytest.fixture
def problem() -> Problem:
    return load_problem("helpdesk-llama3-8b").problem


def limited(problem: Problem, **limits: Any) -> Problem:
    return problem.model_copy(update={"limits": Limits(**limits)})


@pytest.mark.parametrize("machine", ["owned-server-8x-a100-pcie-40gb", "owned-workstation-2x-rtx-3090"])
def test_what_is_not_sold_new_is_bought_only_when_used_is_asked_for(
    shipped: Catalog, problem: Problem, machine: str
) -> None:
    assert refusals(shipped, machine, limited(problem)) == [True, True]
    assert refusals(shipped, machine, limited(problem, used=True)) == [False, False]


def test_what_is_there_already_stays_and_no_more_is_bought(shipped: Catalog, problem: Problem) -> None:
    machine = "owned-server-8x-a100-pcie-40gb"
    held = limited(problem, at_least={owned_offer_id(machine, SITE): 2})
    assert refusals(shipped, machine, held, 2) == [False, False]
    assert refusals(shipped, machine, held, 3) == [True, True]


@pytest.mark.parametrize("sold", ["new", "remaining"])
def test_a_machine_may_say_itself_how_it_is_sold(shipped: Catalog, problem: Problem, sold: str) -> None:
    machine = "owned-server-8x-a100-pcie-40gb"
    catalog, _ = with_machine(shipped, machine, sold=sold)
    assert refusals(catalog, machine, limited(problem)) == [False, False]


@pytest.mark.parametrize(("facts", "refused"), [
    ({"form": "workstation", "colocated": False}, False), ({"form": "server", "colocated": False}, True),
    ({"form": "workstation", "colocated": True}, True),
])
def test_geforce_is_not_licensed_for_data_centres(
    shipped: Catalog, problem: Problem, facts: dict[str, Any], refused: bool
) -> None:
    machine = "owned-workstation-1x-rtx-5090"
    catalog, _ = with_machine(shipped, machine, **facts)
    assert refusals(catalog, machine, limited(problem)) == [refused, refused]
    assert refusals(catalog, machine, limited(problem, allow_geforce_in_datacenter=True)) == [False, False]


def test_a_buyer_is_told_of_remaining_stock_and_delivery(shipped: Catalog) -> None:
    def told(machine: str) -> str:
        return " ".join(product_warnings([shipped.owned[machine]], shipped))

    assert "remaining stock" in told("owned-workstation-1x-rtx-a5000")
    assert "Delivery of h100-sxm-80gb takes about 44 weeks" in told("owned-server-8x-h100-sxm")
    assert "bought used" in told("owned-workstation-2x-rtx-3090")
    assert told("owned-workstation-1x-rtx-pro-6000-ws") == ""
    _, own = with_machine(shipped, "owned-workstation-1x-rtx-pro-6000-ws", lead_time_weeks=9.0)
    assert "takes about 9 weeks" in " ".join(product_warnings([own], shipped))


def test_every_gpu_has_a_life_with_a_source(shipped: Catalog) -> None:
    assert set(shipped.products) == set(shipped.gpus)
    geforce = {name for name in shipped.gpus if "GeForce" in shipped.gpus[name].name}
    assert {name for name, product in shipped.products.items() if not product.licensed_for_data_centres} == geforce


def test_staff_space_network_and_spares_count_for_every_form(shipped: Catalog, problem: Problem) -> None:
    """One asymmetry decided the seed question: servers carried staff at $200,000 a year and workstations none."""
    lines = {}
    for form in ("workstation", "server"):
        catalog, node = with_machine(
            shipped, "owned-workstation-1x-rtx-a5000", form=form, colocated=form == "server")
        offer = price_of(owned_offer_id(node.offer_id, SITE), catalog, limited(problem))
        assert offer is not None
        lines[form] = offer.breakdown
    assert set(lines["workstation"]) == set(lines["server"])
    assert lines["workstation"]["staff"] == pytest.approx(lines["server"]["staff"])
    assert lines["workstation"]["colocation"] > 0


def test_resale_is_that_of_a_card_whose_successor_came(shipped: Catalog) -> None:
    figures = shipped.owned_assumptions
    assert figures is not None
    residual = [getattr(figures, f"residual_{age}_months_fraction") for age in (12, 24, 36, 60)]
    assert residual[0].value <= 0.55
    assert [one.value for one in residual] == sorted((one.value for one in residual), reverse=True)
    assert all(one.low <= one.value <= one.high and one.source_url for one in residual)
