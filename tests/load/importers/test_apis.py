"""Price lists of hosted APIs: exactly the models of the catalog, every other row with its reason."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from optimizer.errors import InputError
from optimizer.load.importers import ApiImport, ModelNames, Origin, read_genai_prices, read_litellm, read_package
from tests.catalogs import tiny

ORIGIN = Origin("list.json", "test", "2026-11", "https://example.org", marketplace=False)
NAMES = ModelNames({
    "llama-3.3-70b-instruct": tiny.model(hf_id="meta-llama/Llama-3.3-70B-Instruct"),
    "qwen2-7b": tiny.model(hf_id="Qwen/Qwen2-7B"), "qwen2-7b-instruct": tiny.model(hf_id="Qwen/Qwen2-7B-Instruct"),
    "deepseek-v3.1": tiny.model(hf_id="deepseek-ai/DeepSeek-V3.1")})


@pytest.mark.parametrize(("name", "model_id"), [
    ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b-instruct"),
    ("us.meta.llama3-3-70b-instruct-v1:0", "llama-3.3-70b-instruct"),
    ("accounts/fireworks/models/llama-v3p3-70b-instruct", "llama-3.3-70b-instruct"),
    ("fireworks_ai/accounts/fireworks/models/deepseek-v3p1", "deepseek-v3.1"),
    ("qwen/qwen2-7b-instruct", "qwen2-7b-instruct"),
    ("qwen/qwen2-7b", ""),  # the base model or the one for chat
    ("meta-llama/Llama-3.3-70B-Instruct-Turbo", ""),  # other weights
    ("meta-llama/llama-3.3-70b-instruct:free", ""),
    ("meta-llama/Llama-3.3-8B-Instruct", ""),
])
def test_only_the_same_weights_are_the_model(name: str, model_id: str) -> None:
    found, reason = NAMES.find(name)
    assert found == model_id
    assert bool(reason) == (not model_id)


def reasons(found: ApiImport) -> dict[str, int]:
    return {one.reason: one.rows for one in found.left_out}


def genai(*models: dict[str, Any]) -> str:
    return json.dumps([{"id": "host", "pricing_urls": ["https://host.example/prices"], "models": list(models)}])


LLAMA = "llama-3.3-70b-instruct"


def test_genai_prices() -> None:
    found = read_genai_prices(genai(
        {"id": LLAMA, "context_window": 131072, "prices": {"input_mtok": 0.1, "output_mtok": 0.3}},
        {"id": f"x/{LLAMA}", "prices": {
            "input_mtok": {"base": 1, "tiers": [{"start": 200000, "price": 2}]}, "output_mtok": 2,
            "cache_read_mtok": 0.1}},
        {"id": f"y/{LLAMA}", "prices": [
            {"prices": {"input_mtok": 9, "output_mtok": 9}},
            {"constraint": {"start_date": "2026-10-01"}, "prices": {"input_mtok": 4, "output_mtok": 5}},
            {"constraint": {"start_date": "2026-12-01"}, "prices": {"input_mtok": 1, "output_mtok": 1}}]},
        {"id": f"z/{LLAMA}", "deprecated": True, "prices": {"input_mtok": 1, "output_mtok": 1}},
        {"id": f"free/{LLAMA}", "prices": {"input_mtok": 0, "output_mtok": 0}},
        {"id": f"part/{LLAMA}", "prices": {"input_mtok": "gift"}},
        {"id": "else", "prices": {"input_mtok": 1, "output_mtok": 1}}, {"name": "nothing"},
    ), ORIGIN, NAMES)
    asked = {price.api_model: (price.input_usd_per_million, price.cached_usd_per_million, price.output_usd_per_million)
             for price in found.prices}
    assert asked == {LLAMA: (0.1, None, 0.3), f"x/{LLAMA}": (1.0, 0.1, 2.0), f"y/{LLAMA}": (4.0, None, 5.0)}
    assert {price.source_url for price in found.prices} == {"https://host.example/prices"}
    assert (found.rows, sum(reasons(found).values()) + len(found.prices)) == (8, 8)


def test_the_installed_package_reads_as_its_file_does() -> None:
    prices = SimpleNamespace(input_mtok=Decimal("0.1"), output_mtok=Decimal("0.3"))
    later = SimpleNamespace(constraint=SimpleNamespace(start_date=date(2026, 12, 1)), prices=prices)
    now = SimpleNamespace(constraint=None, prices=SimpleNamespace(input_mtok=Decimal(2), output_mtok=Decimal(3)))
    model = SimpleNamespace(id=LLAMA, deprecated=None, context_window=4096, prices=[now, later])
    provider = SimpleNamespace(id="host", pricing_urls=["https://host.example"], models=[model])
    (found,) = read_package(SimpleNamespace(providers=[provider]), ORIGIN, NAMES).prices  # type: ignore[arg-type]
    assert (found.input_usd_per_million, found.output_usd_per_million, found.context_tokens) == (2.0, 3.0, 4096)


def test_litellm() -> None:
    entry = {
        "litellm_provider": "host", "mode": "chat", "input_cost_per_token": 2.3e-07, "output_cost_per_token": 4e-07}
    changed: dict[str, dict[str, Any]] = {
        "host": {}, "old": {"deprecation_date": "2026-01-01"}, "embed": {"mode": "embedding"},
        "text": {"input_cost_per_token": "x"}, "long": {"max_input_tokens": 8192, "source": "https://host.example"}}
    document = {f"{name}/{LLAMA}": entry | change for name, change in changed.items()}
    odd = {"sample_spec": {"mode": "one of"}, f"bad/{LLAMA}": 7}
    found = read_litellm(json.dumps(odd | document), ORIGIN, NAMES)
    assert [(one.input_usd_per_million, one.output_usd_per_million) for one in found.prices] == [(0.23, 0.4)] * 2
    assert [one.source_url for one in found.prices] == ["https://example.org", "https://host.example"]
    assert (found.rows, sum(reasons(found).values())) == (6, 4)


@pytest.mark.parametrize("text", ["", "[]x", "{\"a\": 1", "7", "[" * 100_000, "[1]"])
def test_other_files_are_refused(text: str) -> None:
    for read in (read_genai_prices, read_litellm):
        with pytest.raises(InputError):
            read(text, ORIGIN, NAMES)
