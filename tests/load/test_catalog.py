"""Layers of a catalog: what an overlay adds and replaces, and what is read for a problem."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from optimizer.errors import InputError
from optimizer.load import Catalog, load_catalog, shipped_catalog_dir
from optimizer.load.catalog import point_key
from optimizer.load.layers import Layer
from optimizer.schema.catalog import ThroughputPoint
from tests.load.workspace import OVERLAY, Workspace


def overlay(root: Path, **files: str) -> Path:
    """Write an overlay; `__` in a name is a slash, the last `_` a dot."""
    folder = root / "mine"
    for name, text in files.items():
        path = folder / ".".join(name.replace("__", "/").rsplit("_", 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


OFFER = "offer_id,provider,region,gpu_id,gpu_count,kind,price,source_url,as_of\n"


def test_an_overlay_adds_rows_and_replaces_those_of_the_same_id(small_catalog: Path, tmp_path: Path) -> None:
    mine = overlay(tmp_path,
        offers__quotes_csv=OFFER + "cloud-big-x1,cloud,tokyo,big-80gb,1,on_demand,2.0,mail,2026-11-01\n"
                   "mine-small,acme,tokyo,small-24gb,1,on_demand,0.4,mail,2026-11-01\n")
    base, laid = load_catalog(small_catalog), load_catalog(small_catalog, [mine])
    assert set(laid.offers) == {*base.offers, "mine-small"}
    assert (base.offers["cloud-big-x1"].price, laid.offers["cloud-big-x1"].price) == (2.5, 2.0)
    assert laid.is_overlaid("offers", "cloud-big-x1")
    assert not laid.is_overlaid("offers", "cloud-small-x2")
    assert laid.overlays == (str(mine),)
    assert base.sha256 != laid.sha256


def test_the_later_overlay_lies_above(small_catalog: Path, tmp_path: Path) -> None:
    row = "cloud-big-x1,cloud,tokyo,big-80gb,1,on_demand,{},mail,2026-11-01\n"
    one = overlay(tmp_path / "one", offers__a_csv=OFFER + row.format(1))
    two = overlay(tmp_path / "two", offers__a_csv=OFFER + row.format(2))
    assert load_catalog(small_catalog, [one, two]).offers["cloud-big-x1"].price == 2
    assert load_catalog(small_catalog, [two, one]).offers["cloud-big-x1"].price == 1


def test_every_table_can_be_overlaid(small_catalog: Path, tmp_path: Path) -> None:
    data = small_catalog
    mine = overlay(
        tmp_path,
        gpus_csv=(data / "gpus.csv").read_text().replace("big-80gb", "huge-160gb").replace("80,79.2", "160,158"),
        fx_csv="currency,rate_per_usd,as_of,source_url\nJPY,150,2026-11-01,bank\n",
        models_yaml=(data / "models.yaml").read_text().replace("llama-8b:", "mine-8b:").replace("[llama-8b-instruct]",
            "[ours]").replace("hf_id", "# hf_id"),
        engines_yaml=(data / "engines.yaml").read_text().replace('"0.19"', '"0.20"'),
        precisions_yaml=(data / "precisions.yaml").read_text().replace("weight_bytes: 1.0", "weight_bytes: 1.1"),
        capacities_csv="service_id,offer_id,max_concurrency\nchat,cloud-big-x1,9\n",
    )
    laid = load_catalog(small_catalog, [mine])
    assert laid.gpus["huge-160gb"].memory_gib == 160
    assert laid.fx["JPY"].rate_per_usd == 150
    assert laid.model_names["ours"] == "mine-8b"
    assert laid.engines["vllm"].version == "0.20"
    assert laid.precisions["fp8"].weight_bytes == 1.1
    assert laid.capacities["chat", "cloud-big-x1"].max_concurrency == 9
    for table, key in (("gpus", "huge-160gb"), ("fx", "JPY"), ("models", "mine-8b"), ("engines", "vllm"),
        ("precisions", "fp8"),
                       ("capacities", ("chat", "cloud-big-x1"))):
        assert laid.is_overlaid(table, key), table


def test_owned_figures_are_replaced_one_by_one(workspace: Workspace) -> None:
    laid = load_catalog(workspace / "catalog", [workspace / "overlay"])
    assert laid.owned_assumptions is not None
    assert (laid.owned_assumptions.staff_fte_per_gpu.value, laid.owned_assumptions.life_years.value) == (0, 5)
    assert set(laid.owned) == {"owned-small-x2", "owned-big-x1"}
    assert laid.is_overlaid("owned", "owned-big-x1")


def test_a_measured_row_is_replaced_by_one_of_the_same_key(small_catalog: Path, tmp_path: Path) -> None:
    text = (small_catalog / "throughput" / "lab.csv").read_text(encoding="utf-8")
    header, first = text.splitlines()[:2]
    mine = overlay(tmp_path,
        throughput__mine_csv=f"{header}\n{first.replace(',30,7,', ',28,6.5,').replace('lab', 'mine', 1)}\n")
    base, laid = load_catalog(small_catalog), load_catalog(small_catalog, [mine])
    assert len(laid.points) == len(base.points)
    changed = next(point for point in laid.points if point.concurrency == 1 and point.use == "curve")
    assert (changed.tpot_ms, laid.is_overlaid("throughput", point_key(changed))) == (6.5, True)
    assert [point.tpot_ms for point in laid.points_on("llama-8b", "big-80gb", "vllm")].count(7.0) == 0


def test_rows_of_models_that_run_alike_are_found_together(small_catalog: Path, tmp_path: Path) -> None:
    models = (small_catalog / "models.yaml").read_text(encoding="utf-8")
    header, first = (small_catalog / "throughput" / "lab.csv").read_text(encoding="utf-8").splitlines()[:2]
    twin = models.replace("llama-8b:", "twin-8b:").replace("[llama-8b-instruct]", "[]").replace("hf_id", "# hf_id")
    rows = f"{header}\n{first.replace('llama-8b', 'twin-8b')}\n"
    mine = overlay(tmp_path, models_yaml=twin, throughput__mine_csv=rows)
    found = load_catalog(small_catalog, [mine]).points_on("llama-8b", "big-80gb", "vllm")
    assert [point.model_id for point in found] == ["llama-8b", "llama-8b", "llama-8b", "twin-8b"]


def test_dates_may_stand_without_quotes_in_yaml(small_catalog: Path, tmp_path: Path) -> None:
    text = (small_catalog / "models.yaml").read_text(encoding="utf-8")
    for written, meant in (("2026-08-21", "2026-08-21"), ("2026-08", "2026-08"), ("2026", "2026")):
        mine = overlay(tmp_path, models_yaml=text.replace('as_of: "2026"', f"as_of: {written}"))
        assert load_catalog(small_catalog, [mine]).models["llama-8b"].as_of == meant


def test_the_digest_is_of_names_and_bytes(small_catalog: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(small_catalog, copy)
    assert load_catalog(copy).sha256 == load_catalog(small_catalog).sha256
    (copy / "fx.csv").write_bytes((copy / "fx.csv").read_bytes() + b"\n")
    assert load_catalog(copy).sha256 != load_catalog(small_catalog).sha256


def test_files_that_are_no_table_are_left_alone(small_catalog: Path) -> None:
    for name in ("README.md", "REJECTED.csv", "problem.yaml", "notes.yaml", ".DS_Store"):
        (small_catalog / name).write_text("anything", encoding="utf-8")
    assert load_catalog(small_catalog).gpus


def test_the_shipped_catalog_is_whole(shipped: Catalog) -> None:
    assert len(shipped.gpus) >= 40
    assert len(shipped.models) >= 60
    assert len(shipped.offers) >= 400
    assert len(shipped.points) >= 5000


def rows_of(catalog: Catalog, group: str) -> dict[tuple[str, str, str], list[ThroughputPoint]]:
    """Rows of a group of models by machine, but for those that only check a model of speed."""
    found = {machine: [point for point in points if point.use != "check"] for machine,
        points in catalog.points_by_machine.items() if machine[0] == group}
    assert found
    return {machine: points for machine, points in found.items() if points}


@pytest.mark.parametrize("reference", ["llama-3-8b-instruct", "qwen3-32b", "meta-llama/Llama-3.1-8B-Instruct"])
def test_reading_for_a_model_gives_the_rows_that_answer_a_question(shipped: Catalog, reference: str) -> None:
    some = load_catalog(references=[reference])
    model_id = reference if reference in some.models else some.model_names[reference.lower()]
    model = some.models[model_id]
    assert model == shipped.models[model_id]
    assert rows_of(some, model.runs_like) == rows_of(shipped, model.runs_like)
    assert some.offers == shipped.offers
    assert some.sha256 == shipped.sha256


def test_an_own_model_that_runs_like_a_shipped_one_has_its_rows(shipped: Catalog, tmp_path: Path) -> None:
    own = shipped.models["llama-3.1-8b-instruct"].model_dump_json()
    mine = overlay(tmp_path, models_yaml=f"ours-8b: {own}\n")
    laid = load_catalog(overlays=[mine], references=["ours-8b"])
    group = laid.models["ours-8b"].runs_like
    assert rows_of(laid, group) == rows_of(shipped, group)


def test_an_overlay_s_unknown_model_is_found_even_when_few_are_read(tmp_path: Path) -> None:
    text = (shipped_catalog_dir() / "throughput" / "ehzawad_a5000_a6000.csv").read_text(encoding="utf-8").splitlines()
    good = next(line for line in text if ",curve," in line)
    mine = overlay(tmp_path, throughput__mine_csv=f"{text[0]}\n{good}\nno-such-model,{good.partition(',')[2]}\n")
    with pytest.raises(InputError) as caught:
        load_catalog(overlays=[mine], references=["llama-3-8b-instruct"])
    assert [fault.key for fault in caught.value.faults] == ["line 3.model_id"]


def test_a_layer_names_its_files_as_the_user_named_the_folder(workspace: Workspace) -> None:
    layer = Layer(workspace / "overlay", "my/overlay", shipped=False, overlay=True)
    assert set(layer.files) == set(OVERLAY)
    assert layer.shown("offers/own.csv") == "my/overlay/offers/own.csv"
    assert layer.text("gpus.csv") is None
