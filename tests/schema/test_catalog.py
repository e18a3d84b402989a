"""Rules inside one row of the catalog, each with a row that keeps it and one that breaks it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from optimizer.load import Catalog
from optimizer.schema.catalog import Figure, Gpu, LlmModel, OwnedAssumptions, Part, RentedOffer, Site, ThroughputPoint

SOURCE = {"source_url": "https://example.org", "as_of": "2026-08-21"}
GPU = {"gpu_id": "g", "name": "G", "vendor": "nvidia", "compute_capability": 8.0, "memory_gib": 24,
    "memory_usable_gib": 23.6,
       "memory_bandwidth_gb_per_s": 900, "memory_kind": "gddr", **SOURCE}
OFFER = {"offer_id": "o", "provider": "p", "region": "r", "gpu_id": "g", "gpu_count": 1, "kind": "on_demand",
    "price": 2.0, **SOURCE}
POINT = {"model_id": "m", "gpu_id": "g", "gpu_count": 1, "engine_id": "e", "source_id": "s", "use": "curve",
    "precision": "bf16", "tp_size": 1,
         "isl_tokens": 512, "osl_tokens": 256, "concurrency": 8, "tpot_ms": 20.0, **SOURCE}
FIGURE = {"value": 2.0, "as_of": "2026"}
PART = {"item": "card", "unit_price": 2500, "as_of": "2026"}
SITE = {"name": "S", "country": "JP", "electricity_jpy_per_kwh": FIGURE, "pue": FIGURE,
    "colocation_usd_per_kw_month": FIGURE}


@pytest.mark.parametrize(("model", "base", "good", "bad", "said"), [
    (Gpu, GPU, {"vendor": "amd", "compute_capability": None}, {"compute_capability": None},
        "compute_capability: found nothing"),
    (Gpu, GPU, {"memory_usable_gib": 24}, {"memory_usable_gib": 24.1}, "at most memory_gib = 24"),
    (Gpu, GPU, {"memory_kind": "hbm"}, {"memory_kind": "sram"}, "'hbm' or 'lpddr'"),
    (RentedOffer, OFFER, {"kind": "reserved", "term_months": 1}, {"kind": "reserved"}, "1 or more for reserved"),
    (RentedOffer, OFFER, {"kind": "spot"}, {"kind": "spot", "term_months": 12}, "else 0"),
    (RentedOffer, OFFER, {"price_low": 2.0, "price_high": 2.0}, {"price_low": 2.1}, "at most price = 2"),
    (RentedOffer, OFFER, {"price_high": 3.0}, {"price_high": 1.9}, "at least price = 2"),
    (RentedOffer, OFFER, {"kind": "marketplace"}, {"kind": "owned"}, "marketplace"),
    (ThroughputPoint, POINT, {"use": "check", "tpot_ms": None, "precision": None}, {"tpot_ms": None, "precision": None},
        "tpot_ms, precision: found nothing"),
    (ThroughputPoint, POINT, {"use": "ceiling", "output_tokens_per_s": 900.0}, {"use": "ceiling"},
        "output_tokens_per_s: found nothing"),
    (Figure, FIGURE, {"low": 2.0, "high": 2.0}, {"low": 2.5}, "at most value = 2"),
    (Figure, FIGURE, {"high": 9.0}, {"high": 1.0}, "at least value = 2"),
    (Part, PART, {"low": 2000, "high": 3000}, {"low": 2600}, "at most unit_price = 2500"),
    (Part, PART, {"unit_price": None, "fraction_of_parts": 0.1}, {"fraction_of_parts": 0.1}, "exactly one"),
    (Part, PART, {"unit_price": None, "fraction_of_parts": 0.1, "high": 0.3},
        {"unit_price": None, "fraction_of_parts": 0.1, "high": 0.05},
     "at least fraction_of_parts"),
    (Site, SITE, {"colocation_usd_per_kw_month": None, "colocation_eur_per_kw_month": FIGURE},
        {"colocation_eur_per_kw_month": FIGURE}, "found 2 prices"),
    (Site, SITE, {"pue": {"value": 1.0, "as_of": "2026"}}, {"pue": {"value": 1.5, "low": 0.9, "as_of": "2026"}},
        "pue: found less than 1"),
])
def test_rules_of_a_row(model: type[BaseModel], base: dict[str, Any], good: dict[str, Any], bad: dict[str, Any],
        said: str) -> None:
    assert model.model_validate(base)
    assert model.model_validate(base | good)
    with pytest.raises(ValidationError, match=said):
        model.model_validate(base | bad)


@pytest.mark.parametrize(("bad", "said"), [
    ({"attention": "mla"}, "a number when attention is mla"),
    ({"active_parameters_billion": 9.0}, "more than parameters_billion"),
    ({"full_attention_layers": 20, "sliding_window_layers": 13}, "more than layers"),
    ({"experts": 4, "experts_per_token": 5}, "at most experts = 4"),
    ({"kv_heads": 33}, "at most attention_heads = 32"),
])
def test_rules_of_a_model(shipped: Catalog, bad: dict[str, Any], said: str) -> None:
    facts = shipped.models["llama-3.1-8b-instruct"].model_dump()
    assert LlmModel.model_validate(facts)
    with pytest.raises(ValidationError, match=said):
        LlmModel.model_validate(facts | bad)


@pytest.mark.parametrize(("bad", "said"), [
    ({"life_years": Figure(value=0.05, as_of="2026")}, "at least 0.1"),
    ({"life_years": Figure(value=5.0, low=0.0, as_of="2026")}, "at least 0.1"),
    ({"discount_fraction_per_year": Figure(value=8.0, as_of="2026")}, "discount_fraction_per_year: found 8"),
    ({"residual_12_months_fraction": Figure(value=0.5, high=1.5, as_of="2026")}, "found 1.5; allowed: a fraction"),
])
def test_rules_of_the_assumptions(shipped: Catalog, bad: dict[str, Any], said: str) -> None:
    assert shipped.owned_assumptions is not None
    facts = dict(shipped.owned_assumptions)
    assert OwnedAssumptions.model_validate(facts)
    with pytest.raises(ValidationError, match=said):
        OwnedAssumptions.model_validate(facts | bad)


@pytest.mark.parametrize("as_of", ["2026", "2026-08", "2026-08-21", "1999-12-31"])
def test_dates_that_are_taken(as_of: str) -> None:
    assert Figure.model_validate(FIGURE | {"as_of": as_of}).as_of == as_of


@pytest.mark.parametrize("as_of", ["", "26", "2026-13", "2026-00", "2026-08-32", "2026-8-1", "August 2026",
        "2026-08-21T10:00", "\uff12\uff10\uff12\uff16", 20.26, True])
def test_dates_that_are_none(as_of: object) -> None:
    with pytest.raises(ValidationError):
        Figure.model_validate(FIGURE | {"as_of": as_of})


@pytest.mark.parametrize(("ttft_ms", "waits"), [(100.0, False), (7649.0, False), (7651.0, True), (None, False)])
def test_a_point_waits_when_most_of_its_time_is_spent_before_the_first_token(ttft_ms: float | None,
        waits: bool) -> None:
    # 255 further tokens x 20 ms = 5,100 ms; TTFT is more than 60% of the whole from 5,100 x 0.6 / 0.4 = 7,650 ms
    assert ThroughputPoint.model_validate(POINT | {"ttft_ms": ttft_ms}).waits is waits
