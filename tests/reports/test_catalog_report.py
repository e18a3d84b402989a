"""The catalog as text, JSON, CSV and Markdown: all of it, within the terminal, and back again."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from optimizer.errors import InputError
from optimizer.integrity import check_catalog
from optimizer.load import Catalog
from optimizer.load.catalog import point_key
from optimizer.reports.catalog_report import calibration_yaml, findings_document, listing_document, sheet_document
from optimizer.reports.catalog_tables import TABLES
from optimizer.schema.calibration import Calibration
from optimizer.schema.catalog import Gpu, RentedOffer, ThroughputPoint
from tests.catalogs import tiny
from tests.documents.written import written


def plain(text: str) -> str:
    """Strip the colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def too_wide(text: str) -> list[str]:
    """List lines beyond 80 columns, but for addresses, which stay whole."""
    return [line for line in plain(text).splitlines() if len(line) > 80 and "://" not in line]


def rows_of(text: str) -> list[dict[str, str]]:
    """Read CSV."""
    return list(csv.DictReader(io.StringIO(text)))


def catalog() -> Catalog:
    """Return a tiny catalog with rows in every table."""
    rows = (tiny.point(1), tiny.point(8, 12.0), tiny.point(1, 10.0, use="check"), tiny.ceiling(900.0))
    return tiny.catalog(*rows, owned={"own-2x-g": tiny.node()}, model_names={"org/m": "m"}, offers={
        "cloud-g": tiny.offer(), "dear-g": tiny.offer("dear-g", 3.0), "other-2x-g": tiny.offer(
            "other-2x-g", 1.2, provider="other", gpu_count=2, kind="reserved", term_months=12)})


class TestListing:
    """`gpumix catalog list`."""

    @pytest.mark.parametrize("name", TABLES)
    def test_every_table_in_every_form(self, shipped: Catalog, name: str) -> None:
        count = len(list(TABLES[name].rows(shipped)))
        assert count > 0
        text = written(listing_document(shipped, name), "text")
        assert plain(text).startswith(f"{name}: {count:,} rows\n")
        rows = json.loads(written(listing_document(shipped, name), "json"))
        assert len(rows) == len(rows_of(written(listing_document(shipped, name), "csv"))) == count
        markdown = written(listing_document(shipped, name), "markdown")
        assert markdown.startswith(f"# {name}: {count:,} rows\n")
        if name != "throughput":
            table = [line for line in markdown.splitlines() if line.startswith("|")]
            assert len(table) == count + 2
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1

    @pytest.mark.parametrize("name", ["gpus", "models", "engines", "precisions", "offers", "owned"])
    def test_every_id_is_listed(self, shipped: Catalog, name: str) -> None:
        page = written(listing_document(shipped, name), "html")
        assert [key for key, _ in TABLES[name].rows(shipped) if key not in page] == []

    def test_facts_of_a_planner(self) -> None:
        tiny_catalog = catalog()
        gpus = plain(written(listing_document(tiny_catalog, "gpus"), "text")).splitlines()
        assert gpus[-1].split() == ["g", "24", "GiB", "1000", "GB/s", "100", "TFLOPS", "300", "W"]
        model = plain(written(listing_document(tiny_catalog, "models"), "text")).splitlines()[-1]
        assert model.split() == ["m", "1", "B", "bf16", "8,192"]
        text = plain(written(listing_document(tiny_catalog, "offers"), "text"))
        offers = [" ".join(line.split()) for line in text.splitlines()]
        assert "cloud-g 1 x g on demand USD 1/hour" in offers
        assert "other-2x-g 2 x g reserved 12 months USD 1.2/hour" in offers
        # the tiny server: 500 + 43.80 + 100 + 100 + 1,000
        assert "$1,743.80" in written(listing_document(tiny_catalog, "owned"), "text")

    def test_experts_are_told_from_the_whole(self) -> None:
        mixture = tiny.model(parameters_billion=671.0, active_parameters_billion=37.0, experts=8, experts_per_token=2)
        assert "671/37 B" in written(listing_document(tiny.catalog(models={"m": mixture}), "models"), "text")

    def test_measured_rows_are_told_by_curve(self) -> None:
        text = plain(written(listing_document(catalog(), "throughput"), "text"))
        assert [line.strip().removeprefix("- ") for line in text.splitlines() if line.strip()] == [
            "throughput: 4 rows",
            "measured curves: 2 rows", "m bf16 on 1 x g, e 1.0, 500/200 tokens, C=1..8 (2 rows)",
            "rows that only fit or check a model: 1 row", "m bf16 on 1 x g, e 1.0, 500/200 tokens, C=1 (1 row)",
            "saturation rows: 1 row", "m bf16 on 1 x g, e 1.0, 500/200 tokens (1 row)",
        ]

    def test_json_has_every_fact_and_reads_back(self) -> None:
        tiny_catalog = catalog()
        (row,) = json.loads(written(listing_document(tiny_catalog, "gpus"), "json"))
        assert row.pop("from_overlay") is False
        assert Gpu.model_validate(row) == tiny_catalog.gpus["g"]
        points = json.loads(written(listing_document(tiny_catalog, "throughput"), "json"))
        assert all(not row.pop("from_overlay") for row in points)
        assert tuple(ThroughputPoint.model_validate(row) for row in points) == tiny_catalog.points

    def test_csv_is_a_table_for_an_overlay(self) -> None:
        tiny_catalog = catalog()
        rows = rows_of(written(listing_document(tiny_catalog, "offers"), "csv"))
        for row in rows:
            assert row.pop("from_overlay") == "False"
        read = [RentedOffer.model_validate_strings({k: v for k, v in row.items() if v != ""}) for row in rows]
        assert read == list(tiny_catalog.offers.values())

    def test_rows_of_an_overlay_are_marked(self) -> None:
        own = tiny.overlaid(catalog(), offers=["dear-g"], throughput=[point_key(tiny.point(8))])
        text = plain(written(listing_document(own, "offers"), "text"))
        assert re.search(r"dear-g \*", text)
        assert not re.search(r"cloud-g \*", text)
        assert "* from your overlay" in text
        rows = json.loads(written(listing_document(own, "offers"), "json"))
        assert {row["offer_id"]: row["from_overlay"] for row in rows} == {
            "cloud-g": False, "dear-g": True, "other-2x-g": False}
        assert "(2 rows) *" in plain(written(listing_document(own, "throughput"), "text"))

    def test_an_empty_table(self) -> None:
        bare = tiny.catalog(offers={})
        assert plain(written(listing_document(bare, "offers"), "text")) == "offers: 0 rows\n"
        assert written(listing_document(bare, "offers"), "json") == "[]\n"
        header = written(listing_document(bare, "offers"), "csv")
        assert header.startswith("offer_id,provider,region,")
        assert header.endswith("confidence,notes,source_url,as_of,from_overlay\n")
        assert written(listing_document(catalog(), "offers"), "csv").startswith(header)
        assert written(listing_document(bare, "offers"), "markdown") == "# offers: 0 rows\n"

    @pytest.mark.parametrize(
        ("name", "hint"), [("gpu", "'gpus' (did you mean that?), or one of"), ("prices", "one of gpus")])
    def test_an_unknown_table(self, name: str, hint: str) -> None:
        with pytest.raises(InputError) as caught:
            listing_document(catalog(), name)
        (fault,) = caught.value.faults
        assert fault.allowed.startswith(hint)
        assert "throughput" in fault.allowed

    def test_spreadsheets_run_nothing(self) -> None:
        evil = tiny.catalog(gpus={"g": tiny.gpu(notes="=cmd|' /C calc'!A0")})
        assert rows_of(written(listing_document(evil, "gpus"), "csv"))[0]["notes"].startswith("'=")


class TestDetails:
    """`gpumix catalog show`."""

    @pytest.mark.parametrize(
        "name",
        ["rtx-a5000-24gb", "h100-sxm-80gb", "llama-3.1-8b-instruct", "deepseek-r1", "gpt-oss-120b", "vllm", "llama.cpp",
         "int4", "mxfp4", "aws-g5.12xlarge-us-east-1-on-demand", "owned-server-8x-h100-sxm",
         "owned-workstation-2x-rtx-a5000"],
    )
    def test_every_form_of_every_kind(self, shipped: Catalog, name: str) -> None:
        text = written(sheet_document(shipped, name), "text")
        assert plain(text).splitlines()[0].startswith(f"{name} (")
        shown = json.loads(written(sheet_document(shipped, name), "json"))
        assert shown["id"] == name
        assert shown["layer"] == "catalog"
        for source in shown["source_url"].split(" ; "):
            assert source in plain(text)
        sections = {row["section"] for row in rows_of(written(sheet_document(shipped, name), "csv"))}
        assert "facts" in sections
        assert written(sheet_document(shipped, name), "markdown").startswith(f"# {name} (")

    def test_a_model_tells_what_was_measured_on_it(self) -> None:
        shown = json.loads(written(sheet_document(catalog(), "m"), "json"))
        assert shown["measured_on"] == [
            {"gpu_id": "g", "engine_id": "e", "curve_rows": 2, "other_rows": 2, "precisions": "bf16"}]
        assert (shown["layers"], shown["kv_heads"], shown["alike"]) == (10, 8, [])

    def test_a_model_counts_the_rows_of_its_like(self) -> None:
        twin = replace(catalog(), models={"m": tiny.model(), "twin": tiny.model(runs_like="m")})
        shown = json.loads(written(sheet_document(twin, "twin"), "json"))
        assert shown["alike"] == ["m"]
        assert shown["measured_on"][0]["curve_rows"] == 2

    def test_a_gpu_tells_its_cheapest_offers(self) -> None:
        shown = json.loads(written(sheet_document(catalog(), "g"), "json"))
        # other: 1.20 / 2 GPUs; cloud: 1.00 and 3.00; owned: 1,743.80 / 730 h / 2 GPUs
        assert shown["offers_by_provider"] == [
            {"provider": "other", "offers": 1, "cheapest_usd_per_gpu_hour": 0.6, "cheapest_offer_id": "other-2x-g"},
            {"provider": "cloud", "offers": 2, "cheapest_usd_per_gpu_hour": 1.0, "cheapest_offer_id": "cloud-g"},
            {"provider": "owned", "offers": 1, "cheapest_usd_per_gpu_hour": 1.1944,
             "cheapest_offer_id": "own-2x-g.here"},
        ]
        assert shown["measured_models"] == [
            {"model_id": "m", "engine_id": "e", "curve_rows": 2, "other_rows": 2, "precisions": "bf16"}]

    def test_an_offer_tells_its_price_by_hour_and_month(self) -> None:
        ranged = tiny.catalog(offers={
            "cloud-g": tiny.offer(price=1.0, price_low=0.5, price_high=2.0, price_evidence="assumed")})
        assert json.loads(written(sheet_document(ranged, "cloud-g"), "json"))["price"] == [{
            "offer_id": "cloud-g", "usd_per_hour": 1.0, "usd_per_month": 730.0, "low_usd_per_month": 365.0,
            "high_usd_per_month": 1460.0, "price_evidence": "assumed", "price_as_of": "2026-08-21"}]

    def test_an_owned_node_tells_its_lines_and_parts(self) -> None:
        shown = json.loads(written(sheet_document(catalog(), "own-2x-g"), "json"))
        lines = shown["usd_per_month"][0]
        assert lines.pop("offer_id") == "own-2x-g.here"
        assert lines == {"capital": 500.0, "power": 43.8, "colocation": 100.0, "maintenance": 100.0, "staff": 1000.0}
        assert [part["unit_price"] for part in shown["parts"]] == [8000.0]
        of_its_offer = written(sheet_document(catalog(), "own-2x-g.here"), "json")
        assert of_its_offer == written(sheet_document(catalog(), "own-2x-g"), "json")

    def test_nested_facts_are_readable(self) -> None:
        text = " ".join(plain(written(sheet_document(catalog(), "e"), "text")).split())
        assert "weight_only_below 8.9, amd True, intel False, pads_hidden_to 1, pads_width_to 1)" in text
        assert "{" not in text

    @pytest.mark.parametrize("name", ["m", "org/m", "Org/M"])
    def test_models_are_found_by_their_other_names(self, name: str) -> None:
        assert json.loads(written(sheet_document(catalog(), name), "json"))["id"] == "m"

    def test_the_layer_is_told(self) -> None:
        own = tiny.overlaid(catalog(), gpus=["g"])
        assert "overlay (own)" in written(sheet_document(own, "g"), "text")
        assert json.loads(written(sheet_document(own, "g"), "json"))["layer"] == "overlay (own)"

    @pytest.mark.parametrize(
        ("name", "close"),
        [("llama-3-8", "'llama-3-8b'"), ("rtx-a5000", "'rtx-a5000-24gb'"), ("vlm", "'vllm'")],
    )
    def test_an_unknown_id_comes_with_close_ones(self, shipped: Catalog, name: str, close: str) -> None:
        with pytest.raises(InputError) as caught:
            written(sheet_document(shipped, name), "text")
        (fault,) = caught.value.faults
        assert fault.found == repr(name)
        assert close in fault.allowed

    def test_an_unknown_id_that_is_like_nothing(self) -> None:
        with pytest.raises(InputError, match=r"allowed: An id of gpus, models"):
            written(sheet_document(catalog(), "zzzzzzzz"), "text")


class TestFindings:
    """`gpumix catalog check`."""

    def broken(self) -> Catalog:
        """Return a catalog with one error and two warnings that say the same."""
        gpus = {"g": tiny.gpu(), "idle": tiny.gpu("idle"), "spare": tiny.gpu("spare")}
        return tiny.catalog(tiny.point(tpot_ms=1.0), gpus=gpus, owned={"own-2x-g": tiny.node()})

    def test_the_shipped_catalog(self, shipped: Catalog) -> None:
        checked = check_catalog(shipped)
        text = written(findings_document(checked), "text")
        assert too_wide(text) == []
        assert f"SOUND: 0 errors, {len(checked.warnings)} warnings" in text
        assert re.search(rf"offers +{len(shipped.offers):,}\n", plain(text))
        assert "from overlay" not in text

    def test_text_by_hand(self) -> None:
        text = plain(written(findings_document(check_catalog(self.broken())), "text"))
        lines = text.splitlines()
        assert lines[:2] == ["catalog 000000000000", "BROKEN: 1 error, 2 warnings"]
        assert ["table", "rows"] in [line.split() for line in lines]
        assert [line.split() for line in lines if line.strip().startswith(("gpus ", "owned ", "throughput "))] == [
            ["gpus", "3"], ["owned", "1"], ["throughput", "1"]]
        said = " ".join(text.split())
        assert ("error: throughput: 1 ms a token, but reading its weights takes 2 ms at full bandwidth: "
                "m bf16 on 1 x g, e 1.0 tp1, 500/200 tokens, C=1, curve") in said
        assert "warning: gpus: no offer, owned node or measured row names it (2): idle; spare" in said

    def test_many_rows_under_one_finding_are_counted(self) -> None:
        gpus = {"g": tiny.gpu(), **{f"idle-{i:02d}": tiny.gpu(f"idle-{i:02d}") for i in range(20)}}
        text = plain(written(findings_document(check_catalog(tiny.catalog(gpus=gpus))), "text"))
        assert "idle-07; and 12 more" in " ".join(text.split())
        assert "idle-08" not in text

    def test_rows_of_an_overlay_are_named(self) -> None:
        checked = check_catalog(tiny.overlaid(self.broken(), gpus=["g"], offers=["cloud-g"]))
        text = plain(written(findings_document(checked), "text"))
        assert re.search(r"gpus +3 +1\n", text)
        assert "from your overlay, offers: cloud-g" in text
        told = json.loads(written(findings_document(checked), "json"))
        assert told["overlaid"] == {"gpus": ["g"], "offers": ["cloud-g"]}

    def test_json(self) -> None:
        shown = json.loads(written(findings_document(check_catalog(self.broken())), "json"))
        assert shown["sound"] is False
        assert shown["tables"]["gpus"] == {"rows": 3, "from_overlay": 0}
        assert shown["findings"][0] == {
            "severity": "error", "table": "throughput", "key": "m bf16 on 1 x g, e 1.0 tp1, 500/200 tokens, C=1, curve",
            "message": "1 ms a token, but reading its weights takes 2 ms at full bandwidth", "from_overlay": False}
        assert len(shown["findings"]) == 3

    def test_csv_and_markdown_have_one_row_for_each_finding(self) -> None:
        checked = check_catalog(self.broken())
        rows = rows_of(written(findings_document(checked), "csv"))
        assert [row["severity"] for row in rows] == ["error", "warning", "warning"]
        markdown = written(findings_document(checked), "markdown")
        assert "> BROKEN: 1 error, 2 warnings" in markdown
        assert len([line for line in markdown.splitlines() if line.startswith(("> error", "> warning"))]) == 2


def test_calibration_reads_back() -> None:
    text = calibration_yaml(tiny.CALIBRATION)
    assert text.startswith("# Fitted by")
    read: dict[str, Any] = yaml.safe_load(text)
    assert Calibration.model_validate(read) == tiny.CALIBRATION
    assert calibration_yaml(Calibration.model_validate(read)) == text
