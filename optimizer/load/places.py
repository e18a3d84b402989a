"""Where the regions of providers are: read only by what compares prices."""

from __future__ import annotations

from typing import Literal

from optimizer.errors import CatalogError, Fault
from optimizer.load.csv_files import parse_rows
from optimizer.load.layers import shipped_catalog_dir
from optimizer.load.text import decode, read_bytes
from optimizer.schema.base import Id, Name
from optimizer.schema.sourced import Sourced

TABLE = "places.csv"


class Place(Sourced):
    """Regions of one provider that lie in one part of the world."""

    provider: Id
    region: Name
    """Code of the region; `*` stands for any text."""
    part_of_world: Literal["africa", "asia", "europe", "middle-east", "north-america", "south-america"]


def read_places() -> tuple[Place, ...]:
    """Read the shipped table; of several rows that match a region the first counts.

    Raises:
        CatalogError: the table is broken.
    """
    faults: list[Fault] = []
    label = f"catalogs/{TABLE}"
    rows = parse_rows(decode(read_bytes(shipped_catalog_dir() / TABLE, label), label), label, Place, faults)
    if faults:
        raise CatalogError(faults)
    return tuple(rows)
