"""The twin of the rules about what may be bought: nothing that is no longer sold new, no GeForce in data centres."""

from __future__ import annotations

from optimizer.load import Catalog
from optimizer.schema.problem import Limits

REFUSED = {"not-allowed": "not among those allowed", "forbidden": "forbidden"}
"""How a name that the limits keep out is told, by why it is."""


def refused_product(machine_id: str, offer_id: str, count: int, limits: Limits, catalog: Catalog) -> str | None:
    """Say why so many of an owned machine may not be bought under some limits; None: they may.

    Args:
        machine_id: id of the machine, without its site.
        offer_id: the same with its site, as limits name it.
        count: nodes of it in the plan; those of `limits.at_least` are there already.
        limits: the problem's.
        catalog: the facts.
    """
    machine = catalog.owned[machine_id]
    product = catalog.products.get(machine.gpu_id)
    sold = machine.sold or ("new" if product is None else product.sold)
    if sold in ("used", "ended") and not limits.used and count > limits.at_least.get(offer_id, 0):
        return f"{machine.gpu_id} is no longer sold new ({sold})"
    in_data_centre = machine.form == "server" or machine.colocated
    if product and not product.licensed_for_data_centres and in_data_centre and not limits.allow_geforce_in_datacenter:
        return f"{machine.gpu_id} is not licensed for data centres"
    return None
