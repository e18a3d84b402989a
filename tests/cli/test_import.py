"""`gpumix import`: an overlay that solve reads, written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from optimizer.load import shipped_catalog_dir
from tests.cli.conftest import Run

SKY = (
    "InstanceType,AcceleratorName,AcceleratorCount,Region,SpotPrice,Price\n"
    "p5.4xlarge,H100,1,us-east-1,,0.0005\n"
    "m5.large,,,us-east-1,,0.1\n")


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "cheap" / "vms.csv"
    path.parent.mkdir()
    path.write_text(SKY, encoding="utf-8")
    os.utime(path, (1_767_225_600, 1_767_225_600))  # 2026-01-01 00:00 UTC
    return path


def test_the_overlay_is_what_solve_buys(run: Run, prices: Path, tmp_path: Path) -> None:
    found = run("import", "skypilot", prices, "--into", tmp_path / "own")
    assert (found.code, found.err) == (0, "")
    assert "skypilot-cheap.csv: 1 offer (1 on demand) of 2 rows" in " ".join(found.out.split())
    assert "1 no GPU m5.large" in " ".join(found.out.split())
    plan = json.loads(run("solve", "helpdesk-llama3-8b", "--overlay", tmp_path / "own", "--format", "json").out)
    assert [node["offer_id"] for node in plan["nodes"]] == ["cheap-p5.4xlarge-us-east-1-on-demand"]
    assert (plan["nodes"][0]["price_as_of"], plan["nodes"][0]["from_overlay"]) == ("2026-01-01", True)


def test_nothing_is_overwritten_unless_asked(run: Run, prices: Path, tmp_path: Path) -> None:
    into = tmp_path / "own"
    assert run("import", "skypilot", prices, "--into", into).code == 0
    place = into / "offers" / "skypilot-cheap.csv"
    before = place.read_bytes()
    prices.write_text(SKY.replace("0.0005", "0.0004"), encoding="utf-8")
    refused = run("import", "skypilot", prices, "--into", into)
    assert (refused.code, place.read_bytes()) == (2, before)
    assert "--force" in refused.err
    assert run("import", "skypilot", prices, "--into", into, "--force").code == 0
    assert b"0.0004" in place.read_bytes()
    prices.write_text(SKY.replace("0.0005", "cheap"), encoding="utf-8")
    assert run("import", "skypilot", prices, "--into", into, "--force").code == 2
    assert b"0.0004" in place.read_bytes()


def test_gpuhunt_and_the_formats(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "nebius.csv"
    path.write_text(
        "instance_name,location,price,gpu_count,gpu_name,gpu_memory,spot\n"
        "8xh200,eu,28,8,H200,141,False\nodd,eu,1,1,Abacus,8,False\n", encoding="utf-8")
    options = ("import", "gpuhunt", path, "--into", tmp_path / "own", "--force")
    data = json.loads(run(*options, "--format", "json").out)
    assert (data["offers"], data["rows"], data["gpus"]) == (1, 2, {"h200-sxm-141gb": 1})
    assert data["left_out"] == [
        {"reason": "no GPU of the catalog is called Abacus", "rows": 1, "examples": ["odd in eu"]}]
    assert "1,no GPU of the catalog is called Abacus,odd in eu" in run(*options, "--format", "csv").out
    assert "| 1 | no GPU of the catalog is called Abacus |" in run(*options, "--format", "markdown").out
    assert run("catalog", "check", "--overlay", tmp_path / "own").code == 0


@pytest.mark.parametrize(("options", "said"), [
    (("--as-of", "yesterday"), "--as-of: found 'yesterday'"),
    (("--provider", "my cloud"), "--provider: found 'my cloud'"),
    (("--names", "nowhere.csv"), "nowhere.csv: found no such file"),
])
def test_a_wrong_option_is_one_line(
    run: Run, prices: Path, tmp_path: Path, options: tuple[str, str], said: str
) -> None:
    found = run("import", "skypilot", prices, "--into", tmp_path / "own", *options)
    assert found.code == 2
    assert said in found.err
    assert not (tmp_path / "own").exists()


def test_a_file_without_any_offer_says_why(run: Run, prices: Path, tmp_path: Path) -> None:
    prices.write_text("\n".join(SKY.splitlines()[::2]), encoding="utf-8")
    found = run("import", "skypilot", prices, "--into", tmp_path / "own")
    assert found.code == 2
    assert "1 rows: no GPU" in found.err


def test_a_price_that_cannot_be_is_said_by_the_import_and_by_the_answer(run: Run, prices: Path, tmp_path: Path) -> None:
    into = tmp_path / "own"
    said = run("import", "skypilot", prices, "--into", into).out
    assert "Hard to believe" in said
    assert "cheap-p5.4xlarge-us-east-1-on-demand: $0.00 an hour for a h100-sxm-80gb" in " ".join(said.split())
    plan = json.loads(run("solve", "helpdesk-llama3-8b", "--overlay", into, "--format", "json").out)
    assert any(warning["text"].startswith("Hard to believe: cheap-p5.4xlarge") for warning in plan["warnings"])
    found = json.loads(run("catalog", "check", "--overlay", into, "--format", "json").out)["findings"]
    assert any(one["key"].startswith("cheap-") and "others ask" in one["message"]["text"] for one in found)


def test_catalog_age_and_diff_speak_all_formats(run: Run, tmp_path: Path) -> None:
    age = run("catalog", "age", "--today", "2026-12-01")
    assert (age.code, age.err) == (0, "")
    assert "older than half a year" in age.out
    data = json.loads(run("catalog", "age", "--today", "2026-12-01", "--format", "json").out)
    assert {"aws", "owned"} <= {one["provider"] for one in data["providers"]}
    overlay = tmp_path / "own" / "offers"
    overlay.mkdir(parents=True)
    (overlay / "own.csv").write_text(
        "offer_id,provider,region,gpu_id,gpu_count,kind,price,source_url,as_of\n"
        "own-a,own,r,l4-24gb,1,on_demand,0.9,https://x.example,2026-11-30\n", encoding="utf-8")
    shipped = str(shipped_catalog_dir())
    said = run("catalog", "diff", shipped, "--overlay", tmp_path / "own")
    assert "0 prices moved, 1 added, 0 removed" in said.out
    assert "own-a" in said.out
    for form in ("csv", "markdown", "json"):
        assert "own-a" in run("catalog", "diff", shipped, "--overlay", tmp_path / "own", "--format", form).out


def test_api_prices_stand_beside_the_plan(run: Run, tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    entry = {
        "litellm_provider": "host", "mode": "chat", "input_cost_per_token": 1e-9, "output_cost_per_token": 1e-9}
    prices.write_text(json.dumps({"host/Meta-Llama-3-8B-Instruct": entry, "host/else": entry}), encoding="utf-8")
    found = run("import", "litellm", prices, "--into", tmp_path / "own", "--as-of", "2026-11")
    assert (found.code, found.err) == (0, "")
    assert "litellm.csv: 1 price from 2 rows; models: 1" in " ".join(found.out.split())
    plan = json.loads(run("solve", "helpdesk-llama3-8b", "--overlay", tmp_path / "own", "--format", "json").out)
    (beside,) = plan["apis"]
    assert (beside["provider"], beside["input_usd_per_million"]) == ("host", 0.001)
    refused = run("import", "litellm", prices, "--into", tmp_path / "own", "--as-of", "2026-11")
    assert refused.code == 2
    assert "--force" in refused.err


def test_genai_prices_in_every_format(run: Run, tmp_path: Path) -> None:
    prices = tmp_path / "data.json"
    model = {"id": "meta-llama/Meta-Llama-3-8B-Instruct", "prices": {"input_mtok": 0.1, "output_mtok": 0.2}}
    prices.write_text(json.dumps([{"id": "host", "models": [model, {"id": "else", "prices": {}}]}]), encoding="utf-8")
    options = ("import", "genai-prices", prices, "--into", tmp_path / "own", "--force", "--format")
    assert json.loads(run(*options, "json").out)["models"] == {"llama-3-8b-instruct": 1}
    assert "| 1 | none of our models |" in run(*options, "markdown").out
    assert run(*options, "csv").out.startswith("rows,reason,examples\n")
