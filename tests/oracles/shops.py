"""Small catalogs on disk, drawn at random, problems over them, and the same problems with requirements left out."""

from __future__ import annotations

import copy
import random
import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from optimizer.load import Catalog, load_catalog, shipped_catalog_dir
from optimizer.load.problem import parse_problem
from optimizer.solve import Prepared, Solution, SolveSettings, prepare, solve_at

DATA = Path(__file__).parents[1] / "data" / "small_catalog"

SETTINGS = SolveSettings()

SHOPS = 12
"""How many catalogs there are."""

class Plain(yaml.SafeDumper):
    """Writes each value out."""

    def ignore_aliases(self, data: object) -> bool:
        """Never refer back."""
        return True


Stated = dict[str, Any]
"""A problem as it stands in YAML."""

KINDS = ["on_demand", "reserved", "spot", "marketplace", "owned"]

HEADER = "offer_id,provider,region,gpu_id,gpu_count,kind,term_months,price,stock,source_url,as_of\n"


def write_shop(folder: Path, seed: int) -> Path:
    """Write the small catalog with two engines, three GPU types, and five to eight offers drawn at random."""
    rng = random.Random(f"shop {seed}")
    shutil.copytree(DATA, folder)
    shutil.copy(shipped_catalog_dir() / "calibration.yaml", folder)
    (folder / "gpus.csv").open("a", encoding="utf-8").write(
        "mid-48gb,Mid 48GB,nvidia,ampere,8.6,48,47.4,768,gddr,150,300,https://example.org/mid,2026-08,high,\n")
    engines = yaml.safe_load((folder / "engines.yaml").read_text(encoding="utf-8"))
    engines["sglang"] = {**engines["vllm"], "name": "SGLang", "tp_sizes": [1]}
    (folder / "engines.yaml").write_text(yaml.dump(engines, Dumper=Plain), encoding="utf-8")
    rows = []
    for number in range(rng.randint(5, 8)):
        gpu = rng.choice(["big-80gb", "small-24gb", "mid-48gb"])
        count, kind = rng.choice([1, 1, 2]), rng.choice(["on_demand", "on_demand", "on_demand", *KINDS[1:4]])
        price = {"big-80gb": 2.5, "mid-48gb": 0.8, "small-24gb": 0.6}[gpu] * count * rng.choice([0.8, 1.0, 1.3])
        term = rng.choice([12, 24]) if kind == "reserved" else 0
        stock = rng.choice(["", "", "1", "2", "3", "0"])
        provider, region = rng.choice(["acme", "bolt"]), rng.choice(["tokyo", "osaka"])
        rows.append(
            f"o{number},{provider},{region},{gpu},{count},{kind},{term},{price:.4f},{stock},https://example.org,2026-08-21")
    (folder / "offers" / "cloud.csv").write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    return folder


@cache
def shop(folder: Path, seed: int) -> Catalog:
    """Write a catalog and read it, once."""
    return load_catalog(write_shop(folder / f"shop{seed}", seed))


def drawn_service(rng: random.Random) -> Stated:
    """Draw one service."""
    service: Stated = {
        "service_id": "chat", "model": "llama-8b", "slo": {"tokens_per_s_per_user": rng.choice([10, 25, 60, 120])},
        "workload": [{"isl_tokens": 512, "osl_tokens": 256}],
        "demand": rng.choice([{"peak_concurrency": rng.choice([4, 30, 120])}, {"peak_rps": rng.choice([0.3, 4.0])}]),
        "headroom_fraction": rng.choice([0.0, 0.0, 0.25]),
    }
    if rng.random() < 0.3:
        service["slo"]["ttft_ms"] = rng.choice([60, 200, 900])
    if rng.random() < 0.2:
        service["context_tokens"] = rng.choice([4096, 60000, 131072])
    if rng.random() < 0.3:
        service["engines"] = [rng.choice(["vllm", "sglang"])]
    if rng.random() < 0.15:
        service["slo"] = {"grade": rng.choice("ABC")}
    if rng.random() < 0.1:
        service["slo"] = {"response": "whole", "e2e_ms": rng.choice([1500, 4000])}
    return service


def drawn_limits(rng: random.Random, catalog: Catalog) -> Stated:
    """Draw some limits, tight ones often."""
    limits: Stated = {"kinds": rng.choice([["on_demand"], ["on_demand", "owned"], ["reserved"], ["spot"], KINDS])}
    drawn: list[tuple[str, Any]] = [
        ("budget", {"amount": rng.choice([200, 900, 2500.5]), "per": "month"}),
        ("budget", {"amount": 150000, "currency": "JPY", "per": "month"}),
        ("nodes", rng.choice([{"max": 1}, {"max": 3}, {"min": 2, "max": 2}, {"min": 6}])),
        ("max_gpu_types", 1), ("evidence", rng.choice(["measured", "interpolated"])),
        ("providers", {"allow": [rng.choice(["acme", "bolt"])]}), ("regions", {"forbid": ["tokyo"]}),
        ("gpus", rng.choice([{"allow": ["small-24gb"]}, {"forbid": ["big-80gb"]}])),
        ("survive", rng.choice([{"nodes": 1}, {"provider": True}, {"region": True}, {"nodes": 2, "provider": True}])),
        ("power_kw", rng.choice([0.3, 1.0])), ("speed_confidence", rng.choice([0.6, 0.95])),
        ("engine_policy", rng.choice(["fleet", "per_gpu"])), ("max_term_months", 1),
        ("at_least", {rng.choice(sorted(catalog.offers)): rng.choice([1, 3])}),
    ]
    for key, value in rng.sample(drawn, rng.randint(1, 4)):
        limits[key] = value
    known = {offer.provider for offer in catalog.offers.values()}, {offer.region for offer in catalog.offers.values()}
    for key, names in (("providers", known[0]), ("regions", known[1])):
        if key in limits and not names.issuperset(name for part in limits[key].values() for name in part):
            del limits[key]
    return limits


def drawn_problem(rng: random.Random, catalog: Catalog) -> Stated:
    """Draw a problem of one service, sometimes of two."""
    services = [drawn_service(rng)]
    if rng.random() < 0.15:
        services.append({**drawn_service(rng), "service_id": "code"})
    return {"schema_version": 1, "name": "drawn", "services": services, "limits": drawn_limits(rng, catalog)}


def prepared_from(stated: Stated, catalog: Catalog) -> Prepared:
    """Load and prepare a problem."""
    return prepare(parse_problem(yaml.dump(stated, Dumper=Plain), "drawn.yaml"), catalog)


def solved_from(stated: Stated, catalog: Catalog) -> Solution:
    """Solve a problem for its cost, without any reduction."""
    at = prepared_from(stated, catalog)
    settings = SolveSettings(reduced=False)
    return solve_at(at.candidates, at.problem.limits, at.candidates.targets(), at.budget, settings)


LIFTED_LIMITS: dict[str, Any] = {
    "kinds": KINDS, "evidence": "estimated", "max_term_months": 10_000, "engine_policy": "any",
}
"""What a limit is without its requirement; the others are left out."""


def without(stated: Stated, keys: Iterable[str], catalog: Catalog) -> Stated:
    """Return a problem without the requirements of some keys, rewritten as text would be."""
    found = copy.deepcopy(stated)
    limits = found.setdefault("limits", {})
    for key in keys:
        section, rest = key.split(".", 1)
        if section == "services":
            index, name = rest.split(".", 1)
            _lift_of_service(found["services"][int(index)], name, catalog)
        elif rest == "stock":
            limits["stock"] = {name: 10**6 for name, offer in catalog.offers.items() if offer.stock is not None}
        elif rest.startswith("nodes."):
            limits["nodes"].pop(rest.split(".")[1])
        elif rest in LIFTED_LIMITS:
            limits[rest] = LIFTED_LIMITS[rest]
        else:
            limits.pop(rest)
    return found


def _lift_of_service(service: Stated, name: str, catalog: Catalog) -> None:
    if name == "precisions":
        service["precisions"] = sorted(catalog.precisions)
    elif name == "engines":
        service["engines"] = sorted(catalog.engines)
    elif name in ("slo.grade", "slo.tokens_per_s_per_user"):
        service["slo"].pop("grade", None)
        service["slo"]["tokens_per_s_per_user"] = 1e-9
    elif name == "slo.ttft_ms":
        service["slo"].pop("ttft_ms")
    elif name == "slo.e2e_ms":
        service["slo"]["e2e_ms"] = 1e9
    elif name == "context_tokens":
        service.pop("context_tokens")
    elif name == "headroom_fraction":
        service["headroom_fraction"] = 0.0
    elif name == "demand.peak_concurrency":
        service["demand"]["peak_concurrency"] = 1
    elif name == "demand.peak_rps":
        service["demand"]["peak_rps"] = 1e-6
    else:
        raise AssertionError(name)
