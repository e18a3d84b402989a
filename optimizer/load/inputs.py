"""A loaded problem together with the catalog rows that it needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from optimizer.load.catalog import Catalog, load_catalog
from optimizer.load.problem import LoadedProblem, with_known_shapes


def load_facts(
    loaded: LoadedProblem, catalog: Path | None, overlays: Iterable[Path]
) -> tuple[LoadedProblem, Catalog]:
    """Load the catalog rows of a problem's models; a catalog or overlay that is named is validated whole.

    Args:
        loaded: the problem.
        catalog: a folder in place of the shipped catalog.
        overlays: folders laid over it, the later above.

    Raises:
        CatalogError: the catalog is broken.
        InputError: an overlay is broken.
    """
    references = {service.model for service in loaded.problem.services} - set(loaded.own_models)
    everything = bool(loaded.own_models)  # an own model may have the shape of any model of the catalog
    found = load_catalog(catalog, overlays, None if everything else references)
    placed = at_places(loaded, found)
    return (with_known_shapes(placed, found) if everything else placed), found


def at_places(loaded: LoadedProblem, catalog: Catalog) -> LoadedProblem:
    """Return a problem whose countries and cities are regions of the catalog.

    Raises:
        InputError: nothing lies at a place that is named.
    """
    limits = loaded.problem.limits
    if not (limits.country or limits.regions.allow or limits.regions.forbid):
        return loaded
    from optimizer.load.regions import with_regions  # most problems name no place

    problem, told = with_regions(loaded.problem, catalog, loaded.label)
    return replace(loaded, problem=problem, places=told)
