"""What a buyer must know of the life of a product: remaining stock, used goods, delivery, end of support."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optimizer.costs.owned import sold_as
from optimizer.load import Catalog
from optimizer.messages import Message
from optimizer.schema.catalog import OwnedNode

LONG_WEEKS = 8
"""A delivery time from which an answer names it."""


def lead_time_weeks(node: OwnedNode, catalog: Catalog) -> float | None:
    """Return the weeks from order to delivery: the machine's own, else its GPU's; None: unknown."""
    product = catalog.products.get(node.gpu_id)
    if node.lead_time_weeks is not None or product is None:
        return node.lead_time_weeks
    return product.lead_time_weeks


def product_warnings(machines: Iterable[OwnedNode], catalog: Catalog) -> Iterator[Message]:
    """Yield what the life of the machines of a plan means for who orders them."""
    by_gpu = {machine.gpu_id: machine for machine in machines}
    for gpu_id, machine in sorted(by_gpu.items()):
        sold, product = sold_as(machine, catalog), catalog.products.get(gpu_id)
        if sold == "remaining":
            yield Message("warning.remaining", gpu=gpu_id)
        elif sold != "new":
            yield Message("warning.used", gpu=gpu_id)
        weeks = lead_time_weeks(machine, catalog)
        if weeks is not None and weeks >= LONG_WEEKS:
            as_of = product.as_of if product else Message("warning.own-figure")
            yield Message("warning.delivery", gpu=gpu_id, weeks=weeks, source=as_of)
        if product is not None and product.support_until is not None:
            yield Message("warning.support", gpu=gpu_id, day=product.support_until)
