"""A fact with its origin."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, StringConstraints

from optimizer.schema.base import Frozen


def _as_written(value: object) -> object:
    """Take the date or year that YAML reads where the quotes are left out."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


AsOf = Annotated[
    str,
    BeforeValidator(_as_written, json_schema_input_type=str),
    StringConstraints(pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$"),
]
"""A day, month or year: 2026-08-21, 2026-08 or 2026."""

SourceUrl = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Confidence = Literal["high", "medium", "low"]


class Sourced(Frozen):
    """A fact with its origin."""

    source_url: SourceUrl
    """Where the figures were read; several addresses are joined with ` ; `."""
    as_of: AsOf
    """When they were true."""
    confidence: Confidence = "medium"
    """How far the source is to be trusted."""
    notes: str = ""
    """What a reader should know."""
