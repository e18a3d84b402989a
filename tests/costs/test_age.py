"""How old prices are, and what changed between two catalogs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from optimizer.costs.age import OLD_DAYS, ages, half_of, latest_day, movement
from optimizer.costs.catalog_difference import catalog_difference
from optimizer.load import Catalog

DAY = date(2026, 12, 1)


def test_shipped_prices_are_of_the_second_half_of_2026_or_counted_as_old(shipped: Catalog) -> None:
    halves = [half_of(offer.as_of) for offer in shipped.offers.values()]
    assert halves.count("2026 second half") > 0.75 * len(halves)
    told = ages(shipped, DAY)
    assert sum(one.rows for one in told) == len(shipped.offers) + len(shipped.owned)
    old = [o for o in shipped.offers.values() if "-" in o.as_of and (DAY - latest_day(o.as_of)).days > OLD_DAYS]
    assert sum(one.old for one in told if one.provider != "owned") == len(old)


def test_movement_is_that_of_the_same_gpu_and_kind_after_the_price(shipped: Catalog) -> None:
    some = next(o for o in shipped.offers.values() if (o.gpu_id, o.kind) == ("h100-nvl-94gb", "spot"))
    moved = movement(some.model_copy(update={"as_of": "2026-05-20"}))
    assert moved is not None
    assert (moved.gpu_id, moved.kind, moved.until) == ("h100-nvl-94gb", "spot", "2026-10")
    assert moved.moved_fraction < -0.4
    for as_of in ("2026-11-01", "2026"):  # newer than what was compared, or of no known month
        assert movement(some.model_copy(update={"as_of": as_of})) is None


def test_a_difference_names_what_came_went_and_moved(shipped: Catalog) -> None:
    offers = dict(shipped.offers)
    names = sorted(offers)[:4]
    gone, dearer, other, same = names
    del offers[gone]
    offers[dearer] = offers[dearer].model_copy(update={"price": offers[dearer].price * 1.25})
    offers[other] = offers[other].model_copy(update={"gpu_count": offers[other].gpu_count + 1})
    offers["new"] = offers[same].model_copy(update={"offer_id": "new"})
    found = catalog_difference(shipped, replace(shipped, offers=offers))
    told = {one.offer_id: one for one in found.changes}
    assert {name: one.change for name, one in told.items()} == {
        gone: "removed", dearer: "price", other: "facts", "new": "added"}
    assert told[dearer].fraction == pytest.approx(0.25)
    assert found.unchanged == len(shipped.offers) - 3 + len(shipped.owned)
    assert [m.gpu_id for m in found.movements] == [offers[dearer].gpu_id]
    assert not catalog_difference(shipped, shipped).changes


def test_owned_machines_are_compared_by_their_parts(shipped: Catalog) -> None:
    name, node = next(iter(shipped.owned.items()))
    part = node.parts[0].model_copy(update={"unit_price": (node.parts[0].unit_price or 0) * 2, "high": None})
    dearer = node.model_copy(update={"parts": (part, *node.parts[1:])})
    (change,) = catalog_difference(shipped, replace(shipped, owned=shipped.owned | {name: dearer})).changes
    assert (change.offer_id, change.change) == (name, "price")
    assert change.fraction is not None
    assert 0 < change.fraction <= 1.0 + 1e-9
