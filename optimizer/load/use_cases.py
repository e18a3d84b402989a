"""The shipped table of typical values by use case."""

from __future__ import annotations

from functools import lru_cache

from pydantic import ValidationError

from optimizer.errors import CatalogError
from optimizer.load.faults import faults_of
from optimizer.load.layers import shipped_catalog_dir
from optimizer.load.problem import _as_tuples
from optimizer.load.text import decode, read_bytes
from optimizer.load.yaml_files import parse_yaml
from optimizer.schema.use_case import UseCase

FILE = "catalogs/use_cases.yaml"


@lru_cache(maxsize=1)
def use_cases() -> dict[str, UseCase]:
    """Read the table, by id.

    Raises:
        CatalogError: the table is broken.
    """
    text = decode(read_bytes(shipped_catalog_dir() / "use_cases.yaml", FILE), FILE)
    try:
        found = [UseCase.model_validate(_as_tuples(row)) for row in parse_yaml(text, FILE)]
    except ValidationError as error:
        raise CatalogError(faults_of(error, FILE, UseCase)) from None
    return {one.use_case_id: one for one in found}
