"""Where the regions of providers are, and how prices moved: read only by what compares prices."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, StringConstraints

from optimizer.errors import CatalogError, Fault
from optimizer.load.csv_files import parse_rows
from optimizer.load.layers import shipped_catalog_dir
from optimizer.load.text import decode, read_bytes
from optimizer.schema.base import Count, Id, Kind, Name
from optimizer.schema.sourced import AsOf, Sourced

Row = TypeVar("Row", bound=BaseModel)


class Place(Sourced):
    """Regions of one provider that lie in one part of the world."""

    provider: Id
    region: Name
    """Code of the region; `*` stands for any text."""
    part_of_world: Literal["africa", "asia", "europe", "middle-east", "north-america", "south-america"]


class Region(Sourced):
    """Where one region of a provider lies."""

    provider: Id
    region: Name
    """The provider's own code."""
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    """ISO 3166-1 code."""
    metro: str = ""
    """City or part of the country; empty: the provider states none."""


class PlaceName(Sourced):
    """What else a country or city is called."""

    place: Name
    """A country's code, or a city as `regions.csv` writes it."""
    names: Name
    """Parted by `;`."""


class PriceMove(Sourced):
    """How the prices of one GPU moved between two dates, over offers that both have."""

    gpu_id: Id
    kind: Kind
    since: AsOf
    until: AsOf
    moved_fraction: float
    """Median of later over earlier price, less 1."""
    offers: Count


def read_places() -> tuple[Place, ...]:
    """Read the shipped table of regions; of several rows that match a region the first counts.

    Raises:
        CatalogError: the table is broken.
    """
    return _read("places.csv", Place)


def read_regions() -> tuple[Region, ...]:
    """Read the shipped table of where regions lie.

    Raises:
        CatalogError: the table is broken.
    """
    return _read("regions.csv", Region)


def read_place_names() -> tuple[PlaceName, ...]:
    """Read the shipped table of other names of places.

    Raises:
        CatalogError: the table is broken.
    """
    return _read("place_names.csv", PlaceName)


def read_price_moves() -> tuple[PriceMove, ...]:
    """Read the shipped table of movements.

    Raises:
        CatalogError: the table is broken.
    """
    return _read("price_moves.csv", PriceMove)


def _read(name: str, model: type[Row]) -> tuple[Row, ...]:
    faults: list[Fault] = []
    label = f"catalogs/{name}"
    rows = parse_rows(decode(read_bytes(shipped_catalog_dir() / name, label), label), label, model, faults)
    if faults:
        raise CatalogError(faults)
    return tuple(rows)
