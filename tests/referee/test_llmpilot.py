"""LLM-Pilot's 19 instances at their proven optimum, through the file format its users have."""

from __future__ import annotations

import csv
import json
from itertools import groupby
from pathlib import Path

import pytest

from gpumix_referee.llmpilot import judge, read_instance, write_overlay
from optimizer.errors import InputError
from optimizer.load import load_catalog, load_problem

DATA = Path(__file__).parent.parent / "data" / "llmpilot_instances.csv"
ROWS = list(csv.DictReader(DATA.read_text(encoding="utf-8").splitlines()))
INSTANCES = {name: list(rows) for name, rows in groupby(ROWS, key=lambda row: row["instance"])}


def instance_file(name: str, folder: Path) -> Path:
    """Write an instance in LLM-Pilot's JSON."""
    rows = INSTANCES[name]
    path = folder / f"{name}.json"
    path.write_text(
        json.dumps(
            {
                "model": rows[0]["model"],
                "grade": rows[0]["grade"],
                "min_user_tps_p50": int(rows[0]["min_user_tps_p50"]),
                "concurrent_users": int(rows[0]["concurrent_users"]),
                "optimum": float(rows[0]["optimum_usd_per_hour"]),
                "options": {
                    row["option"]: {"users": int(row["users"]), "cost": float(row["cost_usd_per_hour"])} for row in rows
                },
            }
        ),
        encoding="utf-8",
    )
    return path


def test_there_are_nineteen_instances() -> None:
    assert len(INSTANCES) == 19


@pytest.mark.parametrize("name", INSTANCES)
def test_every_instance_comes_out_at_its_proven_optimum(name: str, tmp_path: Path) -> None:
    verdict = judge(instance_file(name, tmp_path))
    options = {row["option"]: row for row in INSTANCES[name]}
    assert verdict.status == "optimal"
    assert verdict.usd_per_hour == pytest.approx(float(INSTANCES[name][0]["optimum_usd_per_hour"]), abs=2e-6)
    assert verdict.bound == verdict.usd_per_hour
    # the nodes themselves carry the users at that cost
    carried = sum(int(options[option]["users"]) * count for option, count in verdict.nodes.items())
    cost = sum(float(options[option]["cost_usd_per_hour"]) * count for option, count in verdict.nodes.items())
    assert carried >= int(INSTANCES[name][0]["concurrent_users"])
    assert cost == pytest.approx(verdict.usd_per_hour, abs=2e-6)


def test_the_overlay_that_is_kept_is_a_problem_like_any_other(tmp_path: Path) -> None:
    instance = read_instance(instance_file("llama-13b_B_u50", tmp_path))
    folder = tmp_path / "kept"
    problem = write_overlay(instance, load_catalog(references=()), folder)
    loaded = load_problem(str(problem))
    catalog = load_catalog(overlays=[folder], references={instance.model})
    assert loaded.problem.services[0].demand is not None
    assert loaded.problem.services[0].demand.peak_concurrency == 50
    assert catalog.capacities["users", "1xh100"].max_concurrency == 16


def test_a_model_that_no_catalog_knows_is_no_obstacle_where_capacities_are_stated(tmp_path: Path) -> None:
    path = tmp_path / "unheard-of.json"
    path.write_text(
        json.dumps(
            {
                "model": "somebody/unheard-of-1b",
                "min_user_tps_p50": 15,
                "concurrent_users": 10,
                "options": {"1xt4": {"users": 3, "cost": 1.0}, "2xt4": {"users": 7, "cost": 2.0}},
            }
        ),
        encoding="utf-8",
    )
    # 10 users: 7 + 3 for $3.00 beats 4 x 3 for $4.00 and 2 x 7 for $4.00
    assert judge(path).usd_per_hour == 3.0


@pytest.mark.parametrize(
    ("text", "place", "found"),
    [
        ("{", "", "JSON cannot read"),
        ("[]", "options", "no mapping"),
        ('{"options": {}}', "options", "no mapping"),
        (
            '{"options": {"h100": {"users": 1, "cost": 1}}, "min_user_tps_p50": 15, "concurrent_users": 1}',
            "options.h100",
            "'h100'",
        ),
        (
            '{"options": {"1xh100": {"users": 0, "cost": 1}}, "min_user_tps_p50": 15, "concurrent_users": 1}',
            "options.1xh100.users",
            "0",
        ),
        (
            '{"options": {"1xh100": {"users": 2, "cost": NaN}}, "min_user_tps_p50": 15, "concurrent_users": 1}',
            "options.1xh100.cost",
            "nan",
        ),
        (
            '{"options": {"1xh100": {"users": 2, "cost": 1}}, "min_user_tps_p50": "fast", "concurrent_users": 1}',
            "min_user_tps_p50",
            "'fast'",
        ),
    ],
)
def test_a_file_that_is_no_instance_is_refused_with_its_place(
    text: str, place: str, found: str, tmp_path: Path
) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        judge(path)
    assert any(fault.key == place and found in fault.found for fault in raised.value.faults)


def test_a_gpu_that_no_catalog_knows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(
        '{"options": {"1xabacus": {"users": 2, "cost": 1}}, "min_user_tps_p50": 15, "concurrent_users": 1}',
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="abacus"):
        judge(path)
