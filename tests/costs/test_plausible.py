"""Prices and nodes that cannot be: held against others, against the board, against a Windows price."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.costs.plausible import ABOVE, BELOW, Market, azure_vcpus, family_of, part_of_world
from optimizer.load import Catalog
from optimizer.schema.catalog import RentedOffer


def offer(**facts: object) -> RentedOffer:
    """Make an offer of an unknown provider."""
    known = {
        "offer_id": "new-x", "provider": "new", "region": "r1", "gpu_id": "h200-sxm-141gb", "gpu_count": 1,
        "kind": "on_demand", "price": 5.0, "source_url": "https://x.example", "as_of": "2026-11-30"}
    return RentedOffer.model_validate(known | facts)


def reasons(catalog: Catalog, *offers: RentedOffer) -> list[str]:
    return [doubt.reason for doubt in Market(catalog).doubts(offers)]


def test_an_h200_for_a_dollar_is_doubted_with_what_others_ask(shipped: Catalog) -> None:
    (reason,) = reasons(shipped, offer(price=1.0))
    assert reason.startswith("$1.00 an hour for a h200-sxm-141gb (on-demand): others ask $3.99 to $")


@pytest.mark.parametrize("kind", ["on_demand", "spot", "marketplace", "reserved"])
def test_every_kind_is_held_against_its_own(shipped: Catalog, kind: str) -> None:
    term = {"term_months": 12} if kind == "reserved" else {}
    others = Market(shipped).peers(offer(kind=kind, **term)).values()
    low, high = min(others), max(others)
    assert not reasons(shipped, offer(kind=kind, price=low / BELOW * 1.01, **term))
    assert reasons(shipped, offer(kind=kind, price=low / BELOW * 0.99, **term))
    assert not reasons(shipped, offer(kind=kind, price=high * ABOVE * 0.99, **term))
    assert reasons(shipped, offer(kind=kind, price=high * ABOVE * 1.01, **term))


def test_the_price_of_a_whole_node_is_shared_out_and_changed(shipped: Catalog) -> None:
    rate = shipped.fx["JPY"].rate_per_usd
    fair = offer(gpu_count=8, price=8 * 5.0 * 730 * rate, currency="JPY", per="month")
    assert not reasons(shipped, fair)
    assert reasons(shipped, fair.model_copy(update={"price": fair.price / 8}))


@pytest.mark.parametrize(("gpu", "count"), [("h100-sxm-80gb", 12), ("rtx-3080-10gb", 11), ("gb200-192gb", 8)])
def test_a_node_holds_no_more_gpus_than_its_board(shipped: Catalog, gpu: str, count: int) -> None:
    found = reasons(shipped, offer(gpu_id=gpu, gpu_count=count, price=4.0 * count))
    assert any(reason.startswith(f"{count} x {gpu}: a node holds at most") for reason in found)
    assert not any("holds at most" in reason for reason in reasons(shipped, offer(gpu_id=gpu, price=4.0)))


@pytest.mark.parametrize("instance", ["Standard_NC48ads_A100_v4", "Standard_NC96ads_A100_v4",
                                      "Standard_NC80adis_H100_v5"])
def test_windows_prices_of_azure_are_told(shipped: Catalog, instance: str) -> None:
    """The rows of eastus that version 0.1 shipped: Linux + $0.046 per vCPU."""
    (linux,) = [o for o in shipped.offers.values()
                if (o.instance_type, o.region, o.kind) == (instance, "eastus", "on_demand")]
    vcpus = azure_vcpus(linux)
    assert vcpus is not None
    windows = linux.model_copy(update={"price": linux.price + 0.046 * vcpus})
    told = reasons(replace(shipped, offers=shipped.offers | {windows.offer_id: windows}), windows)
    assert any(reason.endswith("a Windows price") for reason in told)
    assert not any("Windows" in reason for reason in reasons(shipped, linux))


def test_no_shipped_price_is_that_of_windows(shipped: Catalog) -> None:
    assert not [doubt for doubt in Market(shipped).doubts(shipped.offers.values()) if "Windows" in doubt.reason]


def test_sizes_of_a_family_and_regions(shipped: Catalog) -> None:
    names = ("Standard_NC40ads_H100_v5", "Standard_NC80adis_H100_v5", "Standard_NV36adms_A10_v5")
    families = [family_of(offer(provider="azure", instance_type=name)) for name in names]
    assert families[0] == families[1] != families[2]
    assert (part_of_world("azure", "japaneast"), part_of_world("aws", "sa-east-1")) == ("asia", "south-america")
    assert part_of_world("lambda", "global") == ""
    regional = {(o.provider, o.region) for o in shipped.offers.values() if o.provider in ("aws", "azure", "gcp")}
    assert all(part_of_world(*place) for place in regional)
