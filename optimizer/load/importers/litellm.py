"""LiteLLM's price list, `model_prices_and_context_window.json`: US dollars a token, by provider and model."""

from __future__ import annotations

import json
from collections.abc import Mapping

from optimizer.errors import Fault, InputError
from optimizer.load.importers.apis import ApiCollector, ApiImport, Asked, count_of, number_of
from optimizer.load.importers.model_names import ModelNames
from optimizer.load.importers.offers import Origin

EXAMPLE = "sample_spec"
"""An entry that explains the others."""
DIGITS = 9
"""Prices a million tokens have fewer digits; more are those of a binary fraction."""


def read_litellm(text: str, origin: Origin, names: ModelNames) -> ApiImport:
    """Read the list.

    Raises:
        InputError: it is no JSON of entries by name.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, Mapping):
        allowed = "model_prices_and_context_window.json of LiteLLM"
        raise InputError([Fault(origin.label, "", "no JSON of entries by name", allowed)])
    collector = ApiCollector(origin, names)
    for name, entry in document.items():
        if name == EXAMPLE:
            continue
        if not isinstance(entry, Mapping) or not entry.get("litellm_provider"):
            collector.leave_out(name, "an entry without a provider")
        elif entry.get("mode") != "chat":
            collector.leave_out(name, f"no chat: {entry.get('mode') or 'mode not stated'}")
        elif str(entry.get("deprecation_date") or "9") <= origin.as_of:
            collector.leave_out(name, "no longer sold")
        else:
            source = str(entry.get("source") or "")
            collector.take(Asked(
                str(entry["litellm_provider"]), name, _million(entry, "input_cost_per_token"),
                _million(entry, "output_cost_per_token"), _million(entry, "cache_read_input_token_cost"),
                count_of(entry.get("max_input_tokens")), source if source.startswith("http") else ""))
    return collector.result()


def _million(entry: Mapping[str, object], key: str) -> float | None:
    price = number_of(entry.get(key))
    return None if price is None else round(price * 1_000_000, DIGITS)
