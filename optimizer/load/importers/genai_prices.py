"""Price lists of pydantic/genai-prices: `prices/data.json` of the project, or its installed package."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from types import ModuleType
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.importers.apis import ApiCollector, ApiImport, Asked, count_of, number_of
from optimizer.load.importers.model_names import ModelNames
from optimizer.load.importers.offers import Origin


def read_genai_prices(text: str, origin: Origin, names: ModelNames) -> ApiImport:
    """Read a data.json.

    Raises:
        InputError: it is no list of providers.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    providers = document.get("providers") if isinstance(document, Mapping) else document
    if not isinstance(providers, list) or not all(isinstance(one, Mapping) and "id" in one for one in providers):
        raise InputError([Fault(origin.label, "", "no list of providers", "prices/data.json of genai-prices")])
    return _read(providers, origin, names)


def read_package(package: ModuleType, origin: Origin, names: ModelNames) -> ApiImport:
    """Read what the installed package carries."""
    return _read([as_plain(provider) for provider in package.providers], origin, names)


def as_plain(value: Any) -> Any:
    """Turn the package's objects into what its data.json holds in their place."""
    if isinstance(value, list | tuple):
        return [as_plain(one) for one in value]
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return {key: as_plain(one) for key, one in vars(value).items()} if hasattr(value, "__dict__") else value


def _read(providers: list[Any], origin: Origin, names: ModelNames) -> ApiImport:
    collector = ApiCollector(origin, names)
    for provider in providers:
        page = next(iter(_listed(provider.get("pricing_urls"))), "")
        for model in _listed(provider.get("models")):
            if not isinstance(model, Mapping) or "id" not in model:
                collector.leave_out(str(provider["id"]), "a model without a name")
            elif model.get("deprecated"):
                collector.leave_out(f"{provider['id']} {model['id']}", "no longer sold")
            else:
                collector.take(_asked(str(provider["id"]), str(page), model, origin.as_of))
    return collector.result()


def _asked(provider: str, page: str, model: Mapping[str, Any], as_of: str) -> Asked:
    prices = in_force(model.get("prices"), as_of)
    return Asked(
        provider, str(model["id"]), base_of(prices.get("input_mtok")), base_of(prices.get("output_mtok")),
        base_of(prices.get("cache_read_mtok")), count_of(model.get("context_window")), page)


def in_force(prices: Any, as_of: str) -> Mapping[str, Any]:
    """Return the prices that hold on a day, at the dearest hour where they differ by the hour.

    >>> old, new = {"input_mtok": 2}, {"input_mtok": 1}
    >>> dated = [{"prices": old}, {"constraint": {"start_date": "2026-11-05"}, "prices": new}]
    >>> in_force(dated, "2026-11")["input_mtok"], in_force(dated, "2026-11-20")["input_mtok"], in_force(old, "2026")
    (2, 1, {'input_mtok': 2})
    """
    if isinstance(prices, Mapping):
        return prices
    begun = [
        one for one in _listed(prices) if isinstance(one, Mapping)
        and str((one.get("constraint") or {}).get("start_date") or "") <= as_of]
    always = [one["prices"] for one in begun if "start_time" not in (one.get("constraint") or {})]
    held = always[-1:] + [one["prices"] for one in begun if "start_time" in (one.get("constraint") or {})]
    return max(held, key=lambda one: base_of(one.get("input_mtok")) or 0.0, default={})


def base_of(price: Any) -> float | None:
    """Return a price as it is for short requests; long ones may cost more.

    >>> base_of({"base": 5, "tiers": [{"start": 200000, "price": 10}]}), base_of(0.15), base_of(None)
    (5.0, 0.15, None)
    """
    return number_of(price.get("base") if isinstance(price, Mapping) else price)


def _listed(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else ()
