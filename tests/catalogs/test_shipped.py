"""The shipped data itself: as much as was promised, from where it says, and nothing of the machine it was made on."""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from optimizer.integrity import check_catalog
from optimizer.load import Catalog, shipped_catalog_dir
from optimizer.load.catalog import point_key

NAMED_GPUS = (
    "rtx-a5000-24gb", "rtx-a6000-48gb", "l4-24gb", "l40s-48gb", "a10g-24gb", "a40-48gb", "rtx-4090-24gb",
    "a100-sxm-40gb", "a100-sxm-80gb", "a100-pcie-40gb", "a100-pcie-80gb", "h100-pcie-80gb", "h100-sxm-80gb",
    "h100-nvl-94gb", "h200-sxm-141gb", "b200-sxm-180gb", "t4-16gb", "v100-sxm-16gb",
)

FILES = sorted(path for path in shipped_catalog_dir().rglob("*") if path.is_file())


def rows_with_origin(catalog: Catalog) -> list[tuple[str, Any]]:
    """List (what, row) of every row that carries a source."""
    tables = (catalog.gpus, catalog.models, catalog.engines, catalog.precisions, catalog.offers, catalog.fx)
    return [(name, row) for table in tables for name, row in table.items()] + [
        (str(point_key(point)), point) for point in catalog.points]


def test_nothing_in_it_is_wrong(shipped: Catalog) -> None:
    assert check_catalog(shipped).errors == ()


def test_models(shipped: Catalog) -> None:
    assert len(shipped.models) >= 150
    measured = {point.model_id for point in shipped.points}
    assert len(measured) >= 40
    assert measured <= set(shipped.models)


@pytest.mark.parametrize("name", NAMED_GPUS)
def test_named_gpus(shipped: Catalog, name: str) -> None:
    gpu = shipped.gpus[name]
    assert gpu.vendor == "nvidia"
    assert 0.85 * gpu.memory_gib < gpu.memory_usable_gib <= gpu.memory_gib


@pytest.mark.parametrize(
    ("name", "memory_gib", "bandwidth_gb_per_s"),
    [  # the makers' data sheets
        ("rtx-a5000-24gb", 24, 768), ("rtx-a6000-48gb", 48, 768), ("l4-24gb", 24, 300), ("l40s-48gb", 48, 864),
        ("a100-sxm-80gb", 80, 2039), ("h100-sxm-80gb", 80, 3350), ("h100-pcie-80gb", 80, 2000),
        ("h200-sxm-141gb", 141, 4800), ("t4-16gb", 16, 320), ("rtx-4090-24gb", 24, 1008),
    ],
)
def test_gpu_facts_are_those_of_the_data_sheets(
    shipped: Catalog, name: str, memory_gib: float, bandwidth_gb_per_s: float
) -> None:
    gpu = shipped.gpus[name]
    assert gpu.memory_gib == memory_gib
    assert gpu.memory_bandwidth_gb_per_s == pytest.approx(bandwidth_gb_per_s, rel=0.01)


def test_rented_offers(shipped: Catalog) -> None:
    assert len(shipped.offers) >= 400
    assert len({offer.provider for offer in shipped.offers.values()}) >= 13
    kinds = Counter(offer.kind for offer in shipped.offers.values())
    assert min(kinds[kind] for kind in ("on_demand", "reserved", "spot", "marketplace")) >= 10


def test_tokyo(shipped: Catalog) -> None:
    tokyo = {("aws", "ap-northeast-1"), ("gcp", "asia-northeast1"), ("azure", "japaneast")}
    regions = {(offer.provider, offer.region) for offer in shipped.offers.values()}
    assert tokyo <= regions
    assert {"sakura", "highreso", "gmo"} <= {offer.provider for offer in shipped.offers.values()}
    # quoted in yen and kept in yen, with the tax that was in it stated
    assert {offer.currency for offer in shipped.offers.values() if offer.provider == "sakura"} == {"JPY"}


@pytest.mark.parametrize(
    ("gpu_id", "gpu_counts"),
    [("rtx-a5000-24gb", {1, 2, 4}), ("rtx-a6000-48gb", {4, 8}), ("l4-24gb", {4, 8}), ("l40s-48gb", {4, 8}),
     ("a100-pcie-80gb", {4, 8}), ("h100-sxm-80gb", {8}), ("h200-sxm-141gb", {8})],
)
def test_owned_nodes(shipped: Catalog, gpu_id: str, gpu_counts: set[int]) -> None:
    assert gpu_counts <= {node.gpu_count for node in shipped.owned.values() if node.gpu_id == gpu_id}


def test_owned_nodes_stand_in_japan_and_america(shipped: Catalog) -> None:
    assert {site.country for site in shipped.sites.values()} == {"JP", "US"}
    assert all({"on-prem-us", "on-prem-jp"} <= set(node.sites) for node in shipped.owned.values())


def test_assumed_money_has_a_range(shipped: Catalog) -> None:
    for node in shipped.owned.values():
        for part in node.parts:
            if part.evidence == "assumed":
                assert (part.low, part.high) != (None, None), f"{node.offer_id}: {part.item}"
            assert part.source_url, f"{node.offer_id}: {part.item}"


def test_every_row_has_an_address_and_a_day_that_has_come(shipped: Catalog) -> None:
    newest = date(2026, 12, 31).isoformat()
    for what, row in rows_with_origin(shipped):
        assert all(re.match(r"https://[^ ]+$", url) for url in row.source_url.split(" ; ")), what
        assert "2012" <= row.as_of <= newest, what


def test_ids_are_what_offers_are_called(shipped: Catalog) -> None:
    for name, offer in shipped.offers.items():
        assert name.startswith(f"{offer.provider}-")
        if offer.kind == "reserved":
            assert name.endswith(f"-{offer.term_months}m"), name
    # readable without a table: no two spellings of a GPU
    assert len({re.sub(r"[^a-z0-9]", "", name) for name in shipped.gpus}) == len(shipped.gpus)


def test_rows_of_use_curve_are_complete_and_single_node(shipped: Catalog) -> None:
    for point in shipped.points:
        if point.use == "curve":
            assert not point.kv_precision
            assert point.gpu_count <= 8
            assert "specul" not in point.notes.lower()


def test_what_was_left_out_is_listed_with_its_reason() -> None:
    with (shipped_catalog_dir() / "REJECTED.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["table"] for row in rows} <= {"offers", "throughput", "gpus"}
    assert len(rows) >= 100
    for row in rows:
        assert row["what"]
        assert len(row["reason"]) >= 5
        assert int(row["rows"]) >= 1


def test_models_without_measurements_and_with_them_run_alike(shipped: Catalog) -> None:
    """Llama-3-8B and Llama-3.1-8B run alike: data says so, not code."""
    groups = {name: shipped.models[name].runs_like for name in ("llama-3-8b", "llama-3-8b-instruct", "llama-3.1-8b")}
    assert len(set(groups.values())) == 1
    assert shipped.models["qwen3-8b"].runs_like not in groups.values()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_are_clean(path: Path) -> None:
    raw = path.read_bytes()
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    text = raw.decode("utf-8")
    for word in ("file:", "/tmp/", "/home/", "/root/", "localhost"):
        assert not re.search(rf"(^|[\s\"',;=(]){re.escape(word)}", text), word


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".csv"], ids=lambda path: path.name)
def test_no_cell_spans_lines(path: Path) -> None:
    # only then may rows be picked by their first cell before they are parsed
    text = path.read_text(encoding="utf-8")
    with path.open(encoding="utf-8", newline="") as stream:
        assert len(list(csv.reader(stream))) == len(text.splitlines())
