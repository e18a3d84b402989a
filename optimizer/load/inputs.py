"""A loaded problem together with the catalog rows that it needs."""

from __future__ import annotations

from collections.abc import Iterable
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
    return (with_known_shapes(loaded, found) if everything else loaded), found
