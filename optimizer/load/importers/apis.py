"""What importers of hosted APIs share: a foreign price becomes a row of the catalog, or is left out with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from optimizer.load.faults import faults_of
from optimizer.load.importers.model_names import ModelNames
from optimizer.load.importers.offers import EXAMPLES, LeftOut, Origin
from optimizer.schema.catalog import ApiPrice


@dataclass(frozen=True)
class ApiImport:
    """What a price list of hosted APIs became."""

    prices: tuple[ApiPrice, ...]
    left_out: tuple[LeftOut, ...]
    rows: int
    """Of the list."""


@dataclass(frozen=True)
class Asked:
    """What one provider asks for one model, in US dollars a million tokens; None: not stated."""

    provider: str
    api_model: str
    input_usd: float | None
    output_usd: float | None
    cached_usd: float | None
    context_tokens: int | None
    source_url: str
    """The provider's own page; empty: not stated."""


@dataclass
class ApiCollector:
    """Gathers prices, and the reason of every row that became none."""

    origin: Origin
    names: ModelNames
    prices: dict[tuple[str, str], ApiPrice] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    rows: int = 0

    def leave_out(self, what: str, reason: str) -> None:
        """Note why a row is no price."""
        self.rows += 1
        self.reasons.setdefault(reason, []).append(what)

    def take(self, asked: Asked) -> None:
        """Turn what a provider asks into a row."""
        what = f"{asked.provider} {asked.api_model}"
        model_id, reason = self.names.find(asked.api_model)
        if not model_id:
            self.leave_out(what, reason)
        elif asked.input_usd is None or asked.output_usd is None:
            self.leave_out(what, "no price for the tokens it reads and writes")
        elif asked.input_usd == 0 or asked.output_usd == 0:
            self.leave_out(what, "no price: a free tier, or not stated")
        elif (asked.provider, asked.api_model) in self.prices:
            self.leave_out(what, "stands there twice")
        else:
            self._add(what, asked, model_id)

    def _add(self, what: str, asked: Asked, model_id: str) -> None:
        try:
            price = ApiPrice(
                provider=asked.provider, api_model=asked.api_model, model_id=model_id,
                input_usd_per_million=asked.input_usd or 0.0, cached_usd_per_million=asked.cached_usd or None,
                output_usd_per_million=asked.output_usd or 0.0, context_tokens=asked.context_tokens,
                source_url=asked.source_url or self.origin.source_url, as_of=self.origin.as_of, confidence="medium",
                notes=f"imported from {self.origin.provider}")
        except ValidationError as error:
            (first, *_) = faults_of(error, self.origin.label, ApiPrice, what)
            self.leave_out(what, f"{first.key.removeprefix(f'{what}.')}: found {first.found}; allowed: {first.allowed}")
            return
        self.rows += 1
        self.prices[asked.provider, asked.api_model] = price

    def result(self) -> ApiImport:
        """Return what the list became."""
        left = [LeftOut(reason, len(found), tuple(found[:EXAMPLES])) for reason, found in self.reasons.items()]
        return ApiImport(
            tuple(price for _, price in sorted(self.prices.items())),
            tuple(sorted(left, key=lambda one: (-one.rows, one.reason))), self.rows)


def number_of(value: Any) -> float | None:
    """Read a price of a JSON list; None: not stated.

    >>> number_of("0.15"), number_of(2), number_of(None), number_of(True), number_of("free"), number_of(-1)
    (0.15, 2.0, None, None, None, None)
    """
    if isinstance(value, bool) or value is None or isinstance(value, Mapping | list | tuple):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if 0 <= found < 1e9 else None


def count_of(value: Any) -> int | None:
    """Read a number of tokens; None: not stated.

    >>> count_of(131072), count_of("128000"), count_of(0), count_of(None)
    (131072, 128000, None, None)
    """
    found = number_of(value)
    return int(found) if found else None
