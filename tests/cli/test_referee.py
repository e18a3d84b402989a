"""`gpumix referee`: formats, exit codes and faults of several files at once."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run

CONFIG = {
    "gpu_info": {"small": {"cost": 1, "tputs": [[2, None]]}, "big": {"cost": 3, "tputs": [[6, 4]]}},
    "workload_distribution": [[0.5, 0.5]],
    "total_request_rate": 6,
    "slice_factor": 1,
}


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    path = tmp_path / "mixed.json"
    path.write_text(json.dumps(CONFIG), encoding="utf-8")
    return path


def test_the_fields_that_programs_read(run: Run, instance: Path) -> None:
    (found,) = json.loads(run("referee", "melange", "--sliced", instance, "--format", "json").out)
    assert {key: found[key] for key in ("name", "status", "usd_per_hour", "bound", "nodes")} == {
        "name": "mixed", "status": "optimal", "usd_per_hour": 5.0, "bound": 5.0, "nodes": {"small": 2, "big": 1}}
    assert 0 < found["seconds"] < 60
    (row,) = csv.DictReader(io.StringIO(run("referee", "melange", instance, "--format", "csv").out))
    assert (row["usd_per_hour"], row["nodes"]) == ("4.0", "1 x small + 1 x big")


def test_text_and_markdown_say_the_same(run: Run, instance: Path) -> None:
    text = run("referee", "melange", instance)
    assert text.code == 0
    assert "mixed: optimal $4.000000/h" in text.out
    # 3 short/s: one small node takes 2 of them, the quarter of the big one that long leaves free the last
    assert "split: 0.0: 66.7% on small, 33.3% on big" in text.out
    assert "| mixed | optimal | 4.0 |" in run("referee", "melange", instance, "--format", "markdown").out


def test_an_instance_that_cannot_be_served_exits_with_1(run: Run, instance: Path, tmp_path: Path) -> None:
    path = tmp_path / "stuck.json"
    path.write_text(json.dumps({**CONFIG, "gpu_info": {"small": CONFIG["gpu_info"]["small"]}}), encoding="utf-8")
    found = run("referee", "melange", instance, path)
    assert found.code == 1
    assert "no GPU can serve 0.1" in found.out


SYSTEM = {
    "acceleratorData": {"accelerators": [{"name": "card", "type": "C", "multiplicity": 1, "cost": 150}]},
    "capacityData": {"count": [{"type": "C", "count": 1}]},
    "modelData": {"models": [{"name": "m", "acc": "card", "accCount": 1, "maxBatchSize": 4, "atTokens": 11,
                              "decodeParms": {"alpha": 10, "beta": 1}, "prefillParms": {"gamma": 5, "delta": 0}}]},
    "serviceClassData": {"serviceClasses": [
        {"name": "gold", "priority": 1, "modelTargets": [{"model": "m", "slo-itl": 20}]},
        {"name": "tin", "priority": 2, "modelTargets": [{"model": "m", "slo-itl": 20}]}]},
    "serverData": {"servers": [
        {"name": name, "class": name, "model": "m",
         "currentAlloc": {"load": {"arrivalRate": 60, "avgInTokens": 5, "avgOutTokens": 11}}}
        for name in ("gold", "tin")]},
}
"""One request/s each; a card carries some twenty, but each server needs its own and there is one."""


def test_inferno_says_what_is_short_and_what_is_dropped(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "system.json"
    path.write_text(json.dumps({"system": SYSTEM}), encoding="utf-8")
    short = run("referee", "inferno", path)
    assert short.code == 1
    assert "1 more C (has 1)" in short.out
    shed = run("referee", "inferno", path, "--shed", "--single")
    assert shed.code == 0
    assert "system.json, single: optimal, $1.5000/h, bound $1.5000/h" in shed.out
    assert "dropped, the lowest priority first: tin" in shed.out
    (found,) = json.loads(run("referee", "inferno", path, "--shed", "--format", "json").out)
    assert (found["status"], found["dropped"], found["nodes"]) == ("optimal", ["tin"], {"card": 1})
    rows = list(csv.DictReader(io.StringIO(run("referee", "inferno", path, "--shed", "--format", "csv").out)))
    assert [(row["server"], row["replicas"]) for row in rows] == [("gold", "1"), ("tin", "0")]
    assert "| gold | 1 x card |" in run("referee", "inferno", path, "--shed", "--format", "markdown").out


def test_the_faults_of_all_files_come_at_once(run: Run, tmp_path: Path) -> None:
    paths = [tmp_path / "one.json", tmp_path / "two.json"]
    for path in paths:
        path.write_text("{}", encoding="utf-8")
    found = run("referee", "melange", *paths)
    assert found.code == 2
    assert found.err.count("one.json: gpu_info") == found.err.count("two.json: gpu_info") == 1
    assert run("referee", "melange", paths[0], "--time-limit", "0").code == 2


@pytest.mark.parametrize("asked", [("--help",), ("melange", "FILE"), ("inferno", "FILE", "--single")])
def test_without_its_package_it_says_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch, asked: tuple[str, ...]
) -> None:
    """The wheel leaves the package out: the command is there and says so, all others go on."""
    monkeypatch.setitem(sys.modules, "gpumix_referee", None)
    monkeypatch.delitem(sys.modules, "gpumix_referee.commands", raising=False)
    result = run("referee", *asked)
    assert (result.code, result.out) == (2, "")
    assert "found no such package; allowed: an installation from a checkout of gpumix (pip install -e . there)" in (
        result.err)
    assert run("--help").code == 0
